// What one client asked for of one resource type, in the server's view.

import { RESOURCE_TYPES, type ResourceKind } from "./type-urls.ts";

const WILDCARD = "*";
const GLOB = "/*"; // xdstp://authority/type/collection/* is every resource of the collection

export interface SubscriptionRequest {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Of the first request of a stream: the resources that the client kept from the stream before. */
  readonly initialVersions: Readonly<Record<string, string>>;
}

/** Names whose answer the client waits for, whatever it holds of them. */
export interface SubscriptionChange {
  readonly added: readonly string[];
  /** Prefixes of the collections asked for. */
  readonly addedPrefixes: readonly string[];
  readonly removed: readonly string[];
  /** A wildcard or a collection was left. */
  readonly narrowed: boolean;
  /** The client did not have everything and now asks for it. */
  readonly wildcardAdded: boolean;
}

const known = new WeakMap<ReadonlyMap<string, unknown>, ReadonlySet<string>>();

function namesOf(resources: ReadonlyMap<string, unknown>): ReadonlySet<string> {
  const names = known.get(resources) ?? new Set(resources.keys());
  known.set(resources, names);
  return names;
}

/** What a list of names asks for. */
interface Asked {
  readonly names: readonly string[];
  /** Of collections. */
  readonly prefixes: readonly string[];
  readonly wildcard: boolean;
}

function askedBy(list: readonly string[]): Asked {
  const [names, prefixes]: [string[], string[]] = [[], []];
  let wildcard = false;
  for (const name of list) {
    if (name === WILDCARD) wildcard = true;
    else if (name.endsWith(GLOB)) prefixes.push(name.slice(0, -1));
    else names.push(name);
  }
  return { names, prefixes, wildcard };
}

/** Lists from so many names on are looked at once, however many clients come with the very list (`RequestReader`). */
const LONG = 64;

/** A long list, its names as a set, and the maps of which they are all. */
interface LongList extends Asked {
  readonly set: ReadonlySet<string>;
  readonly maps: WeakSet<ReadonlyMap<string, unknown>>;
}

const longLists = new WeakMap<readonly string[], LongList>();

function longList(list: readonly string[]): LongList {
  const last = longLists.get(list);
  if (last) return last;
  const asked = askedBy(list);
  const made = { ...asked, set: new Set(asked.names), maps: new WeakSet() };
  longLists.set(list, made);
  return made;
}

export class Subscription {
  readonly #kind: ResourceKind;
  /** Undefined: others have the same names, of a list or of a map. */
  #own: Set<string> | undefined = new Set();
  #names: ReadonlySet<string> = this.#own!;
  /** Whose names they are, and nothing was added to them since. */
  #list: LongList | undefined;
  readonly #prefixes = new Set<string>();
  #wildcard = false;
  #started = false;

  constructor(kind: ResourceKind) {
    this.#kind = kind;
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  /** How many names it holds, to bound what a client may make the server remember. */
  get size(): number {
    return this.#names.size + this.#prefixes.size;
  }

  /** Takes one request's names. Subscriptions count before unsubscriptions, as the protocol has it. */
  apply(request: SubscriptionRequest): SubscriptionChange {
    const hadWildcard = this.#wildcard;
    if (!this.#started) {
      this.#started = true;
      this.#wildcard = this.#startsAsWildcard(request);
    }
    const long = request.subscribe.length < LONG ? undefined : longList(request.subscribe);
    const { names: added, prefixes: addedPrefixes, wildcard } = long ?? askedBy(request.subscribe);
    if (wildcard) this.#wildcard = true;
    if (long && this.#names.size === 0) this.#share(long.set, long);
    else if (added.length > 0) {
      const names = this.#ownNames();
      for (const name of added) names.add(name);
    }
    for (const prefix of addedPrefixes) this.#prefixes.add(prefix);
    const removed: string[] = [];
    let narrowed = false;
    for (const name of request.unsubscribe) {
      if (name === WILDCARD) this.#wildcard = false;
      else if (name.endsWith(GLOB)) narrowed = this.#prefixes.delete(name.slice(0, -1)) || narrowed;
      else if (this.#names.has(name) && this.#ownNames().delete(name)) removed.push(name);
    }
    narrowed ||= hadWildcard && !this.#wildcard;
    return { added, addedPrefixes, removed, narrowed, wildcardAdded: this.#wildcard && !hadWildcard };
  }

  /** The names asked for one by one. */
  names(): Iterable<string> {
    return this.#names;
  }

  /** The names, to be changed: what is shared is left to the others. */
  #ownNames(): Set<string> {
    this.#own ??= new Set(this.#names);
    this.#names = this.#own;
    this.#list = undefined;
    return this.#own;
  }

  #share(names: ReadonlySet<string>, list: LongList | undefined): void {
    this.#own = undefined;
    this.#names = names;
    this.#list = list;
  }

  /** By name, one by one: no more than are in `resources`, and all of them. Then it shares them with all clients of which that is so. */
  isExactly(resources: ReadonlyMap<string, unknown>): boolean {
    if (this.#wildcard || this.#prefixes.size > 0 || this.#names.size !== resources.size) return false;
    const all = namesOf(resources);
    if (this.#names === all) return true;
    const list = this.#list;
    if (!list?.maps.has(resources)) for (const name of this.#names) if (!all.has(name)) return false;
    list?.maps.add(resources);
    this.#share(all, undefined);
    return true;
  }

  /** Whether the client wants to hear of the resource called `name`. */
  wants(name: string): boolean {
    return this.#wildcard || this.#names.has(name) || this.#inGlob(name);
  }

  /** Forgets a name that need not be remembered, because the wildcard covers all that it may ever become. */
  forget(name: string): void {
    if (this.#wildcard && this.#names.has(name)) this.#ownNames().delete(name);
  }

  /**
   * A first request without names means everything, of the types that have a wildcard. Names that the client already holds do not change
   * that: older Envoys send them along when they reconnect, and would never learn of another cluster (consul#12174). Envoy 1.40 sends
   * none, or `*` beside those it asked for on demand. Virtual hosts are only ever named on demand.
   */
  #startsAsWildcard({ subscribe, initialVersions }: SubscriptionRequest): boolean {
    if (!RESOURCE_TYPES[this.#kind].wildcard) return false;
    return this.#kind === "vhds" || subscribe.every((name) => name in initialVersions);
  }

  #inGlob(name: string): boolean {
    return this.#prefixes.size > 0 && this.#prefixes.has(name.slice(0, name.lastIndexOf("/") + 1));
  }
}
