// The annotations that say what stands beside a workload: the single source for the control plane, whoever registered it.

import { parseAddress } from "../../base/cidr.ts";
import type { MeshSettings } from "../../model/settings.ts";
import type { Capture, GatewayProxy, Upstream, WorkloadProxy } from "../../model/workload.ts";
import { readConnectionSettings, readGatewayConnections } from "../istio/connection-settings.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import { PROXY_CONFIG, readGatewayProxy } from "./gateway-proxy.ts";
import { completeHost } from "./names.ts";
import { readOwnHttp } from "./own-http.ts";

const PROXY = "heddle.dev/proxy";
const MESH_PORT = "heddle.dev/mesh-port";
const INBOUND_PORTS = "heddle.dev/inbound-ports";
const FORWARD_PROXY_PORT = "heddle.dev/forward-proxy-port";
const UPSTREAMS = "heddle.dev/upstreams";
const CAPTURE = "heddle.dev/capture";
const OUTBOUND_PORT = "heddle.dev/outbound-port";
const INBOUND_PORT = "heddle.dev/inbound-port";
const MACHINE_ADDRESS = "heddle.dev/machine-address";
/** `"true"`: no application stands beside it, and Gateways open its ports. */
const GATEWAY = "heddle.dev/gateway";
const BIND_ADDRESS = "heddle.dev/bind-address";

/** Istio's, a default: several sidecars may share a host. */
const DEFAULT_MESH_PORT = 15_008;

type Annotations = Readonly<Record<string, string>>;

/** Undefined when the annotation `heddle.dev/proxy` is not there: the workload has no proxy. */
export function readProxy(
  annotations: Annotations,
  namespace: string,
  settings: MeshSettings,
  reporter: Reporter,
): WorkloadProxy | undefined {
  const reader = new AnnotationReader(annotations, reporter);
  const kind = annotations[PROXY];
  if (kind === undefined) return undefined;
  if (kind !== "heddle" && kind !== "envoy") {
    reader.refuse(PROXY, '"heddle" or "envoy"');
    return undefined;
  }
  return {
    kind,
    meshPort: reader.port(MESH_PORT) ?? DEFAULT_MESH_PORT,
    bindAddress: reader.address(BIND_ADDRESS) ?? "0.0.0.0",
    inboundPorts: reader.list(
      INBOUND_PORTS,
      '"8080=15006": the application\'s port and the one that takes plaintext for it',
      (entry) => {
        const [application, plaintext] = entry.split("=").map(portNumber);
        return application !== undefined && plaintext !== undefined ? { application, plaintext } : undefined;
      },
    ),
    forwardProxyPort: forwardProxyPort(annotations, settings, reader),
    upstreams: reader.list(
      UPSTREAMS,
      '"9191=golden-signal:80": the local port, the host and the service\'s port',
      (entry) => upstream(entry, namespace, settings.clusterDomain),
    ),
    capture: captureOf(annotations, settings, reader),
    ...ofKind(annotations, settings, reader, reporter),
  };
}

/** What a gateway has and a sidecar has not, and the other way round. */
function ofKind(
  annotations: Annotations,
  settings: MeshSettings,
  reader: AnnotationReader,
  reporter: Reporter,
): Pick<WorkloadProxy, "gateway" | "http"> {
  const { headers, connections } = readOwnHttp(annotations[PROXY_CONFIG], reporter);
  const own = headers ? { headers } : {};
  if (!isGateway(annotations, reader)) {
    const http = connections ? { ...own, connections: readConnectionSettings(connections) } : own;
    return Object.keys(http).length === 0 ? {} : { http };
  }
  const gateway = gatewayOf(annotations, settings, reader);
  return {
    gateway: gateway && connections ? { ...gateway, connections: readGatewayConnections(connections) } : gateway,
    ...(headers ? { http: own } : {}),
  };
}

function isGateway(annotations: Annotations, reader: AnnotationReader): boolean {
  const gateway = annotations[GATEWAY] ?? "false";
  if (gateway !== "true" && gateway !== "false") reader.refuse(GATEWAY, '"true" or "false"');
  return gateway === "true";
}

function gatewayOf(
  annotations: Annotations,
  { defaults }: MeshSettings,
  reader: AnnotationReader,
): GatewayProxy | undefined {
  const gateway = readGatewayProxy(annotations[PROXY_CONFIG], defaults.gateway);
  if (!gateway)
    reader.refuse(PROXY_CONFIG, "gatewayTopology: {numTrustedProxies: 1, forwardClientCertDetails: SANITIZE_SET}");
  return gateway;
}

/** A gateway has no application that could ask it. */
function forwardProxyPort(
  annotations: Annotations,
  { listenPorts }: MeshSettings,
  reader: AnnotationReader,
): number | undefined {
  return reader.port(FORWARD_PROXY_PORT) ?? (annotations[GATEWAY] === "true" ? undefined : listenPorts.http);
}

function captureOf(
  annotations: Annotations,
  { listenPorts }: MeshSettings,
  reader: AnnotationReader,
): Capture | undefined {
  const capture = annotations[CAPTURE];
  if (capture === undefined || capture === "false") return undefined;
  if (capture !== "true") reader.refuse(CAPTURE, '"true" or "false"');
  return {
    outboundPort: reader.port(OUTBOUND_PORT) ?? listenPorts.outbound,
    inboundPort: reader.port(INBOUND_PORT) ?? listenPorts.inbound,
    machineAddress: reader.address(MACHINE_ADDRESS),
  };
}

function upstream(entry: string, namespace: string, clusterDomain: string): Upstream | undefined {
  const [, local, host, remote] = /^(\d+)=([A-Za-z0-9.-]+):(\d+)$/.exec(entry) ?? [];
  const port = portNumber(local);
  const servicePort = portNumber(remote);
  if (host === undefined || port === undefined || servicePort === undefined) return undefined;
  const written = host.toLowerCase().replace(/\.$/, "");
  const complete = completeHost(host, namespace, clusterDomain);
  return { port, host: complete, ...(written.split(".").length === 2 && { written }), servicePort };
}

function portNumber(text: string | undefined): number | undefined {
  const number = text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 65_535 ? number : undefined;
}

class AnnotationReader {
  readonly #annotations: Annotations;
  readonly #reporter: Reporter;

  constructor(annotations: Annotations, reporter: Reporter) {
    this.#annotations = annotations;
    this.#reporter = reporter;
  }

  refuse(name: string, wanted: string): void {
    const path = joinPath("metadata.annotations", name);
    this.#reporter.report(path, diagnostics.badAnnotation(name, this.#annotations[name] ?? "", wanted));
  }

  port(name: string): number | undefined {
    const text = this.#annotations[name];
    const number = portNumber(text);
    if (text !== undefined && number === undefined) this.refuse(name, "a port from 1 to 65535");
    return number;
  }

  address(name: string): string | undefined {
    const text = this.#annotations[name];
    if (text !== undefined && !parseAddress(text)) this.refuse(name, "an IP address");
    return text;
  }

  /** Entries between commas; `read` gives undefined for one that is wrong. */
  list<T>(name: string, wanted: string, read: (entry: string) => T | undefined): readonly T[] {
    const entries = (this.#annotations[name] ?? "").split(",").map((entry) => entry.trim());
    const values = entries.filter((entry) => entry !== "").map(read);
    if (values.includes(undefined)) this.refuse(name, wanted);
    return values.filter((value) => value !== undefined);
  }
}
