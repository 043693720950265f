// How far each object has come: of the proxies whose resources come from it, how many have acknowledged all of those. It is counted by sets
// of resources, which proxies share, and by what is on its way: never by object and proxy.

import type { OutboundSets } from "../../compile/outbound-sets.ts";
import type { Source } from "../../compile/provenance.ts";
import { ownOf, type ProxySnapshot, sourcesOf } from "../../compile/proxy-snapshot.ts";
import type { ResourceSet } from "../../compile/resource-set.ts";
import { sameItems } from "../../model/equality.ts";
import type { Mesh } from "../../model/mesh.ts";
import { originKey } from "../../model/origin.ts";
import type { Workload } from "../../model/workload.ts";
import type { Pending } from "../../xds/delta-server.ts";
import { type ResourceKind, SEND_ORDER } from "../../xds/type-urls.ts";
import { hasMeshStatus } from "./condition.ts";
import { Governing } from "./governing.ts";

/** One connected proxy. */
export interface ProxyProgress {
  /** `namespace/name` of its workload. */
  readonly name: string;
  readonly workload: Workload;
  readonly snapshot: ProxySnapshot;
  readonly pending: readonly Pending[];
}

export interface Refused {
  readonly proxy: string;
  readonly kind: ResourceKind;
  readonly resource: string;
  /** The proxy's words. */
  readonly reason: string;
}

export interface Reach {
  /** Connected proxies that have a resource of the object. */
  readonly proxies: number;
  readonly acknowledged: number;
  /** A few of them. */
  readonly refused: readonly Refused[];
}

export interface Reaches {
  /** By originKey. Objects that no proxy's resources come from are left out. */
  readonly reaches: ReadonlyMap<string, Reach>;
  /** Whether some proxy has not had its first configuration yet. */
  readonly isStarting: boolean;
}

const MAX_REFUSED = 3;

type Keys = ReadonlySet<string>;

interface OwnKeys {
  readonly sets: readonly ResourceSet[];
  readonly keys: Keys;
}

interface Group {
  readonly keys: Keys;
  proxies: number;
  acknowledged: number;
}

interface Count {
  proxies: number;
  acknowledged: number;
  refused: Refused[];
}

/** Remembers what the sets of the last time were made from. */
export class ReachCounter {
  readonly #ids = new WeakMap<ResourceSet, number>();
  readonly #members = new WeakMap<ResourceSet, ReadonlyMap<string, number>>();
  /** By the first of a proxy's own sets: they stay while what it shares changes. */
  readonly #own = new WeakMap<ResourceSet, OwnKeys>();
  readonly #groupIds = new WeakMap<OutboundSets, string>();
  readonly #stackIds = new WeakMap<readonly ResourceSet[], string>();
  readonly #governing = new Governing();
  /** By the sets that proxies share of all kinds, and of one. */
  readonly #shared = new Lately<Keys>();
  readonly #stacks = new Lately<Keys>();
  #nextId = 0;

  count(proxies: Iterable<ProxyProgress>, mesh: Mesh): Reaches {
    let anyStarts = false;
    const counts = new Counts();
    const groups = new Map<string, Group>();
    this.#shared.next();
    this.#stacks.next();
    for (const proxy of proxies) {
      const group = this.#groupOf(proxy.snapshot, groups);
      const isStarting = proxy.pending.some(({ whole }) => whole);
      anyStarts ||= isStarting;
      const behind = isStarting ? undefined : behindOf(proxy, counts);
      group.proxies++;
      if (!isStarting) group.acknowledged++;
      for (const key of behind ?? []) if (group.keys.has(key)) counts.of(key).acknowledged--;
      const own = this.#ownKeys(proxy.snapshot);
      for (const key of own) {
        if (group.keys.has(key)) continue;
        const count = counts.of(key);
        count.proxies++;
        if (behind && !behind.has(key)) count.acknowledged++;
      }
      const isCurrent = !isStarting && !isWaitedFor(proxy);
      for (const key of this.#governing.of(mesh, proxy.workload)) {
        if (group.keys.has(key) || own.has(key)) continue;
        const count = counts.of(key);
        count.proxies++;
        if (isCurrent) count.acknowledged++;
      }
    }
    for (const group of groups.values()) {
      for (const key of group.keys) {
        const count = counts.of(key);
        count.proxies += group.proxies;
        count.acknowledged += group.acknowledged;
      }
    }
    return { reaches: counts.all, isStarting: anyStarts };
  }

