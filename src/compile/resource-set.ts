// Sets of resources that many proxies share. Equal sets are one object, so that whoever compares two snapshots compares references first.

import { sameItems } from "../model/equality.ts";
import { LayeredMap } from "../xds/layered-map.ts";
import { contentVersion } from "../xds/resource.ts";
import type { ResourceMap } from "../xds/snapshot.ts";
import type { Compiled, Source } from "./provenance.ts";

/** Resources of one type with what they were made from. Immutable. Sets lie over each other: of one name the upper one's counts. */
export interface ResourceSet {
  readonly resources: ResourceMap;
  /** Names of the sets below that are not to be seen. */
  readonly hidden: ReadonlySet<string>;
  readonly sources: ReadonlyMap<string, readonly Source[]>;
  /** Of the content. */
  readonly version: string;
}

const NOTHING: readonly string[] = [];

/** `members` have distinct names. */
export function resourceSet(members: readonly Compiled[], hidden: readonly string[]): ResourceSet {
  const sorted = members.toSorted((a, b) => (a.resource.name < b.resource.name ? -1 : 1));
  const versions = [...sorted.map(({ resource }) => resource.version), ...hidden.toSorted()].join();
  return {
    resources: new Map(sorted.map(({ resource }) => [resource.name, resource])),
    hidden: new Set(hidden),
    sources: new Map(sorted.map(({ resource, sources }) => [resource.name, sources])),
    version: contentVersion(new TextEncoder().encode(versions)),
  };
}

const EMPTY: ResourceSet = resourceSet([], NOTHING);

/** The last set under each key, given again while its members are the same objects. */
export class ResourceSets {
  #before = new Map<string, Entry>();
  #now = new Map<string, Entry>();
  /** By first member: views of different namespaces often have the very same endpoints. */
  readonly #alike = new WeakMap<Compiled, Entry>();

  /** `members` have distinct names. */
  share(key: string, members: readonly Compiled[], hidden: readonly string[] = NOTHING): ResourceSet {
    const known = this.#now.get(key) ?? this.#before.get(key);
    const same = known && sameItems(known.members, members) && sameItems(known.hidden, hidden);
    const set = same ? known.set : this.#make(members, hidden);
    this.#now.set(key, { members, hidden, set });
    return set;
  }

  #make(members: readonly Compiled[], hidden: readonly string[]): ResourceSet {
    const [first] = members;
    if (!first) return hidden.length === 0 ? EMPTY : resourceSet(members, hidden);
    const alike = this.#alike.get(first);
    if (alike && sameItems(alike.members, members) && sameItems(alike.hidden, hidden)) return alike.set;
    const set = resourceSet(members, hidden);
    this.#alike.set(first, { members, hidden, set });
    return set;
  }

  /** Begins a compilation, and forgets what the last one did not ask for. */
  nextGeneration(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}

interface Entry {
  readonly members: readonly Compiled[];
  readonly hidden: readonly string[];
  readonly set: ResourceSet;
}

const layered = new WeakMap<ResourceMap, WeakMap<ResourceSet, ResourceMap>>();

/** The set over what is below, as one map; the same object for the same two. */
export function layer(set: ResourceSet, below: ResourceMap): ResourceMap {
  if (set.resources.size === 0 && set.hidden.size === 0) return below;
  if (below.size === 0) return set.resources;
  const known = layered.get(below)?.get(set);
  if (known) return known;
  const map = new LayeredMap(set.resources, set.hidden, below);
  const bySet = layered.get(below) ?? new WeakMap<ResourceSet, ResourceMap>();
  bySet.set(set, map);
  layered.set(below, bySet);
  return map;
}
