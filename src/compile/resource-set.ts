// Sets of resources that many proxies share. Equal sets are one object, so that whoever compares two snapshots compares references first.

import { corrected } from "../base/corrected-map.ts";
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
  return {
    resources: new Map(sorted.map(({ resource }) => [resource.name, resource])),
    hidden: new Set(hidden),
    sources: new Map(sorted.map(({ resource, sources }) => [resource.name, sources])),
    version: text(sum(0n, [...versionsOf(members), ...hidden.map((name) => contentVersion(Buffer.from(name)))], [])),
  };
}

/** Versions are sums of those of the members, so that one for whom few are others costs those few. */
function sum(before: bigint, come: readonly string[], gone: readonly string[]): bigint {
  let total = before;
  for (const version of come) total += BigInt(`0x${version}`);
  for (const version of gone) total -= BigInt(`0x${version}`);
  return BigInt.asUintN(64, total);
}

function text(version: bigint): string {
  return version.toString(16).padStart(16, "0");
}

function versionsOf(members: readonly Compiled[]): readonly string[] {
  return members.map(({ resource }) => resource.version);
}

/** The set with other members in the places of some, under their names; undefined: the names are not the same. */
function replaced({ set, members }: Entry, now: readonly Compiled[]): ResourceSet | undefined {
  if (members.length !== now.length) return undefined;
  const replacements: [Compiled, Compiled][] = [];
  for (let i = 0; i < now.length; i++) {
    const [old, member] = [members[i]!, now[i]!];
    if (old === member) continue;
    if (old.resource.name !== member.resource.name) return undefined;
    replacements.push([old, member]);
  }
  return withReplacements(set, replacements);
}

/** `replacements`: members of the set, and what stands in their places under the same names. */
function withReplacements(
  set: ResourceSet,
  replacements: readonly (readonly [old: Compiled, now: Compiled])[],
): ResourceSet {
  const gone = replacements.map(([old]) => old);
  const come = replacements.map(([, now]) => now);
  return {
    resources: corrected(
      set.resources,
      come.map(({ resource }) => [resource.name, resource]),
    ),
    hidden: set.hidden,
    sources: corrected(
      set.sources,
      come.map(({ resource, sources }) => [resource.name, sources]),
    ),
    version: text(sum(BigInt(`0x${set.version}`), versionsOf(come), versionsOf(gone))),
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
    const current = this.#now.get(key);
    const known = current ?? this.#before.get(key);
    const alike = known && sameItems(known.hidden, hidden) ? known : undefined;
    if (alike && sameItems(alike.members, members)) {
      if (!current) this.#now.set(key, alike);
      return alike.set;
    }
    const set = this.#make(members, hidden, alike);
    this.#now.set(key, { members, hidden, set });
    return set;
  }

  /** The last set under the key with other members in the places of some; undefined: there is none. */
  correct(key: string, replacements: ReadonlyMap<Compiled, Compiled>): ResourceSet | undefined {
    const known = this.#now.get(key) ?? this.#before.get(key);
    if (!known) return undefined;
    const places = placesOf(known);
    const own = [...replacements].filter(([old]) => {
      const place = places.get(old.resource.name);
      return place !== undefined && known.members[place] === old;
    });
    const made = own.length === 0 ? known : correctedEntry(known, own, places);
    this.#now.set(key, made);
    return made.set;
  }

  /** `before`: with the same hidden names. */
  #make(members: readonly Compiled[], hidden: readonly string[], before: Entry | undefined): ResourceSet {
    const [first] = members;
    if (!first) return hidden.length === 0 ? EMPTY : resourceSet(members, hidden);
    const alike = this.#alike.get(first);
    if (alike && sameItems(alike.members, members) && sameItems(alike.hidden, hidden)) return alike.set;
    const set = (before && replaced(before, members)) ?? resourceSet(members, hidden);
    this.#alike.set(first, { members, hidden, set });
    return set;
  }

  /** Forgets what nobody asked for since the last time. */
  nextGeneration(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}

const places = new WeakMap<ResourceSet, ReadonlyMap<string, number>>();

/** Of names among the members. */
function placesOf({ set, members }: Entry): ReadonlyMap<string, number> {
  const known = places.get(set) ?? new Map(members.map(({ resource }, i) => [resource.name, i]));
  places.set(set, known);
  return known;
}

/** `of`: the places of names. */
function correctedEntry(
  before: Entry,
  replacements: readonly (readonly [old: Compiled, now: Compiled])[],
  of: ReadonlyMap<string, number>,
): Entry {
  const members = before.members.slice();
  for (const [old, now] of replacements) members[of.get(old.resource.name)!] = now;
  const set = withReplacements(before.set, replacements);
  places.set(set, of);
  return { members, hidden: before.hidden, set };
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
  if (!(below instanceof LayeredMap) && below.size === 0) return set.resources;
  const known = layered.get(below)?.get(set);
  if (known) return known;
  const map = new LayeredMap(set.resources, set.hidden, below);
  const bySet = layered.get(below) ?? new WeakMap<ResourceSet, ResourceMap>();
  bySet.set(set, map);
  layered.set(below, bySet);
  return map;
}
