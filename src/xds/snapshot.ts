// What one proxy is to have, per resource type. Maps are immutable and shared: proxies that see the same get the same Map object.

import { differingKeys } from "../base/corrected-map.ts";
import type { Resource } from "./resource.ts";
import type { ResourceKind } from "./type-urls.ts";

export type ResourceMap = ReadonlyMap<string, Resource>;

export interface Snapshot {
  /** For people who read a proxy's dump; nothing is decided by it. */
  readonly version: string;
  /** By name. A kind that is missing has no resources. */
  readonly resources: Readonly<Partial<Record<ResourceKind, ResourceMap>>>;
  /** What a client gets that refuses a resource of the name and has no earlier one: better that than none. */
  readonly standIns?: Readonly<Partial<Record<ResourceKind, ResourceMap>>> | undefined;
}

/** Names that were added, changed or removed since the snapshot before, by kind. */
export type Changes = Readonly<Partial<Record<ResourceKind, Iterable<string>>>>;

const NONE: ResourceMap = new Map();

export function resourcesOf(snapshot: Snapshot, kind: ResourceKind): ResourceMap {
  return snapshot.resources[kind] ?? NONE;
}

/** Names whose resource differs between the two maps. A Map object that both share costs nothing. */
export function changedNames(before: ResourceMap, after: ResourceMap): Set<string> {
  const changed = new Set<string>();
  for (const name of differingKeys(before, after))
    if (before.get(name)?.version !== after.get(name)?.version) changed.add(name);
  return changed;
}
