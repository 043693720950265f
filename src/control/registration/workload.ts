// What a workload says of itself, read field by field: everything in a registration is a stranger's word until it fits.

import { parseAddress } from "../../base/cidr.ts";
import { dns1035Name, labelName, labelValue, type NameRule, subdomainName } from "../../kube/names.ts";
import { attempt, MalformedError, type Parsed } from "../../pki/parsed.ts";
import type { ServiceAccount } from "../../pki/spiffe.ts";
import type {
  Application,
  Gateway,
  Instance,
  RegisterRequest,
  Sidecar,
} from "../../xds/gen/heddle/registration/v1/registration_pb.ts";
import { workloadNameOf } from "../../xds/registration.ts";

const PROTOCOLS = ["http", "http2", "grpc", "tcp"] as const;
const PROXIES = ["heddle", "envoy"] as const;
/** One is a listener of its own in the proxy; people write a handful. */
const MAX_UPSTREAMS = 64;
/** Of a gateway: people open a handful. */
const MAX_GATEWAY_PORTS = 64;
const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 64;
/** Kubernetes' rule for reasons of conditions, and a length. */
const REASON = /^[A-Za-z][A-Za-z0-9]{0,63}$/;
const HOST = /^[A-Za-z0-9.-]{1,253}$/;

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** An instance, and the proof that who speaks is it. */
export interface InstanceProof {
  readonly name: string;
  readonly key: Uint8Array;
}

/** How connections come to the proxy without having been addressed to it, or what is addressed instead. */
export type WayIn =
  | { readonly kind: "ports"; readonly forwardProxy: number; readonly inbound: number }
  | {
      readonly kind: "capture";
      readonly outbound: number;
      readonly inbound: number;
      readonly machineAddress: string | undefined;
    };

export interface GatewayPort {
  readonly servicePort: number;
  readonly port: number;
}

export interface RegisteredWorkload {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Of this instance: the Pod's. */
  readonly name: string;
  readonly app: string;
  readonly version: string;
  readonly workloadName: string;
  readonly address: string;
  /** Undefined for one that only calls. */
  readonly application:
    | { readonly port: number; readonly servicePort: number; readonly protocol: (typeof PROTOCOLS)[number] }
    | undefined;
  /** WorkloadGroup of its namespace that it registers by. */
  readonly group: string | undefined;
  /** Undefined for a sidecar. */
  readonly gateway: { readonly ports: readonly GatewayPort[] } | undefined;
  readonly proxy: {
    readonly kind: (typeof PROXIES)[number];
    readonly meshPort: number;
    readonly statusPort: number;
    readonly wayIn: WayIn;
  };
  readonly upstreams: readonly { readonly port: number; readonly host: string; readonly servicePort: number }[];
}

export function readInstance(instance: Instance | undefined): Parsed<InstanceProof> {
  return attempt(() => {
    const { name, key } = present(instance, "instance");
    if (key.length < MIN_KEY_BYTES || key.length > MAX_KEY_BYTES)
      throw new MalformedError(`instance.key has ${key.length} bytes, not ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES}`);
    return { name: named(name, "instance.name", subdomainName), key };
  });
}

/** `account` is whose it is, as the connection proved. */
export function readWorkload(request: RegisterRequest, account: ServiceAccount): Parsed<RegisteredWorkload> {
  return attempt(() => {
    const { instance, application, gateway, upstreams } = request;
    const group = request.group === "" ? undefined : named(request.group, "group", subdomainName);
    if (group !== undefined && gateway) throw new MalformedError("a gateway registers by no group");
    if (application && gateway) throw new MalformedError("a gateway has no application");
    if (upstreams.length > MAX_UPSTREAMS) throw new MalformedError(`more than ${MAX_UPSTREAMS} upstreams`);
    const app = named(request.app, "app", application || gateway ? dns1035Name : labelName);
    const version = named(request.version, "version", labelValue);
    return {
      namespace: named(account.namespace, "namespace", labelName),
      serviceAccount: named(account.name, "service account", subdomainName),
      name: named(present(instance, "instance").name, "instance.name", subdomainName),
      app,
      version,
      workloadName: named(workloadNameOf({ app, version }), "app and version", labelValue),
      address: unicast(request.address),
      application: application && readApplication(application),
      group,
      gateway: gateway && readGateway(gateway),
      proxy: readSidecar(present(request.sidecar, "sidecar")),
      upstreams: upstreams.map(({ port, host, servicePort }) => {
        if (!HOST.test(host)) throw new MalformedError(`${quoted(host)} is no host of an upstream`);
        return { port: portOf(port, "an upstream"), host, servicePort: portOf(servicePort, "an upstream's service") };
      }),
    };
  });
}

