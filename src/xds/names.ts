// Names of clusters, listeners, route configurations and virtual hosts, and the server name of the mesh leg. They are Istio's, because
// Kiali, the dashboards and people read them. Every builder has its inverse.

import { parseAddress } from "../base/cidr.ts";

export type Direction = "outbound" | "inbound";

export interface ClusterName {
  readonly direction: Direction;
  /** Outbound: the service's port. Inbound: the workload's port. */
  readonly port: number;
  /** Empty for the whole service. */
  readonly subset: string;
  /** Fully qualified; empty for inbound clusters. */
  readonly host: string;
}

/** Traffic to a destination that no service has, where the mesh allows it, and where it does not. */
export const PASSTHROUGH_CLUSTER = "PassthroughCluster";
export const BLACK_HOLE_CLUSTER = "BlackHoleCluster";
/** Requests of which the Host alone says where they go, where the mesh has it so. */
export const DYNAMIC_DNS_CLUSTER = "AllowAnyDynamicDNSCluster";

/** The proxy's own, of the bootstrap: Istio's name. */
export const LOCAL_CLUSTER = "local_cluster";

export const VIRTUAL_OUTBOUND = "virtualOutbound";
export const VIRTUAL_INBOUND = "virtualInbound";

function parsePort(text: string): number | undefined {
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

/** `outbound|80|v1|golden-signal.default.svc.cluster.local`, `inbound|8080||`. */
export function clusterName({ direction, port, subset, host }: ClusterName): string {
  return `${direction}|${port}|${subset}|${host}`;
}

/** Undefined for a name of another form: PassthroughCluster, a cluster of the bootstrap. */
export function parseClusterName(name: string): ClusterName | undefined {
  const [direction, portText, subset, host, ...rest] = name.split("|");
  if (direction !== "outbound" && direction !== "inbound") return undefined;
  const port = portText === undefined ? undefined : parsePort(portText);
  if (port === undefined || subset === undefined || host === undefined || rest.length > 0) return undefined;
  return { direction, port, subset, host };
}

/** What stands for the subset in the name of one endpoint's cluster, of a headless service. No subset is called so: they are DNS labels. */
export function endpointSubset(subset: string, address: string): string {
  return subset === "" ? address : `${subset}@${address}`;
}

/** Of what stands for the subset in a cluster's name: the subset, and the endpoint that the cluster is for alone. */
export function parseSubset(text: string): { readonly subset: string; readonly address: string | undefined } {
  const at = text.indexOf("@");
  const address = text.slice(at + 1);
  if (parseAddress(address) === undefined) return { subset: text, address: undefined };
  return { subset: text.slice(0, Math.max(at, 0)), address };
}

export interface ServerName {
  readonly port: number;
  /** Istio's own sidecars send the subset; Heddle's leg never does (the client has chosen the endpoint already). */
  readonly subset: string;
  readonly host: string;
}

/** `outbound_.80_._.golden-signal.default.svc.cluster.local`: the cluster's name with `_.` for `|`, which a server name may not hold. */
export function serverName({ port, subset, host }: ServerName): string {
  return `outbound_.${port}_.${subset}_.${host}`;
}

/** What stands before and after the subset in a server name. */
export function aroundSubset({ port, host }: Omit<ServerName, "subset">): readonly [before: string, after: string] {
  return [`outbound_.${port}_.`, `_.${host}`];
}

/** Undefined for a server name that is not a mesh leg's. */
export function parseServerName(name: string): ServerName | undefined {
  const [direction, portText, subset, ...host] = name.split("_.");
  const port = portText === undefined ? undefined : parsePort(portText);
  if (direction !== "outbound" || port === undefined || subset === undefined || host.length !== 1 || host[0] === "")
    return undefined;
  return { port, subset, host: host[0]! };
}

export interface ListenerName {
  /** IPv4 or IPv6 address as text, without brackets. */
  readonly address: string;
  readonly port: number;
}

/** `0.0.0.0_80`. */
export function listenerName({ address, port }: ListenerName): string {
  return `${address}_${port}`;
}

/** Undefined for a name of another form: virtualOutbound, virtualInbound. */
export function parseListenerName(name: string): ListenerName | undefined {
  const split = name.lastIndexOf("_");
  const port = parsePort(name.slice(split + 1));
  if (split < 1 || port === undefined) return undefined;
  return { address: name.slice(0, split), port };
}

/** `80`: the route configuration of every HTTP service on one port, whichever listener takes the connection. */
export function routeName(port: number): string {
  return String(port);
}

/** Undefined for a route configuration of another form. */
export function parseRouteName(name: string): number | undefined {
  return parsePort(name);
}

export interface VirtualHostName {
  /** Name of the route configuration that the virtual host is part of. May hold slashes. */
  readonly route: string;
  /** Anything without a slash. Istio's is `<host>:<port>`. */
  readonly host: string;
}

/**
 * `80/golden-signal.default.svc.cluster.local:80`: the resource's name and VirtualHost.name at once. Envoy finds the route configuration
 * in front of the last slash, and removes virtual hosts by VirtualHost.name, so that a name of its own could never be removed.
 */
export function virtualHostName({ route, host }: VirtualHostName): string {
  if (host.includes("/")) throw new Error(`virtual host must not hold a slash: ${JSON.stringify(host)}`);
  return `${route}/${host}`;
}

/** Undefined for a name without a slash. */
export function parseVirtualHostName(name: string): VirtualHostName | undefined {
  const split = name.lastIndexOf("/");
  return split < 0 ? undefined : { route: name.slice(0, split), host: name.slice(split + 1) };
}
