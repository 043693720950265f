// Listeners through which a workload is reached: the mesh port, and the application's own ports or the port that they are captured to.

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
import { asDeclaredByOwner, type ServedPort, servesLeg } from "./inbound-ports.ts";
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
      if (takesHttp(port)) http2.set(name, isSniffed(port) ? http2ChainName(port) : httpChainName(port));
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
  return port.protocol === "undeclared";
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
  const strict = port.mode === "strict";
  // Its hello says whether the client of a STRICT port has an ALPN in common with it: one that has none is served without.
  const tls = takesBoth(port) || strict;
  const http = !strict && isSniffed(port);
  return listener(
    context,
    "inbound",
    {
      ...place,
      listenerFilters: [...(tls ? [tlsInspector()] : []), ...(http ? [httpInspector()] : [])],
      filterChains: ownChains(context, port, undefined),
    },
    tls || http ? context.settings.protocolDetectionMs : undefined,
  );
}

/**
 * What was on its way to the application before it was captured. A port that demands mutual TLS takes it here too, as Istio's sidecars
 * speak it; plaintext fails in the handshake. `passthrough`: the workload lets in what is sent to ports that no service has; otherwise that is refused as well.
 */
export function capturedListener(
  context: ChainContext,
  inboundPort: number,
  served: readonly ServedPort[],
  passthrough: boolean,
): Listener {
  const ports = served.filter(({ protocol }) => protocol !== "udp").map(asDeclaredByOwner);
  const chains = ports.flatMap((port): FilterChain[] => ownChains(context, port, { destinationPort: port.number }));
  const sniffed = ports.filter((port) => isSniffed(port) && port.mode !== "strict");
  const secure = ports.filter((port) => takesBoth(port) || port.mode === "strict");
  const everyOther = (but: readonly ServedPort[]) => except(but.map(({ number }) => number));
  const withoutTls = everyOther(secure);
  const withoutHttp = everyOther(sniffed);
  // A listener needs a chain, and a workload that serves nothing has no other.
  const otherwise = passthrough ? INBOUND_PASSTHROUGH : BLACK_HOLE_CLUSTER;
  const target = { statPrefix: otherwise, clusters: [{ name: otherwise, weight: 1 }] };
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
      filterChains: chains,
      defaultFilterChain: filterChain(context, {
        name: otherwise,
        before: streamGuards(context, undefined),
        filter: streamFilter(context, target),
      }),
    },
    sniffed.length + secure.length > 0 ? context.settings.protocolDetectionMs : undefined,
  );
}
