// What a workload serves, port by port, as its own proxy must know it.

import type { ConnectionPool } from "../model/client-policy.ts";
import { inboundPortsOf, mtlsMode, serverPolicyOf } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Protocol } from "../model/protocol.ts";
import type { ApplicationEndpoint, IngressListener, ProxyScope } from "../model/proxy-scope.ts";
import type { MtlsMode } from "../model/server-policy.ts";
import type { Service } from "../model/service.ts";
import type { MeshSettings } from "../model/settings.ts";
import type { Workload, WorkloadProxy } from "../model/workload.ts";
import { handsLegsOn, legServerName } from "./leg.ts";

/** Plain data: the memo compares it. */
export interface ServedPort {
  /** The application's. */
  readonly number: number;
  readonly protocol: Protocol;
  readonly mode: MtlsMode;
  /** Names of the services that lead here, for the leg. */
  readonly serverNames: readonly string[];
  /** Legs come through a gateway as well, where clients that are not Heddle's name a subset. */
  readonly takesSubsets: boolean;
  /** The oldest service that leads here: it declares the protocol and names the port in logs and metrics. */
  readonly service: Service | undefined;
  readonly servicePort: number | undefined;
  /** The proxy's port that takes what is sent to the application in the clear; undefined when connections are captured. */
  readonly standIn: number | undefined;
  /** What the workload itself says of the port. */
  readonly own: OwnPort | undefined;
  /** The proxy listens on the port itself, at this address. */
  readonly boundTo: string | undefined;
}

/** Plain data: the memo compares it. */
export interface OwnPort {
  /** Declared by the workload for its own port: the leg goes by what services say, which is what clients know. */
  readonly protocol: Protocol | undefined;
  /** Undefined: the port of the loopback interface. */
  readonly endpoint: ApplicationAddress | undefined;
  readonly tls: IngressListener["tls"];
  readonly connectionPool: ConnectionPool | undefined;
}

export type ApplicationAddress =
  | { readonly kind: "address"; readonly address: string; readonly port: number }
  | { readonly kind: "socket"; readonly file: string };

/** Ports that services lead to and ports that the proxy stands in for, ascending. A server name belongs to its oldest service. */
export function servedPorts(
  mesh: Mesh,
  workload: Workload,
  proxy: WorkloadProxy,
  scope: ProxyScope | undefined,
): readonly ServedPort[] {
  const bound = new Map(inboundPortsOf(mesh, workload).map((port) => [port.number, port.bindings]));
  const standIns = new Map(proxy.inboundPorts.map(({ application, plaintext }) => [application, plaintext]));
  // Connections to any port are captured; without that a port that nothing stands in for is reached past the proxy.
  const ingress = new Map((scope?.ingress ?? []).map((listener) => [listener.port, listener]));
  const opened = [...ingress.values()].flatMap(({ port, bound }) => (proxy.capture || bound ? [port] : []));
  const numbers = [...new Set([...bound.keys(), ...standIns.keys(), ...opened])].sort((a, b) => a - b);
  const takesSubsets = handsLegsOn(mesh);
  const taken = new Set<string>();
  return numbers.flatMap((number) => {
    const bindings = bound.get(number) ?? [];
    const [oldest] = bindings;
    // Off Kubernetes a process may run before anybody made a service of it.
    const declared = workload.ports.find((port) => port.number === number)?.protocol;
    const listener = ingress.get(number);
    const own = ownPort(workload, number, listener, scope, mesh.settings);
    const protocol = oldest?.port.protocol ?? own?.protocol ?? declared ?? "undeclared";
    if (protocol === "udp") return [];
    const names = bindings.map(({ service, port }) => legServerName(service, port.number));
    const serverNames = [...new Set(names)].filter((name) => !taken.has(name)).sort();
    for (const name of serverNames) taken.add(name);
    return [
      {
        number,
        protocol,
        mode: mtlsMode(mesh, workload, number),
        serverNames,
        takesSubsets,
        service: oldest?.service,
        servicePort: oldest?.port.number,
        standIn: proxy.capture ? undefined : standIns.get(number),
        own,
        boundTo: listener?.bound && (listener.bound.address ?? proxy.bindAddress),
      },
    ];
  });
}

function ownPort(
  workload: Workload,
  number: number,
  ingress: IngressListener | undefined,
  scope: ProxyScope | undefined,
  { applicationAddress, defaults }: MeshSettings,
): OwnPort | undefined {
  const connectionPool = ingress?.connectionPool ?? scope?.connectionPool ?? defaults.client.limits;
  // Not where the proxy itself listens.
  const reached =
    applicationAddress === "workload" && !ingress?.bound
      ? addressOf(workload, { kind: "instance", port: number })
      : undefined;
  if (!ingress)
    return connectionPool || reached
      ? { protocol: undefined, endpoint: reached, tls: undefined, connectionPool }
      : undefined;
  const { endpoint, tls } = ingress;
  // What ends TLS sees the requests inside.
  const protocol =
    tls && ingress.protocol === "https" ? "http" : tls && ingress.protocol === "tls" ? "tcp" : ingress.protocol;
  return { protocol, endpoint: endpoint ? addressOf(workload, endpoint) : reached, tls, connectionPool };
}

function addressOf({ addresses }: Workload, endpoint: ApplicationEndpoint): ApplicationAddress {
  switch (endpoint.kind) {
    case "socket":
      return endpoint;
    case "loopback":
      return { kind: "address", address: endpoint.address, port: endpoint.port };
    case "instance":
      return { kind: "address", address: addresses[0] ?? "127.0.0.1", port: endpoint.port };
  }
}

/** Of ports that no service has, where connections are captured. Plain data: the memo compares it. */
export interface PassThrough {
  readonly letsIn: boolean;
  /** Ports of which the workload's PeerAuthentication says otherwise by number; Istio has chains for these, too (ForPassthrough). */
  readonly otherwise: readonly number[];
}

/** No port's own mode. */
export const ANY_PORT = 0;

/** STRICT lets nobody in: no client of the mesh dials such a port by mutual TLS. */
export function passThroughOf(mesh: Mesh, workload: Workload, served: readonly ServedPort[]): PassThrough {
  const letsIn = (port: number) => mtlsMode(mesh, workload, port) !== "strict";
  const known = new Set(served.map(({ number }) => number));
  const said = serverPolicyOf(mesh, workload)?.ports.map(({ port }) => port) ?? [];
  return {
    letsIn: letsIn(ANY_PORT),
    otherwise: said.filter((port) => !known.has(port) && letsIn(port) !== letsIn(ANY_PORT)).sort((a, b) => a - b),
  };
}

/** The port as it is where clients reach it without the leg. */
export function asDeclaredByOwner(port: ServedPort): ServedPort {
  return port.own?.protocol ? { ...port, protocol: port.own.protocol } : port;
}

/** Whether the leg leads to the port. Names stay out of the listener's map otherwise, so that nobody is offered it. */
export function servesLeg({ mode, serverNames }: ServedPort): boolean {
  return mode !== "disable" && serverNames.length > 0;
}
