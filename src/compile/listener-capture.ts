// Listeners that captured connections lead to. One is bound; the others are found by the destination that the client chose.

import { parseCidr, rangeKey } from "../base/cidr.ts";
import type { FilterChain } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { listenerName, routeName, VIRTUAL_OUTBOUND } from "../xds/names.ts";
import { type ChainContext, httpFilter, streamFilter } from "./connection-manager.ts";
import { hostOfServerName } from "./dns.ts";
import { filterChain, listener, socketAddress, tlsInspector } from "./listener.ts";
import { type OutboundTarget, targetChains } from "./listener-outbound.ts";
import { outsideCluster, outsideOf } from "./outside.ts";

const ANY_ADDRESS = "0.0.0.0";

function otherwise(context: ChainContext): FilterChain {
  const name = outsideCluster(outsideOf(context.settings));
  return filterChain(context, {
    name,
    filter: streamFilter(context, { statPrefix: name, clusters: [{ name, weight: 1 }] }),
  });
}

/** Takes every captured connection and hands it to the listener of its destination, or out of the mesh. */
export function virtualOutbound(context: ChainContext, port: number): Listener {
  return listener(context, "outbound", {
    name: VIRTUAL_OUTBOUND,
    address: socketAddress(ANY_ADDRESS, port),
    useOriginalDst: true, // implies the listener filter original_dst
    filterChains: [otherwise(context)],
  });
}

/** A service port with an address of its own, virtual or an endpoint's: nothing needs to be read to know the service. */
export function addressListener(
  context: ChainContext,
  address: string,
  port: number,
  target: OutboundTarget,
): Listener {
  const name = listenerName({ address, port });
  const { patienceMs, ...chains } = targetChains(context, name, target);
  const rest = { name, address: socketAddress(address, port), bindToPort: false, ...chains };
  return listener(context, "outbound", rest, patienceMs);
}

/** A service whose addresses are ranges, as a ServiceEntry may have them. */
export interface RangedTarget {
  /** CIDR. */
  readonly ranges: readonly string[];
  readonly target: OutboundTarget;
}

/** What shares a port without an address of its own: HTTP is told apart by the Host header, the application's TLS by its SNI. */
export interface SharedPort {
  readonly port: number;
  readonly http: boolean;
  /** Some of its requests are for a host that is looked up. */
  readonly resolvesHosts: boolean;
  readonly tls: readonly OutboundTarget[];
  readonly ranged: readonly RangedTarget[];
}

export function sharedPortListener(context: ChainContext, shared: SharedPort): Listener {
  const { port, http, resolvesHosts, tls, ranged } = shared;
  const name = listenerName({ address: ANY_ADDRESS, port });
  const requests = filterChain(context, {
    name: "http",
    filter: httpFilter(context, { statPrefix: `outbound_${name}`, routes: routeName(port), resolvesHosts }),
  });
  const ofBytes = [...rangeChains(context, ranged), ...serverNameChains(context, tls)];
  return listener(context, "outbound", {
    name,
    address: socketAddress(ANY_ADDRESS, port),
    bindToPort: false,
    listenerFilters: tls.length > 0 ? [tlsInspector()] : [],
    filterChains: ofBytes.length > 0 ? ofBytes : [requests],
    ...(ofBytes.length > 0 ? { defaultFilterChain: http ? requests : otherwise(context) } : {}),
  });
}

/** Of a name that several have, the first has it, and a service before a rule: Envoy refuses a listener in which two chains match alike. */
function serverNameChains(context: ChainContext, tls: readonly OutboundTarget[]): FilterChain[] {
  const taken = new Set(tls.flatMap(({ host, ruled }) => (ruled ? [] : [host])));
  const others = ({ host, serverNames = [] }: OutboundTarget) =>
    serverNames.filter((other) => other !== host && !taken.has(other) && taken.add(other));
  const named = tls
    .filter(({ ruled }) => !ruled)
    .map((target) => ({ target, serverNames: [target.host, ...others(target)] }));
  const ruled = tls
    .filter((target) => target.ruled && !taken.has(target.host) && taken.add(target.host))
    .map((target) => ({ target, serverNames: [target.host] }));
  return [...named, ...ruled].map(({ target, serverNames }) =>
    filterChain(context, {
      name: `tls|${target.host}`,
      match: { serverNames },
      before: target.looksUpServerName ? [hostOfServerName(target.port)] : [],
      filter: streamFilter(context, { statPrefix: target.host, ...target.stream }),
    }),
  );
}

/** Of a range that two services have, the first has it. */
function rangeChains(context: ChainContext, ranged: readonly RangedTarget[]): FilterChain[] {
  const taken = new Set<string>();
  return ranged.flatMap(({ ranges, target }) => {
    const prefixRanges = ranges.flatMap((range) => {
      const cidr = parseCidr(range);
      if (!cidr || taken.has(rangeKey(cidr))) return [];
      taken.add(rangeKey(cidr));
      return { addressPrefix: range.slice(0, range.indexOf("/")), prefixLen: cidr.bits };
    });
    if (prefixRanges.length === 0) return [];
    return filterChain(context, {
      name: `tcp|${target.host}`,
      match: { prefixRanges },
      filter: streamFilter(context, { statPrefix: target.host, ...target.stream }),
    });
  });
}
