// Sidecar → proxy scopes: what workloads may call and how they are called.

import { parseAddress } from "../../base/cidr.ts";
import { isUnixAddress } from "../../model/endpoint.ts";
import { isHttp, PROTOCOLS, type Protocol } from "../../model/protocol.ts";
import type {
  ApplicationEndpoint,
  EgressListener,
  EgressPort,
  ImportedHost,
  ImportedNamespace,
  IngressListener,
  OutboundRule,
  ProxyScope,
  ScopedWorkloads,
} from "../../model/proxy-scope.ts";
import { decodeObject } from "../decode.ts";
import { wildcardProblem } from "../formats.ts";
import { isObjectName } from "../object.ts";
import * as common from "./diagnostics.ts";
import { readServerTls } from "./gateway-tls.ts";
import { resolveHost } from "./names.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import { checkSelector } from "./selector.ts";
import * as diagnostics from "./sidecar-diagnostics.ts";
import { type EgressSpec, type IngressSpec, SIDECAR, type SidecarSpec } from "./sidecar-schema.ts";
import { checkConnectionPool, readConnectionPool } from "./traffic-policy.ts";
import { socketPath } from "./unix-socket.ts";

/** Undefined when a field of it is wrong. */
export function readSidecar(reading: Reading): ProxyScope | undefined {
  const { object, origin, reporter } = reading;
  const read = decodeObject(SIDECAR, object, reporter);
  if (!read) return undefined;
  const spec = read.spec ?? {};
  const { ingress = [], egress = [], outboundTrafficPolicy, inboundConnectionPool } = spec;
  if (ingress.length + egress.length === 0 && !outboundTrafficPolicy && !inboundConnectionPool)
    reporter.report("spec", diagnostics.emptySidecar());
  checkSelector(spec.workloadSelector && (spec.workloadSelector.labels ?? {}), "spec.workloadSelector", reporter);
  checkConnectionPool(inboundConnectionPool, "spec.inboundConnectionPool", reporter);
  return {
    origin,
    createdAt: object.createdAt,
    workloads: workloadsOf(spec, reading),
    egress: readEgress(egress, reading),
    ingress: readIngress(ingress, reading),
    connectionPool: inboundConnectionPool && readConnectionPool(inboundConnectionPool),
    outbound: outboundTrafficPolicy && readOutbound(outboundTrafficPolicy, reading),
  };
}

/** In a root namespace one without a selector is for everybody who has none of his own; one with a selector for workloads of that namespace. */
function workloadsOf({ workloadSelector }: SidecarSpec, { namespace, settings }: Reading): ScopedWorkloads {
  if (workloadSelector) return { kind: "namespace", namespace, labels: workloadSelector.labels ?? {} };
  return settings.rootNamespaces.includes(namespace) ? { kind: "mesh" } : { kind: "namespace", namespace };
}

/** No egress at all is everything, as Istio has it: a Sidecar for ingress alone must not cut its workloads off. */
function readEgress(specs: readonly EgressSpec[], reading: Reading): ProxyScope["egress"] {
  const { reporter } = reading;
  const ports = new Set<number>();
  const listeners = specs.flatMap((spec, i): readonly EgressListener[] => {
    const path = `spec.egress[${i}]`;
    const number = spec.port?.number;
    if (!spec.port && i < specs.length - 1) reporter.report(path, diagnostics.catchAllNotLast());
    if (number !== undefined && number > 0 && ports.has(number))
      reporter.report(`${path}.port.number`, diagnostics.egressPortTwice(number));
    if (number !== undefined) ports.add(number);
    if (spec.port?.targetPort) reporter.report(`${path}.port.targetPort`, refusals.targetPortOfServer("Sidecars"));
    const hosts = readHosts(spec, path, reading);
    return [{ path, ...hosts, port: readDoor(spec, path, reading) }];
  });
  const [only] = listeners;
  return specs.length === 0 || (listeners.length === 1 && only && isEverything(only)) ? undefined : listeners;
}

function isEverything({ hosts, except, port }: EgressListener): boolean {
  const all = hosts.some(({ namespace, host }) => namespace.kind === "any" && host === "*");
  return all && except.length === 0 && !port;
}

function readHosts(spec: EgressSpec, path: string, { reporter }: Reading): Pick<EgressListener, "hosts" | "except"> {
  const hosts: ImportedHost[] = [];
  const except: ImportedHost[] = [];
  if (spec.hosts.length === 0) reporter.report(`${path}.hosts`, diagnostics.noEgressHosts());
  for (const [i, written] of spec.hosts.entries()) {
    if (spec.hosts.indexOf(written) < i) reporter.report(`${path}.hosts[${i}]`, refusals.egressHostTwice(written));
    const read = readHost(written);
    if (typeof read === "string") reporter.report(`${path}.hosts[${i}]`, diagnostics.badEgressHost(written, read));
    else if (read.kind !== "nothing") (read.kind === "import" ? hosts : except).push(read.host);
  }
  if (spec.hosts.length > 1 && hosts.length > 1 && spec.hosts.includes("*/*"))
    reporter.report(`${path}.hosts`, diagnostics.everythingAndMore());
  if (hosts.length === 0 && except.length > 0) reporter.report(`${path}.hosts`, diagnostics.nothingButExceptions());
  return { hosts, except };
}

