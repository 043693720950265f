// What patches call things, which is what Istio calls them, and what they are here. Where a listener or a route configuration has no counterpart in
// Istio, it answers to the name of what does its work there.

import type { PatchContext } from "../../model/envoy-patch.ts";
import type { WorkloadProxy } from "../../model/workload.ts";
import { namesSince } from "../../xds/former-filter-names.ts";
import { TrafficDirection } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { FilterChain } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { parseClusterName, parseVirtualHostName, VIRTUAL_INBOUND, VIRTUAL_OUTBOUND } from "../../xds/names.ts";
import { FORWARD_PROXY, FORWARD_PROXY_TUNNEL, INBOUND_PASSTHROUGH, upstreamListenerName } from "../listener-names.ts";

/** What of a proxy decides which names its resources go by. */
export interface ProxyFacts {
  readonly gateway: boolean;
  readonly upstreams: WorkloadProxy["upstreams"];
}

type Place = Exclude<PatchContext, "any">;

export interface ListenerFacts {
  readonly context: Place;
  readonly names: readonly string[];
  /** Undefined: it stands for no port alone. */
  readonly port: number | undefined;
  /** Its ports are those of its chains, as with Istio's virtualInbound and virtualOutbound. */
  readonly manyPorts: boolean;
}

/** Where Istio's sidecars take what is redirected to them. */
const ISTIO_INBOUND_PORT = 15_006;

function socketPort({ address }: Listener): number | undefined {
  const specifier = address?.address.case === "socketAddress" ? address.address.value.portSpecifier : undefined;
  return specifier?.case === "portValue" ? specifier.value : undefined;
}

export function listenerFacts(listener: Listener, { gateway, upstreams }: ProxyFacts): ListenerFacts {
  const { name, trafficDirection } = listener;
  const port = socketPort(listener);
  if (gateway) return { context: "gateway", names: [name, `0.0.0.0_${port}`], port, manyPorts: false };
  if (trafficDirection === TrafficDirection.INBOUND)
    return { context: "inbound", names: [name, VIRTUAL_INBOUND], port: ISTIO_INBOUND_PORT, manyPorts: true };
  if (name === VIRTUAL_OUTBOUND) return { context: "outbound", names: [name], port, manyPorts: true };
  const upstream = upstreams.find((candidate) => upstreamListenerName(candidate.port) === name);
  if (!upstream) return { context: "outbound", names: [name], port, manyPorts: false };
  const { servicePort } = upstream;
  return { context: "outbound", names: [name, `0.0.0.0_${servicePort}`], port: servicePort, manyPorts: false };
}

export interface ChainFacts {
  readonly names: readonly string[];
  readonly port: number | undefined;
  readonly transportProtocol: string;
}

/** `inbound|8080|http2|mtls`. */
const INBOUND_CHAIN = /^inbound\|(?<port>\d+)\|/;

export function chainFacts({ name, filterChainMatch, transportSocket }: FilterChain): ChainFacts {
  const written = INBOUND_CHAIN.exec(name)?.groups?.port;
  const port = filterChainMatch?.destinationPort ?? (written === undefined ? undefined : Number(written));
  return {
    names: [
      name,
      ...(written === undefined ? [] : [`0.0.0.0_${written}`]),
      ...(name === INBOUND_PASSTHROUGH ? [VIRTUAL_INBOUND] : []),
    ],
    port,
    transportProtocol: filterChainMatch?.transportProtocol || (transportSocket ? "tls" : "raw_buffer"),
  };
}

export interface RoutesFacts {
  readonly context: Place;
  readonly names: readonly string[];
  readonly port: number | undefined;
  /** Of a gateway's server that ends TLS. */
  readonly portName: string;
  /** `<namespace>/<name>`, likewise. */
  readonly gateway: string;
}

const HTTPS_ROUTES = /^https\.(?<port>\d+)\.(?<portName>[^.]+)\.(?<gateway>.+)\.(?<namespace>[^.]+)$/;

function gatewayRoutes(name: string): RoutesFacts {
  const secure = HTTPS_ROUTES.exec(name)?.groups;
  const plain = /^http\.(?<port>\d+)/.exec(name)?.groups;
  const port = secure?.port ?? plain?.port;
  return {
    context: "gateway",
    names: [name],
    port: port === undefined ? undefined : Number(port),
    portName: secure?.portName ?? "",
    gateway: secure ? `${secure.namespace}/${secure.gateway}` : "",
  };
}

export function routesFacts(name: string, { gateway }: ProxyFacts): RoutesFacts {
  if (gateway) return gatewayRoutes(name);
  const none = { portName: "", gateway: "" };
  const inbound = parseClusterName(name);
  if (inbound?.direction === "inbound") return { context: "inbound", names: [name], port: inbound.port, ...none };
  const upstream = /^upstream\|(?<port>\d+)\|/.exec(name)?.groups?.port;
  if (upstream !== undefined) return { context: "outbound", names: [name, upstream], port: Number(upstream), ...none };
  const port = /^\d+$/.test(name) ? Number(name) : undefined;
  const names = name === FORWARD_PROXY ? [name, "http_proxy"] : [name];
  return { context: "outbound", names, port, ...none };
}

/** `golden-signal.default.svc.cluster.local:80`, whatever it takes to tell it from others here. */
export function virtualHostNames(name: string): readonly string[] {
  const upstream = /^upstream\|(?<port>\d+)\|[^|]*\|(?<host>.+)$/.exec(name)?.groups;
  if (upstream) return [name, `${upstream.host}:${upstream.port}`];
  const parsed = parseVirtualHostName(name);
  return parsed ? [name, parsed.host] : [name];
}

export function clusterContext(name: string, { gateway }: ProxyFacts): Place | undefined {
  if (gateway) return "gateway";
  if (name === FORWARD_PROXY_TUNNEL) return undefined;
  return name.startsWith("inbound|") || name === INBOUND_PASSTHROUGH ? "inbound" : "outbound";
}

/** Old patches still have the names that filters once had. */
export function sameFilter(written: string, name: string): boolean {
  return written === name || namesSince(written).includes(name) || namesSince(name).includes(written);
}

/** HTTP filters that only Istio has, and beside which of those here they would stand. */
export const ABSENT_FILTERS: Readonly<Record<string, "first" | "before router">> = {
  "istio.metadata_exchange": "first",
  "envoy.filters.http.peer_metadata": "first",
  istio_authn: "first",
  "istio.alpn": "before router",
  "istio.stats": "before router",
  "envoy.filters.http.grpc_stats": "before router",
  "envoy.filters.http.istio_stats": "before router",
};
