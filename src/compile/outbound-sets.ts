// From what hosts brought to sets of resources: all of it for everybody; for a view what differs, over the common sets.

import { sameContent } from "../model/equality.ts";
import { type ResourceKind, SEND_ORDER } from "../xds/type-urls.ts";
import type { Compiled } from "./provenance.ts";
import type { ResourceSet, ResourceSets } from "./resource-set.ts";

/** A host, a port that several share, or the name of what belongs to the whole view. */
export type Owner = string | number;

/** Gives the resources of one owner. */
export type Owned = (owner: Owner) => readonly Compiled[];

/** What `owned` has of the owners replaces what `common` has of them. What is the same stays there, and what is not here is hidden. */
export function shareOver(
  sets: ResourceSets,
  key: string,
  owners: readonly Owner[],
  owned: Owned,
  common: Owned | undefined,
): ResourceSet {
  if (!common) return sets.share(key, owners.flatMap(owned));
  const before = new Map<string, Compiled>();
  for (const owner of owners) for (const member of common(owner)) before.set(member.resource.name, member);
  const members: Compiled[] = [];
  for (const owner of owners)
    for (const member of owned(owner)) {
      const { name } = member.resource;
      const known = before.get(name);
      before.delete(name);
      if (!known || !sameResource(known, member)) members.push(member);
    }
  return sets.share(key, members, [...before.keys()]);
}

function sameResource(a: Compiled, b: Compiled): boolean {
  return a === b || (a.resource.version === b.resource.version && sameContent(a.sources, b.sources));
}

/** Of one kind, what lies over the others first. */
export type OutboundSets = Readonly<Partial<Record<ResourceKind, readonly ResourceSet[]>>>;

const NO_SETS: readonly ResourceSet[] = [];

/** A view's own sets over what everybody sees, with the lists of before where they hold the same. */
export function laidOver(
  own: OutboundSets,
  common: OutboundSets | undefined,
  before: OutboundSets | undefined,
): OutboundSets {
  let isSame = before !== undefined;
  const sets: { -readonly [Kind in keyof OutboundSets]: OutboundSets[Kind] } = {};
  for (const kind of SEND_ORDER) {
    const [upper, lower] = [own[kind] ?? NO_SETS, common?.[kind] ?? NO_SETS];
    const known = before?.[kind];
    // One list for all views that have nothing of their own.
    const above = isNothing(upper) && lower.length > 0 ? NO_SETS : upper;
    const isKnown = known && holds(known, above, lower);
    sets[kind] = isKnown ? known : above.length === 0 ? lower : [...above, ...lower];
    isSame &&= isKnown === true;
  }
  return isSame ? before! : sets;
}

function isNothing(sets: readonly ResourceSet[]): boolean {
  for (const { resources, hidden } of sets) if (resources.size > 0 || hidden.size > 0) return false;
  return true;
}

function holds(list: readonly ResourceSet[], upper: readonly ResourceSet[], lower: readonly ResourceSet[]): boolean {
  if (list.length !== upper.length + lower.length) return false;
  for (let i = 0; i < list.length; i++) if (list[i] !== (upper[i] ?? lower[i - upper.length])) return false;
  return true;
}
