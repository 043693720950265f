// Listeners through which a workload is reached: the mesh port, and the application's own ports or the port that they are captured to.

import type { MeshSettings } from "../model/settings.ts";
import type { WorkloadProxy } from "../model/workload.ts";
import type { FilterChain } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { BLACK_HOLE_CLUSTER, listenerName, VIRTUAL_INBOUND } from "../xds/names.ts";
import { chainMatcher } from "./chain-matcher.ts";
import type { ChainContext } from "./connection-manager.ts";
import { streamFilter, streamGuards } from "./connection-manager.ts";
import {
  http2ChainName,
  httpChainName,
  legChains,
  ownChains,
  streamChainName,
  takesBoth,
  takesBytes,
  takesHttp,
} from "./inbound-chains.ts";
import { asDeclaredByOwner, type PassThrough, type ServedPort, servesLeg } from "./inbound-ports.ts";
import { filterChain, httpInspector, listener, originalDestination, socketAddress, tlsInspector } from "./listener.ts";
import { INBOUND_PASSTHROUGH, inboundListenerName, MESH_INBOUND } from "./listener-names.ts";
import { except } from "./sniffing.ts";

/** Takes the leg. Undefined while no service leads to the workload. */
export function meshListener(
  context: ChainContext,
  proxy: WorkloadProxy,
  ports: readonly ServedPort[],
): Listener | undefined {
  const serving = ports.filter(servesLeg);
  if (serving.length === 0) return undefined;
  const http = new Map<string, string>();
  const http2 = new Map<string, string>();
  const stream = new Map<string, string>();
  const isHandedOn = serving.some((port) => port.takesSubsets);
  for (const port of serving) {
    for (const name of port.serverNames) {
      if (takesHttp(port)) http.set(name, httpChainName(port));
      if (takesHttp(port)) http2.set(name, takesBytes(port) ? http2ChainName(port) : httpChainName(port));
      if (takesBytes(port)) stream.set(name, streamChainName(port));
    }
  }
  return listener(context, "inbound", {
    name: MESH_INBOUND,
    address: socketAddress(proxy.bindAddress, proxy.meshPort),
    // Chains are chosen before the handshake, from the client's hello.
    listenerFilters: [tlsInspector()],
    filterChainMatcher: chainMatcher({ http, http2, stream, isHandedOn }),
    filterChains: serving.flatMap((port) => legChains(context, port, isHandedOn)),
  });
}

/** Server names that the mesh port's listener knows: acknowledged with it, they may be offered to clients. */
export function knownServerNames(ports: readonly ServedPort[]): ReadonlySet<string> {
  return new Set(ports.filter(servesLeg).flatMap((port) => port.serverNames));
}

function isSniffed(port: ServedPort): boolean {
  return port.protocol === "undeclared" && port.mode !== "strict";
}

/** Whether the client's hello decides. Under STRICT it says whether the two have an ALPN in common: a client that has none is served without. */
function isAskedForTls(port: ServedPort): boolean {
  return takesBoth(port) || port.mode === "strict";
}

/**
 * A sidecar of Istio says hello as soon as it is connected; this leaves a lost hello the time to come again (RTO, at least 200 ms on Linux). The
 * client of a server that speaks first waits as long, where it is not on the leg.
 */
const HELLO_PATIENCE_MS = 1_000;

/** How long a listener of these ports waits for the first bytes; undefined: it looks at none. HTTP that is late is taken for bytes, so that a sniffed port needs all of the time. */
function patienceOf(ports: readonly ServedPort[], { protocolDetectionMs }: MeshSettings): number | undefined {
  if (!ports.some((port) => isSniffed(port) || isAskedForTls(port))) return undefined;
  const mayKeepWaiting = ports.some((port) => takesBoth(port) && !takesHttp(port)) && !ports.some(isSniffed);
  if (!mayKeepWaiting) return protocolDetectionMs;
  return protocolDetectionMs === 0 ? HELLO_PATIENCE_MS : Math.min(protocolDetectionMs, HELLO_PATIENCE_MS);
}

/** The port that stands in for one port of an application whose connections are not captured. */
export function applicationListener(
  context: ChainContext,
  { bindAddress }: WorkloadProxy,
  served: ServedPort,
  standIn: number,
): Listener {
  const name = inboundListenerName(bindAddress, served.number);
  return portListener(context, served, { name, address: socketAddress(bindAddress, standIn) });
}

/** A port that the workload says its proxy listens on itself. */
export function boundListener(context: ChainContext, served: ServedPort, address: string): Listener {
  const name = listenerName({ address, port: served.number });
  return portListener(context, served, { name, address: socketAddress(address, served.number) });
}

function portListener(
  context: ChainContext,
  served: ServedPort,
  place: Required<Pick<Listener, "name" | "address">>,
): Listener {
  const port = asDeclaredByOwner(served);
  return listener(
    context,
    "inbound",
    {
      ...place,
      listenerFilters: [
        ...(isAskedForTls(port) ? [tlsInspector()] : []),
        ...(isSniffed(port) ? [httpInspector()] : []),
      ],
      filterChains: ownChains(context, port, undefined),
    },
    patienceOf([port], context.settings),
  );
}

/**
 * What was on its way to the application before it was captured. A port that demands mutual TLS takes it here too, as Istio's sidecars
 * speak it; plaintext fails in the handshake.
 */
export function capturedListener(
  context: ChainContext,
  inboundPort: number,
  served: readonly ServedPort[],
  { letsIn, otherwise }: PassThrough,
): Listener {
  const ports = served.filter(({ protocol }) => protocol !== "udp").map(asDeclaredByOwner);
  const chains = ports.flatMap((port): FilterChain[] => ownChains(context, port, { destinationPort: port.number }));
  const everyOther = (but: readonly ServedPort[]) => except(but.map(({ number }) => number));
  const withoutTls = everyOther(ports.filter(isAskedForTls));
  const withoutHttp = everyOther(ports.filter(isSniffed));
  // A listener needs a chain, and a workload that serves nothing has no other.
  return listener(
    context,
    "inbound",
    {
      name: VIRTUAL_INBOUND,
      address: socketAddress("0.0.0.0", inboundPort),
      listenerFilters: [
        originalDestination(),
        ...(withoutTls ? [tlsInspector(withoutTls)] : []),
        ...(withoutHttp ? [httpInspector(withoutHttp)] : []),
      ],
      filterChains: [...chains, ...otherwise.map((port) => unservedChain(context, !letsIn, port))],
      defaultFilterChain: unservedChain(context, letsIn, undefined),
    },
    patienceOf(ports, context.settings),
  );
}

/** `port` undefined: of any that no service has. */
function unservedChain(context: ChainContext, letsIn: boolean, port: number | undefined): FilterChain {
  const cluster = letsIn ? INBOUND_PASSTHROUGH : BLACK_HOLE_CLUSTER;
  return filterChain(context, {
    name: port === undefined ? cluster : `${cluster}|${port}`,
    before: streamGuards(context, port),
    filter: streamFilter(context, { statPrefix: cluster, clusters: [{ name: cluster, weight: 1 }] }),
    ...(port === undefined ? {} : { match: { destinationPort: port } }),
  });
}
