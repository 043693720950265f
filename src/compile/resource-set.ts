// Sets of resources that many proxies share. Equal sets are one object, so that whoever compares two snapshots compares references first.

import type { Resource } from "../xds/resource.ts";
import { contentVersion } from "../xds/resource.ts";
import type { ResourceMap } from "../xds/snapshot.ts";
import type { Compiled, Source } from "./provenance.ts";

/** Resources of one type with what they were made from. Immutable. */
export interface ResourceSet {
  readonly resources: ResourceMap;
  readonly sources: ReadonlyMap<string, readonly Source[]>;
  /** Of the content. */
  readonly version: string;
}

function makeSet(members: readonly Compiled[]): ResourceSet {
  const sorted = members.toSorted((a, b) => (a.resource.name < b.resource.name ? -1 : 1));
  const versions = sorted.map(({ resource }) => resource.version).join();
  return {
    resources: new Map(sorted.map(({ resource }) => [resource.name, resource])),
    sources: new Map(sorted.map(({ resource, sources }) => [resource.name, sources])),
    version: contentVersion(new TextEncoder().encode(versions)),
  };
}

const EMPTY: ResourceSet = makeSet([]);

function sameMembers(a: readonly Compiled[], b: readonly Compiled[]): boolean {
  return a.length === b.length && a.every((member, i) => member === b[i]);
}

/** The last set under each key, given again while its members are the same objects. */
export class ResourceSets {
  #before = new Map<string, Entry>();
  #now = new Map<string, Entry>();
  /** By first member: views of different namespaces often have the very same endpoints. */
  readonly #alike = new WeakMap<Compiled, Entry>();

  /** `members` have distinct names. `stamp`: see `unchanged`. */
  share(key: string, members: readonly Compiled[], stamp = 0): ResourceSet {
    const known = this.#now.get(key) ?? this.#before.get(key);
    const set = known && sameMembers(known.members, members) ? known.set : this.#make(members);
    this.#now.set(key, { members, set, stamp });
    return set;
  }

  #make(members: readonly Compiled[]): ResourceSet {
    const [first] = members;
    if (!first) return EMPTY;
    const alike = this.#alike.get(first);
    if (alike && sameMembers(alike.members, members)) return alike.set;
    const set = makeSet(members);
    this.#alike.set(first, { members, set, stamp: 0 });
    return set;
  }

  /** The set shared under `key` with this very stamp: its members need not be made again. */
  unchanged(key: string, stamp: number): ResourceSet | undefined {
    const known = this.#now.get(key) ?? this.#before.get(key);
    if (known?.stamp !== stamp) return undefined;
    this.#now.set(key, known);
    return known.set;
  }

  /** Begins a compilation, and forgets what the last one did not ask for. */
  nextGeneration(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}

interface Entry {
  readonly members: readonly Compiled[];
  readonly set: ResourceSet;
  readonly stamp: number;
}

/** One map over what all proxies of a view share and what is a proxy's own: a thousand proxies must not have a thousand copies. */
class LayeredMap implements ReadonlyMap<string, Resource> {
  readonly #own: ResourceMap;
  readonly #shared: ResourceMap;

  constructor(own: ResourceMap, shared: ResourceMap) {
    this.#own = own;
    this.#shared = shared;
  }

  get size(): number {
    return this.#own.size + this.#shared.size;
  }

  get(name: string): Resource | undefined {
    return this.#own.get(name) ?? this.#shared.get(name);
  }

  has(name: string): boolean {
    return this.#own.has(name) || this.#shared.has(name);
  }

  *entries(): MapIterator<[string, Resource]> {
    yield* this.#own.entries();
    yield* this.#shared.entries();
  }

  *keys(): MapIterator<string> {
    yield* this.#own.keys();
    yield* this.#shared.keys();
  }

  *values(): MapIterator<Resource> {
    yield* this.#own.values();
    yield* this.#shared.values();
  }

  forEach(visit: (resource: Resource, name: string, map: ReadonlyMap<string, Resource>) => void): void {
    for (const [name, resource] of this) visit(resource, name, this);
  }

  [Symbol.iterator](): MapIterator<[string, Resource]> {
    return this.entries();
  }
}

const layered = new WeakMap<ResourceMap, WeakMap<ResourceMap, ResourceMap>>();

/** Both maps as one; the same object for the same two. No name is in both. */
export function layer(own: ResourceMap, shared: ResourceMap): ResourceMap {
  if (own.size === 0) return shared;
  if (shared.size === 0) return own;
  const known = layered.get(shared)?.get(own);
  if (known) return known;
  const map = new LayeredMap(own, shared);
  const byOwn = layered.get(shared) ?? new WeakMap<ResourceMap, ResourceMap>();
  byOwn.set(own, map);
  layered.set(shared, byOwn);
  return map;
}
