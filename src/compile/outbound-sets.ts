// From what hosts brought to sets of resources: all of it for everybody; for a view what differs, over the common sets.

import { sameContent } from "../model/equality.ts";
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