export function readReadiness({ ready, reason }: RegisterRequest): Parsed<Readiness> {
  return attempt(() => {
    if (ready) return { ready };
    if (!REASON.test(reason)) throw new MalformedError(`reason ${quoted(reason)} is not one word in CamelCase`);
    return { ready, reason };
  });
}

function readApplication({ port, servicePort, protocol }: Application): RegisteredWorkload["application"] {
  return {
    port: portOf(port, "application.port"),
    servicePort: portOf(servicePort, "application.service_port"),
    protocol: oneOf(PROTOCOLS, protocol, "application.protocol"),
  };
}

function readGateway({ ports }: Gateway): RegisteredWorkload["gateway"] {
  if (ports.length > MAX_GATEWAY_PORTS) throw new MalformedError(`more than ${MAX_GATEWAY_PORTS} ports of a gateway`);
  const read = ports.map(({ servicePort, port }) => ({
    servicePort: portOf(servicePort, "gateway.ports.service_port"),
    port: portOf(port, "gateway.ports.port"),
  }));
  const taken = new Set(read.map(({ servicePort }) => servicePort));
  if (taken.size < read.length) throw new MalformedError("gateway.ports name one service_port twice");
  return { ports: read };
}

function readSidecar({ proxy, meshPort, statusPort, wayIn }: Sidecar): RegisteredWorkload["proxy"] {
  return {
    kind: oneOf(PROXIES, proxy, "sidecar.proxy"),
    meshPort: portOf(meshPort, "sidecar.mesh_port"),
    statusPort: portOf(statusPort, "sidecar.status_port"),
    wayIn: readWayIn(wayIn),
  };
}

function readWayIn(wayIn: Sidecar["wayIn"]): WayIn {
  switch (wayIn.case) {
    case "ports": {
      const { forwardProxy, inbound } = wayIn.value;
      return {
        kind: "ports",
        forwardProxy: portOf(forwardProxy, "sidecar.ports.forward_proxy"),
        inbound: portOf(inbound, "sidecar.ports.inbound"),
      };
    }
    case "capture": {
      const { outboundPort, inboundPort, machineAddress } = wayIn.value;
      return {
        kind: "capture",
        outbound: portOf(outboundPort, "sidecar.capture.outbound_port"),
        inbound: portOf(inboundPort, "sidecar.capture.inbound_port"),
        machineAddress: machineAddress === "" ? undefined : unicast(machineAddress),
      };
    }
    case undefined:
      throw new MalformedError("sidecar has neither ports nor capture");
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}

function present<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new MalformedError(`${field} is missing`);
  return value;
}

function named(name: string, field: string, rule: NameRule): string {
  const [problem] = name === "" ? ["must not be empty"] : rule(name);
  if (problem !== undefined) throw new MalformedError(`${field} ${quoted(name)} ${problem}`);
  return name;
}

function portOf(port: number, field: string): number {
  if (port < 1 || port > 65_535) throw new MalformedError(`${field}: ${port} is not a port from 1 to 65535`);
  return port;
}

function oneOf<T extends string>(choices: readonly T[], value: string, field: string): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new MalformedError(`${field} ${quoted(value)} is not one of ${choices.join(", ")}`);
  return found;
}

/** An address that somebody can connect to: neither unspecified, nor multicast, nor broadcast. */
function unicast(text: string): string {
  const bytes = text.length <= 64 ? parseAddress(text) : undefined;
  const first = bytes?.[0] ?? 0;
  const reserved =
    bytes?.length === 4 ? first === 0 || first >= 224 : first === 0xff || bytes?.every((byte) => byte === 0);
  if (!bytes || reserved) throw new MalformedError(`address ${quoted(text)} is not an IP address that peers can reach`);
  return text;
}
