// Hosts and their shares of the whole, which add up to 1 (Envoy: normalizeWeights of ThreadAwareLoadBalancerBase).

import type { Candidate } from "./candidate.ts";
import type { HostSet } from "./host-set.ts";

export interface Share<C> {
  readonly host: C;
  readonly share: number;
}

/** Calculated in Envoy's order, so that no rounding puts an entry of a ring on another host. */
function sharesOf<C extends Candidate>(hosts: readonly C[], part: number): Share<C>[] {
  const sum = hosts.reduce((total, { weight }) => total + weight, 0);
  return hosts.map((host) => ({ host, share: (host.weight * part) / sum }));
}

export function normalizedShares<C extends Candidate>(set: HostSet<C>, panic: boolean, weighted: boolean): Share<C>[] {
  const sum = weighted ? set.localities.reduce((total, { weight }) => total + weight, 0) : 0;
  const isWeighted = weighted && set.localities.some(({ weight }) => weight > 0);
  if (!isWeighted) return sharesOf(panic ? set.hosts : set.healthy, 1);
  return set.localities.flatMap(({ weight, hosts, healthy }) =>
    weight === 0 ? [] : sharesOf(panic ? hosts : healthy, weight / sum),
  );
}

/** What a host is hashed by: the metadata `hash_key`, its name where that is wanted, its address (Envoy: HashingLoadBalancer::hashKey). */
export function hashKey({ lbMetadata, hostname, label }: Candidate, byHostname: boolean): string {
  const written = lbMetadata.get("hash_key");
  const key: unknown = written === undefined ? undefined : JSON.parse(written);
  if (typeof key === "string" && key !== "") return key;
  return byHostname ? hostname : label;
}