type ReadHost = { readonly kind: "nothing" } | { readonly kind: "import" | "except"; readonly host: ImportedHost };

/** A text is what is wrong with it. */
function readHost(written: string): ReadHost | string {
  const slash = written.indexOf("/");
  if (slash === -1) return "it names no namespace";
  const owner = written.slice(0, slash);
  const host = written
    .slice(slash + 1)
    .toLowerCase()
    .replace(/\.$/, "");
  if (owner === "~") return host === "*" ? { kind: "nothing" } : '"~" stands for none, and takes "*" alone';
  const problem = wildcardProblem(host);
  if (problem !== undefined) return problem;
  const isException = owner.startsWith("~");
  const namespace = namespaceOf(isException ? owner.slice(1) : owner);
  if (!namespace) return `${JSON.stringify(owner)} is no namespace`;
  return { kind: isException ? "except" : "import", host: { namespace, host } };
}

function namespaceOf(text: string): ImportedNamespace | undefined {
  if (text === "*") return { kind: "any" };
  if (text === ".") return { kind: "own" };
  return isObjectName(text) ? { kind: "named", name: text } : undefined;
}

const LOOPBACK = "127.0.0.1";

function readDoor(spec: EgressSpec, path: string, { reporter }: Reading): EgressPort | undefined {
  const { port, bind = "", captureMode } = spec;
  if (!port) {
    if (captureMode === "NONE") reporter.report(path, diagnostics.boundWithoutPort());
    return undefined;
  }
  const { protocol = "" } = port;
  const takes = takenBy(protocol);
  if (!takes) reporter.report(`${path}.port.protocol`, common.unsupportedProtocol(protocol, EGRESS_PROTOCOLS));
  if (isUnixAddress(bind) || port.number === 0) {
    const file = port.number === 0 ? socketPath(bind) : undefined;
    if (file === undefined) reporter.report(`${path}.bind`, diagnostics.badBind(bind));
    if (captureMode === "IPTABLES") reporter.report(`${path}.captureMode`, diagnostics.socketNotCaptured());
    return { number: 0, takes: takes ?? "bytes", isBound: true, file: file ?? "" };
  }
  if (bind !== "" && !parseAddress(bind)) reporter.report(`${path}.bind`, diagnostics.badBind(bind));
  const isBound = captureMode === "NONE";
  const isAnywhere = bind === "" || bind === "0.0.0.0" || bind === "::";
  const address = isBound ? bind || LOOPBACK : isAnywhere ? undefined : bind;
  return { number: port.number, takes: takes ?? "bytes", address, isBound };
}

const HTTP_PROXY = "HTTP_PROXY";
const PROTOCOL_NAMES = PROTOCOLS.filter((protocol) => protocol !== "undeclared").map((name) => name.toUpperCase());
const EGRESS_PROTOCOLS = [...PROTOCOL_NAMES, HTTP_PROXY];

/** Istio looks at the first bytes where no protocol is written. */
function takenBy(written: string): EgressPort["takes"] | undefined {
  if (written === "") return "either";
  if (written.toUpperCase() === HTTP_PROXY) return "proxy";
  const protocol = protocolOf(written);
  return protocol && (["http", "http2", "grpc", "grpc-web"].includes(protocol) ? "requests" : "bytes");
}

function protocolOf(written: string): Protocol | undefined {
  const name = written.toLowerCase();
  return PROTOCOLS.find((protocol) => protocol === name && protocol !== "undeclared");
}

