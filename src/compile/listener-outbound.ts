// Listeners for applications that are told where the mesh is: one local port for each upstream, and an HTTP proxy.

import { isHttp, type Protocol } from "../model/protocol.ts";
import type { Upstream } from "../model/workload.ts";
import type { Filter } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { clusterName } from "../xds/names.ts";
import { type ChainContext, httpFilter, streamFilter } from "./connection-manager.ts";
import { offersBytes } from "./istio-alpn.ts";
import { type ChainOptions, filterChain, httpInspector, listener, SNIFFED_HTTP, socketAddress } from "./listener.ts";
import { FORWARD_PROXY, FORWARD_PROXY_TUNNEL, upstreamListenerName } from "./listener-names.ts";
import type { StreamTarget } from "./stream-route.ts";

/** Only the workload's own processes reach the mesh through it, and speak with its identity. */
const LOOPBACK = "127.0.0.1";

/** One service port as an outbound listener stands for it. */
export interface OutboundTarget {
  readonly host: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Where bytes go. */
  readonly stream: StreamTarget;
  /** Which of the hosts that the service stands for, the client's SNI says. */
  readonly looksUpServerName?: boolean;
  /** By which the client's SNI may name the service; undefined: its host alone. */
  readonly serverNames?: readonly string[];
  /** Its host is no service's, but a server name that a rule speaks of. */
  readonly ruled?: true;
  /** Name of the route configuration for requests. */
  readonly routes: string;
}

type TargetChains = Pick<Listener, "filterChains" | "listenerFilters"> & {
  /** How long it waits for the client's first bytes; undefined: it does not. */
  readonly patienceMs: number | undefined;
};

/** Chains for one service: requests, bytes, or whichever the client's first bytes say. */
export function targetChains(context: ChainContext, statPrefix: string, target: OutboundTarget): TargetChains {
  const { protocol, routes } = target;
  const http = () => httpFilter(context, { statPrefix, routes });
  if (isHttp(protocol)) {
    const requests = filterChain(context, { name: "http", filter: http() });
    return { filterChains: [requests], listenerFilters: [], patienceMs: undefined };
  }
  if (protocol === "undeclared") return sniffedChains(context, http(), sniffedBytes(context, target));
  const bytes = filterChain(context, { name: "tcp", filter: streamOf(context, target) });
  return { filterChains: [bytes], listenerFilters: [], patienceMs: undefined };
}

function streamOf(context: ChainContext, { host, port, stream }: OutboundTarget): Filter {
  const statPrefix = clusterName({ direction: "outbound", port, subset: "", host });
  return streamFilter(context, { statPrefix, ...stream });
}

/** Where requests may come instead, the cluster's offers are those of requests; declared bytes have a cluster that carries nothing else. */
export function sniffedBytes(context: ChainContext, target: OutboundTarget): Pick<ChainOptions, "before" | "filter"> {
  const before = target.stream.settings.mayMeetIstio ? [offersBytes()] : [];
  return { before, filter: streamOf(context, target) };
}

/** What the client's first bytes say decides. `stream` undefined: bytes that are no requests lead nowhere. */
export function sniffedChains(
  context: ChainContext,
  http: Filter,
  stream: Pick<ChainOptions, "before" | "filter"> | undefined,
): TargetChains {
  const match = { applicationProtocols: SNIFFED_HTTP };
  const requests = filterChain(context, { name: "http", filter: http, match });
  const bytes = stream ? [filterChain(context, { name: "tcp", ...stream })] : [];
  const patienceMs = context.settings.protocolDetectionMs;
  return { filterChains: [requests, ...bytes], listenerFilters: [httpInspector()], patienceMs };
}

export function upstreamListener(context: ChainContext, upstream: Upstream, target: OutboundTarget): Listener {
  const name = upstreamListenerName(upstream.port);
  const { patienceMs, ...chains } = targetChains(context, name, target);
  return listener(
    context,
    "outbound",
    { name, address: socketAddress(LOOPBACK, upstream.port), ...chains },
    patienceMs,
  );
}

/** The HTTP proxy, and the internal listener that takes the requests inside of its tunnels. */
export function forwardProxyListeners(context: ChainContext, port: number): Listener[] {
  const requests = { routes: FORWARD_PROXY, resolvesHosts: true };
  const proxy = httpFilter(context, { ...requests, statPrefix: FORWARD_PROXY, tunnels: true });
  // No CONNECT: a tunnel inside of a tunnel could lead back here for ever.
  const tunnel = httpFilter(context, { ...requests, statPrefix: FORWARD_PROXY_TUNNEL });
  return [
    listener(context, "outbound", {
      name: FORWARD_PROXY,
      address: socketAddress(LOOPBACK, port),
      filterChains: [filterChain(context, { name: "http", filter: proxy })],
    }),
    listener(context, "outbound", {
      name: FORWARD_PROXY_TUNNEL,
      listenerSpecifier: { case: "internalListener", value: {} },
      filterChains: [filterChain(context, { name: "http", filter: tunnel })],
    }),
  ];
}