  /** Proxies that share all that can be shared. */
  #groupOf(snapshot: ProxySnapshot, groups: Map<string, Group>): Group {
    const id = this.#groupId(snapshot.shared);
    const known = groups.get(id);
    if (known) return known;
    // A change is of one kind, mostly, and the others' sets are those of before.
    const kinds = stacksOf(snapshot.shared).map((stack) =>
      this.#stacks.get(this.#stackId(stack), () => this.#keysOf([stack])),
    );
    const keys = this.#shared.get(id, () => new Set(kinds.flatMap((of) => [...of])));
    const group = { keys, proxies: 0, acknowledged: 0 };
    groups.set(id, group);
    return group;
  }

  #groupId(shared: OutboundSets): string {
    const known = this.#groupIds.get(shared);
    if (known !== undefined) return known;
    const id = stacksOf(shared)
      .map((stack) => this.#stackId(stack))
      .join();
    this.#groupIds.set(shared, id);
    return id;
  }

  /** Of a kind that did not change the list is that of before. */
  #stackId(stack: readonly ResourceSet[]): string {
    const known = this.#stackIds.get(stack);
    if (known !== undefined) return known;
    const id = stack.map((set) => this.#idOf(set)).join("+");
    this.#stackIds.set(stack, id);
    return id;
  }

  #ownKeys(snapshot: ProxySnapshot): Keys {
    const stacks = SEND_ORDER.map((kind) => ownOf(snapshot, kind));
    const sets = stacks.flat();
    const [first] = sets;
    const known = first && this.#own.get(first);
    if (known && sameItems(known.sets, sets)) return known.keys;
    const keys = this.#keysOf(stacks);
    if (first) this.#own.set(first, { sets, keys });
    return keys;
  }

  #keysOf(stacks: readonly (readonly ResourceSet[])[]): Keys {
    const keys = new Set<string>();
    for (const stack of stacks) this.#addKeys(stack, keys);
    return keys;
  }

  /** What is covered by an upper set does not reach the proxy: an object all of whose resources are covered is none of its. */
  #addKeys(stack: readonly ResourceSet[], keys: Set<string>): void {
    const covered = new Set<string>();
    for (const set of stack) {
      const taken = new Map<string, number>();
      for (const name of covered) for (const key of keysAt(set, name)) taken.set(key, (taken.get(key) ?? 0) + 1);
      for (const [key, resources] of this.#membersOf(set)) if (resources > (taken.get(key) ?? 0)) keys.add(key);
      if (set === stack.at(-1)) return;
      for (const name of set.resources.keys()) covered.add(name);
      for (const name of set.hidden) covered.add(name);
    }
  }

  /** How many resources of the set come from each object. */
  #membersOf(set: ResourceSet): ReadonlyMap<string, number> {
    const known = this.#members.get(set);
    if (known) return known;
    const members = new Map<string, number>();
    for (const name of set.sources.keys())
      for (const key of keysAt(set, name)) members.set(key, (members.get(key) ?? 0) + 1);
    this.#members.set(set, members);
    return members;
  }

  #idOf(set: ResourceSet): number {
    const known = this.#ids.get(set);
    if (known !== undefined) return known;
    this.#ids.set(set, this.#nextId);
    return this.#nextId++;
  }
}

/** What was asked for this time or the last. */
class Lately<Value> {
  #before = new Map<string, Value>();
  #now = new Map<string, Value>();

  get(key: string, make: () => Value): Value {
    const value = this.#now.get(key) ?? this.#before.get(key) ?? make();
    this.#now.set(key, value);
    return value;
  }

  next(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}

class Counts {
  readonly all = new Map<string, Count>();

  of(key: string): Count {
    const known = this.all.get(key);
    if (known) return known;
    const count: Count = { proxies: 0, acknowledged: 0, refused: [] };
    this.all.set(key, count);
    return count;
  }
}

const NO_SETS: readonly ResourceSet[] = [];

function stacksOf(shared: OutboundSets): readonly (readonly ResourceSet[])[] {
  return SEND_ORDER.map((kind) => shared[kind] ?? NO_SETS);
}

/** Sets that differ in one resource have the sources of all others in common. */
const keysBySources = new WeakMap<readonly Source[], Keys>();
const NO_KEYS: Keys = new Set();

function keysAt({ sources }: ResourceSet, name: string): Keys {
  const of = sources.get(name);
  return of ? keysOfSources(of) : NO_KEYS;
}

function keysOfSources(sources: readonly Source[]): Keys {
  const known = keysBySources.get(sources);
  if (known) return known;
  const origins = sources.map(({ origin }) => origin).filter(hasMeshStatus);
  const keys = origins.length === 0 ? NO_KEYS : new Set(origins.map(originKey));
  keysBySources.set(sources, keys);
  return keys;
}

/** What was refused is no news any more, and says nothing of what no resource shows. */
function isWaitedFor({ pending }: ProxyProgress): boolean {
  return pending.some((part) => part.whole || part.names.values().some((reason) => reason === undefined));
}

/** Objects of which the proxy lacks something. */
function behindOf({ name: proxy, snapshot, pending }: ProxyProgress, counts: Counts): Keys {
  const behind = new Set<string>();
  for (const part of pending) {
    if (part.whole) continue;
    for (const [resource, reason] of part.names) {
      for (const key of keysOfSources(sourcesOf(snapshot, part.kind, resource))) {
        const first = !behind.has(key);
        behind.add(key);
        const { refused } = counts.of(key);
        if (reason !== undefined && (first || refused.at(-1)?.proxy !== proxy) && refused.length < MAX_REFUSED)
          refused.push({ proxy, kind: part.kind, resource, reason });
      }
    }
  }
  return behind;
}
