// The hosts of one priority, sorted by what is known of them (Envoy: HostSetImpl).

import type { Candidate, Locality } from "./candidate.ts";

export interface LocalityHosts<C> {
  readonly locality: Locality;
  /** Its share of requests under weighted localities; 0 gets none. */
  readonly weight: number;
  readonly hosts: readonly C[];
  readonly healthy: readonly C[];
  readonly degraded: readonly C[];
  readonly excluded: number;
}

export interface PrioritySettings {
  /** In per cent: 140 takes a priority with 72 % of its hosts for whole. */
  readonly overprovisioningFactor: number;
  /** Health is counted by weights, not by hosts. */
  readonly weightedPriorityHealth: boolean;
}

export interface HostSet<C> extends PrioritySettings {
  readonly priority: number;
  readonly hosts: readonly C[];
  readonly healthy: readonly C[];
  readonly degraded: readonly C[];
  /** Those that are not counted at all. */
  readonly excluded: readonly C[];
  /** By name, the proxy's own first. */
  readonly localities: readonly LocalityHosts<C>[];
  /** The first of them is the proxy's own. */
  readonly hasOwnLocality: boolean;
}

/** All hosts of a cluster, or of a subset of it. */
export interface PrioritySet<C> {
  /** By priority, without gaps; never none. */
  readonly sets: readonly HostSet<C>[];
}

export function sameLocality(a: Locality, b: Locality): boolean {
  return a.region === b.region && a.zone === b.zone && a.subZone === b.subZone;
}

function compareLocalities(a: Locality, b: Locality): number {
  if (a.region !== b.region) return a.region < b.region ? -1 : 1;
  if (a.zone !== b.zone) return a.zone < b.zone ? -1 : 1;
  return a.subZone < b.subZone ? -1 : a.subZone > b.subZone ? 1 : 0;
}

/** Health is known by the worst that is; who is excluded counts as neither healthy nor degraded. */
function sorted<C extends Candidate>(hosts: readonly C[]) {
  const healthy: C[] = [];
  const degraded: C[] = [];
  const excluded: C[] = [];
  for (const host of hosts) {
    if (!host.isCounted) excluded.push(host);
    else if (host.health === "healthy") healthy.push(host);
    else if (host.health === "degraded") degraded.push(host);
  }
  return { healthy, degraded, excluded };
}

function localitiesOf<C extends Candidate>(hosts: readonly C[], own: Locality | undefined): LocalityHosts<C>[] {
  const groups = new Map<string, C[]>();
  for (const host of hosts) {
    const { region, zone, subZone } = host.locality;
    const key = `${region}\0${zone}\0${subZone}`;
    const group = groups.get(key);
    if (group) group.push(host);
    else groups.set(key, [host]);
  }
  return [...groups.values()]
    .map((group): LocalityHosts<C> => {
      const { healthy, degraded, excluded } = sorted(group);
      const { locality, localityWeight } = group[0]!;
      return { locality, weight: localityWeight, hosts: group, healthy, degraded, excluded: excluded.length };
    })
    .sort((a, b) => {
      const isOwnFirst = own ? Number(sameLocality(b.locality, own)) - Number(sameLocality(a.locality, own)) : 0;
      return isOwnFirst || compareLocalities(a.locality, b.locality);
    });
}

function hostSet<C extends Candidate>(
  priority: number,
  hosts: readonly C[],
  settings: PrioritySettings,
  own: Locality | undefined,
): HostSet<C> {
  const localities = localitiesOf(hosts, own);
  const hasOwnLocality = own !== undefined && localities.some(({ locality }) => sameLocality(locality, own));
  const { overprovisioningFactor, weightedPriorityHealth } = settings;
  return {
    priority,
    overprovisioningFactor,
    weightedPriorityHealth,
    hosts,
    ...sorted(hosts),
    localities,
    hasOwnLocality,
  };
}

/** `own`: the proxy's locality, which its node names. */
export function prioritySet<C extends Candidate>(
  hosts: readonly C[],
  settings: PrioritySettings,
  own: Locality | undefined,
): PrioritySet<C> {
  const groups: C[][] = [[]];
  for (const host of hosts) {
    while (groups.length <= host.priority) groups.push([]);
    groups[host.priority]!.push(host);
  }
  return { sets: groups.map((group, priority) => hostSet(priority, group, settings, own)) };
}