function readIngress(specs: readonly IngressSpec[], reading: Reading): readonly IngressListener[] {
  const { reporter } = reading;
  const ports = new Set<number>();
  return specs.map((spec, i): IngressListener => {
    const path = `spec.ingress[${i}]`;
    const { number } = spec.port;
    if (ports.has(number)) reporter.report(`${path}.port.number`, diagnostics.ingressPortTwice(number));
    ports.add(number);
    if (spec.port.targetPort) reporter.report(`${path}.port.targetPort`, refusals.targetPortOfServer("Sidecars"));
    const written = spec.port.protocol ?? "";
    const protocol = written === "" ? "undeclared" : protocolOf(written);
    if (!protocol) reporter.report(`${path}.port.protocol`, common.unsupportedProtocol(written, PROTOCOL_NAMES));
    checkConnectionPool(spec.connectionPool, `${path}.connectionPool`, reporter);
    if (spec.connectionPool?.http && protocol && protocol !== "undeclared" && !isHttp(protocol))
      reporter.report(`${path}.connectionPool.http`, refusals.httpLimitsOfBytes(written.toUpperCase()));
    return {
      path,
      port: number,
      protocol: protocol ?? "undeclared",
      endpoint: readEndpoint(spec.defaultEndpoint ?? "", `${path}.defaultEndpoint`, reading),
      tls: readTls(spec, protocol, `${path}.tls`, reading),
      connectionPool: spec.connectionPool && readConnectionPool(spec.connectionPool),
      bound: readBound(spec, path, reading),
    };
  });
}

/** Istio reads `bind` where the port is not captured alone. */
function readBound(
  { port, bind = "", captureMode, defaultEndpoint }: IngressSpec,
  path: string,
  { reporter }: Reading,
): IngressListener["bound"] {
  if (bind !== "" && !parseAddress(bind)) reporter.report(`${path}.bind`, diagnostics.badIngressBind(bind));
  if (captureMode !== "NONE") {
    if (bind !== "") reporter.report(`${path}.bind`, diagnostics.boundNowhere());
    return undefined;
  }
  const isEverywhere = bind === "" || bind === "0.0.0.0" || bind === "::";
  const application = defaultEndpoint === undefined ? { port: port.number } : addressOf(defaultEndpoint);
  if (isEverywhere && application?.port === port.number)
    reporter.report(path, diagnostics.boundWhereApplicationIs(port.number));
  return { address: bind === "" ? undefined : bind };
}

const ENDPOINT = /^(?<host>\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]|):(?<port>\d{1,5})$/i;

function readEndpoint(written: string, path: string, { reporter }: Reading): ApplicationEndpoint | undefined {
  if (written === "") return undefined;
  const file = socketPath(written);
  const endpoint = file === undefined ? addressOf(written) : ({ kind: "socket", file } as const);
  if (!endpoint) reporter.report(path, diagnostics.badDefaultEndpoint(written));
  return endpoint;
}

function addressOf(written: string): Exclude<ApplicationEndpoint, { readonly kind: "socket" }> | undefined {
  const { host = "", port = "" } = ENDPOINT.exec(written)?.groups ?? {};
  const number = Number(port);
  if (number < 1 || number > 65_535) return undefined;
  switch (host) {
    case "":
      return { kind: "loopback", address: LOOPBACK, port: number };
    case "127.0.0.1":
    case "[::1]":
      return { kind: "loopback", address: host.replace(/[[\]]/g, ""), port: number };
    case "0.0.0.0":
    case "[::]":
      return { kind: "instance", port: number };
    default:
      return undefined;
  }
}

/** What else Gateways can have is not for sidecars: no redirect, no Secret. */
function readTls(
  { tls, port }: IngressSpec,
  protocol: Protocol | undefined,
  path: string,
  { reporter }: Reading,
): IngressListener["tls"] {
  if (!tls || !protocol) return undefined;
  const mode = tls.mode ?? "PASSTHROUGH";
  if (mode !== "SIMPLE" && mode !== "MUTUAL") {
    reporter.report(path, diagnostics.ingressTlsMode(mode));
    return undefined;
  }
  if (tls.credentialName !== undefined || tls.credentialNames !== undefined || tls.caCertCredentialName !== undefined) {
    reporter.report(path, diagnostics.ingressTlsFiles());
    return undefined;
  }
  if (protocol === "http" || protocol === "udp") {
    reporter.report(path, diagnostics.plainPortWithTls(port.protocol ?? ""));
    return undefined;
  }
  const read = readServerTls(tls, "https", path, reporter);
  return read?.kind === "terminate" ? read : undefined;
}

/** A mode that is not written is REGISTRY_ONLY, the enum's zero, whatever the mesh has. */
function readOutbound(
  { mode = "REGISTRY_ONLY", egressProxy }: NonNullable<SidecarSpec["outboundTrafficPolicy"]>,
  { namespace, settings, reporter }: Reading,
): OutboundRule {
  const path = "spec.outboundTrafficPolicy.egressProxy";
  const policy = mode === "ALLOW_ANY" ? "allow-any" : "registry-only";
  if (!egressProxy) return { policy };
  if (policy !== "allow-any") reporter.report(path, diagnostics.egressProxyNeedsAllowAny());
  if (!egressProxy.port) reporter.report(path, diagnostics.egressProxyPort());
  const host = resolveHost(egressProxy.host, namespace, settings.clusterDomain);
  return { policy, via: { kind: "service", host, subset: egressProxy.subset, port: egressProxy.port?.number, path } };
}
