// Listeners that captured connections lead to. One is bound; the others are found by the destination that the client chose.

import { parseCidr, rangeKey } from "../base/cidr.ts";
import type { FilterChain } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { DYNAMIC_DNS_CLUSTER, listenerName, routeName, VIRTUAL_OUTBOUND } from "../xds/names.ts";
import { type ChainContext, httpFilter, streamFilter } from "./connection-manager.ts";
import { hostOfServerName } from "./dns.ts";
import {
  filterChain,
  httpInspector,
  listener,
  originalDestination,
  SNIFFED_HTTP,
  socketAddress,
  tlsInspector,
} from "./listener.ts";
import { type OutboundTarget, targetChains } from "./listener-outbound.ts";
import { looksUpAnyHost, outsideCluster, outsideOf } from "./outside.ts";
import { unknownRoutes } from "./route-configuration.ts";
import { to } from "./sniffing.ts";

const ANY_ADDRESS = "0.0.0.0";

function otherwise(context: ChainContext): FilterChain {
  const name = outsideCluster(outsideOf(context.settings));
  return filterChain(context, {
    name,
    filter: streamFilter(context, { statPrefix: name, clusters: [{ name, weight: 1 }] }),
  });
}

/** Requests among what is known to be for no service's port: their Host says where they go. */
function requestsOfNobody(context: ChainContext): FilterChain {
  const name = DYNAMIC_DNS_CLUSTER;
  const routes = unknownRoutes(name, outsideOf(context.settings));
  const filter = httpFilter(context, { statPrefix: name, routes, resolvesHosts: true });
  return filterChain(context, { name, filter, match: { applicationProtocols: SNIFFED_HTTP } });
}

/**
 * Takes every captured connection and hands it to the listener of its destination, or out of the mesh. Where Hosts say the way out, it is
 * looked into before, whoever it is for, but to ports whose servers may speak first (`serverFirst`).
 */
export function virtualOutbound(context: ChainContext, port: number, serverFirst: readonly number[]): Listener {
  const looks = looksUpAnyHost(context.settings);
  const rest = {
    name: VIRTUAL_OUTBOUND,
    address: socketAddress(ANY_ADDRESS, port),
    useOriginalDst: true, // implies the listener filter original_dst, as the last
    filterChains: [...(looks ? [requestsOfNobody(context)] : []), otherwise(context)],
  };
  if (!looks) return listener(context, "outbound", rest);
  const listenerFilters = [originalDestination(), httpInspector(to(serverFirst))];
  return listener(context, "outbound", { ...rest, listenerFilters }, context.settings.protocolDetectionMs);
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
  const { port, http, tls, ranged } = shared;
  const resolvesHosts = shared.resolvesHosts || looksUpAnyHost(context.settings);
  const name = listenerName({ address: ANY_ADDRESS, port });
  const requests = filterChain(context, {
    name: "http",
    filter: httpFilter(context, { statPrefix: `outbound_${name}`, routes: routeName(port), resolvesHosts }),
  });
  const ofBytes = [...rangeChains(context, ranged), ...serverNameChains(context, tls)];
  // Of a range the server may be the one that speaks first.
  const looks = looksUpAnyHost(context.settings) && !http && ranged.length === 0;
  const rest = {
    name,
    address: socketAddress(ANY_ADDRESS, port),
    bindToPort: false,
    listenerFilters: [...(tls.length > 0 ? [tlsInspector()] : []), ...(looks ? [httpInspector()] : [])],
    filterChains: ofBytes.length > 0 ? [...ofBytes, ...(looks ? [requestsOfNobody(context)] : [])] : [requests],
    ...(ofBytes.length > 0 ? { defaultFilterChain: http ? requests : otherwise(context) } : {}),
  };
  return listener(context, "outbound", rest, looks ? context.settings.protocolDetectionMs : undefined);
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
