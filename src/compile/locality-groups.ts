// Endpoints by where they are, with what a client at some place makes of it: weights, or the order in which they are fallen back to.

import {
  type FailoverLabel,
  type LocalityPreference,
  type LocalityShares,
  matchesLocality,
} from "../model/locality-preference.ts";
import { compareText } from "../model/origin.ts";
import type { Locality } from "../model/workload.ts";
import type { LocalityGroup, Target } from "./endpoint.ts";
import { labelOf, type Place } from "./place.ts";

export function localityGroups(
  targets: readonly Target[],
  preference: LocalityPreference,
  place: Place,
): readonly LocalityGroup[] {
  switch (preference.kind) {
    case "none":
      return grouped(targets, () => 0);
    case "shares":
      return shared(
        grouped(targets, () => 0),
        preference.rules,
        place,
      );
    case "failover":
      return grouped(targets, (target) => rankOf(target, preference, place));
    case "zones":
      return grouped(targets, (target) => regionalRank(target, preference, place));
  }
}

/** By rank, then by locality, in order. */
function grouped(targets: readonly Target[], rank: (target: Target) => number): readonly LocalityGroup[] {
  const groups = new Map<string, { readonly rank: number; readonly members: Target[] }>();
  for (const target of targets) {
    const own = rank(target);
    const key = `${String(own).padStart(6, "0")}/${localityKey(target.locality)}`;
    const group = groups.get(key);
    if (group) group.members.push(target);
    else groups.set(key, { rank: own, members: [target] });
  }
  const ranks = [...new Set([...groups.values()].map((group) => group.rank))].sort((a, b) => a - b);
  return [...groups]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, group]) => ({
      locality: group.members[0]!.locality,
      priority: ranks.indexOf(group.rank),
      weight: group.members.reduce((sum, { weight }) => sum + weight, 0),
      members: group.members,
    }));
}

function localityKey({ region, zone, subzone }: Locality): string {
  return `${region}/${zone}/${subzone}`;
}

/** Of one share, each locality has as much as its endpoints weigh. What has no share gets nothing. */
function shared(
  groups: readonly LocalityGroup[],
  rules: readonly LocalityShares[],
  place: Place,
): readonly LocalityGroup[] {
  const rule = rules.find(({ from }) => matchesLocality(from, place.locality));
  if (!rule) return groups;
  return groups.flatMap((group) => {
    const share = rule.to.find(({ locality }) => matchesLocality(locality, group.locality));
    if (!share) return [];
    const total = groups.reduce(
      (sum, { locality, weight }) => sum + (matchesLocality(share.locality, locality) ? weight : 0),
      0,
    );
    return [{ ...group, weight: Math.ceil((group.weight * share.weight) / total) }];
  });
}

/** Ranks by place are less than this. */
const PLACES = 5;
/** Of these the rank of other zones of the client's region. */
const SAME_REGION = 2;

type Failover = LocalityPreference & { readonly kind: "failover" };

function rankOf(target: Target, { labels, regions }: Failover, place: Place): number {
  const byPlace = labels.length === 0 || regions.length > 0 ? placeRank(target.locality, regions, place.locality) : 0;
  return labelRank(target, labels, place) * PLACES + byPlace;
}

type Zones = LocalityPreference & { readonly kind: "zones" };

/** Zones of one region are of one rank: the proxy itself chooses between them. */
function regionalRank(target: Target, { labels, regions }: Zones, place: Place): number {
  const byPlace = placeRank(target.locality, regions, place.locality);
  return labelRank(target, labels, place) * PLACES + Math.max(byPlace, SAME_REGION);
}

/** How many labels, counted from the last, stand behind those that agree. */
function labelRank(target: Target, labels: readonly FailoverLabel[], place: Place): number {
  const differing = labels.findIndex(
    ({ name, value }) => (value ?? place.labels[name] ?? "") !== labelOf(target, name),
  );
  return differing < 0 ? 0 : labels.length - differing;
}

function placeRank(there: Locality, regions: Failover["regions"], here: Locality): number {
  if (there.region === here.region) {
    if (there.zone !== here.zone) return SAME_REGION;
    return there.subzone === here.subzone ? 0 : 1;
  }
  const next = regions.find(({ from }) => from === here.region);
  return next && next.to !== there.region ? 4 : 3;
}
