// The server's end of one resource type on one stream: what the client asked for, what it holds, what is due to it. delta-server.ts puts
// the types in order and decides what must wait for another type.

import { type DeltaResponse, type SentResource, sentByAliases, sentByName } from "./delta-response.ts";
import { Held, type HeldResource } from "./held.ts";
import { parseVirtualHostName } from "./names.ts";
import { isolate } from "./refusal.ts";
import type { Resource } from "./resource.ts";
import type { ResourceMap } from "./snapshot.ts";
import { Subscription, type SubscriptionRequest } from "./subscription.ts";
import type { ResourceKind } from "./type-urls.ts";
import { findVirtualHost } from "./virtual-host-lookup.ts";
import { wholeOf } from "./whole.ts";

/** What the other types of the stream allow. */
export interface Gate {
  /**
   * `wait`: something it refers to is on its way to the client. `blocked`: the client refused something it refers to, or there is no such
   * thing yet. `no`: it is not for now, and comes up again with what it belongs to.
   */
  mayAdd(resource: Resource): "yes" | "wait" | "blocked" | "no";
  /** The same of all of a map at once. `no`: it has to be decided one by one. */
  mayAddAll(resources: ResourceMap): "yes" | "wait" | "no";
  /** False while the client holds something that refers to it. */
  mayRemove(name: string): boolean;
}

export interface Refusal {
  readonly name: string;
  readonly version: string;
  /** The client's words. */
  readonly reason: string;
}

/** `whole`: the map that it is all of. */
export type Contents = Pick<DeltaResponse, "resources" | "removed" | "encoded"> & { readonly whole?: ResourceMap };

/** What waits for the client's answer. */
type Sent = DeltaResponse & Contents;

/** `wait`: it goes soon, and removals wait with it. `keep`: it may never go, and holds up nothing else. */
type Decision =
  | { readonly kind: "nothing" | "wait" | "keep" | "remove" }
  | { readonly kind: "add"; readonly sent: SentResource };

const NOTHING: Decision = { kind: "nothing" };
const WAIT: Decision = { kind: "wait" };
const KEEP: Decision = { kind: "keep" };
const REMOVE: Decision = { kind: "remove" };

export class ServerType {
  readonly kind: ResourceKind;
  readonly subscription: Subscription;
  /** What it acknowledged. */
  readonly held = new Held();
  /**
   * What it may have in place of that, and has not acknowledged since: parts of a response that it refused, perhaps for the sake of
   * others, and what it asked for although it had it.
   */
  readonly doubted = new Map<string, HeldResource>();
  /** What waited as long as anything may: a route goes without its clusters, a cluster leaves while there are routes to it. */
  readonly released = new WeakSet<Resource | HeldResource>();
  readonly #refused = new Map<string, Refusal>();
  /** What goes in place of what was refused, to a client that has nothing else of the name. */
  standIns: ResourceMap | undefined;
  readonly #sentInstead = new WeakSet<Resource>();
  /** Names of which the client holds a stand-in. */
  readonly #standing = new Set<string>();
  /** Names to look at before the next response. A name may turn out to need nothing. */
  readonly #due = new Set<string>();
  /** Names that get an answer even if the client holds them: it asked. */
  readonly #owed = new Set<string>();
  /** Aliases by the virtual host that they stand for, to be named in its next response. */
  readonly #aliases = new Map<string, Set<string>>();
  #retries: (readonly string[])[] = [];
  #inFlight: Sent | undefined;
  /** The client held nothing when it asked for everything, and got nothing yet: names need not be looked at one by one. */
  #wantsWhole = false;
  #owesFirst = false;
  #started = false;

  constructor(kind: ResourceKind) {
    this.kind = kind;
    this.subscription = new Subscription(kind);
  }

  get inFlight(): DeltaResponse | undefined {
    return this.#inFlight;
  }

  /** Nothing sent waits for an answer, and nothing due is left to look at. */
  get idle(): boolean {
    return this.#inFlight === undefined && this.#due.size === 0 && this.#retries.length === 0;
  }

  get refusals(): Iterable<Refusal> {
    return this.#refused.values();
  }

  /** How many names the client made the server remember: what it subscribed to, and what it waits for an answer about. */
  get names(): number {
    return this.subscription.size + this.#owed.size;
  }

  /** Names of what the client is to have and has not acknowledged. */
  *unacknowledged(resources: ResourceMap): Iterable<string> {
    for (const [name, resource] of resources)
      if (this.subscription.wants(name) && !this.#hasExactly(resource)) yield name;
  }

  /** Whether all of the kind is on its way, or about to be. */
  get pendsWhole(): boolean {
    return this.#wantsWhole || this.#inFlight?.whole !== undefined;
  }

  /** Names that the client may lack or has refused; costs nothing while it is up to date. */
  *pending(): Iterable<string> {
    yield* this.#due;
    for (const { name } of this.#inFlight?.resources ?? []) yield name;
    yield* this.#refused.keys();
    yield* this.doubted.keys();
  }

  refusalOf(name: string): string | undefined {
    return this.#refused.get(name)?.reason;
  }

  /** Names that may be sent or removed soon. */
  get due(): Iterable<string> {
    return this.#due;
  }

  /** All of the snapshot is due, and no name of it by itself. */
  get wantsWhole(): boolean {
    return this.#wantsWhole;
  }

  refuses(resource: Resource): boolean {
    return this.#refused.get(resource.name)?.version === resource.version;
  }

  /** Looks at `name` again before the next response. */
  look(name: string): void {
    if (!this.#wantsWhole) this.#due.add(name);
  }

  /** Has `name` sent again though the client holds it: after a change to what uses it, Envoy starts anew without it. */
  owe(name: string): void {
    this.#owed.add(name);
    this.#due.add(name);
  }

  subscribe(request: SubscriptionRequest, resources: ResourceMap): void {
    const first = !this.#started;
    this.#started = true;
    if (first) this.#takeInitial(request.initialVersions, resources);
    const change = this.subscription.apply(request);
    if (first && this.held.size === 0 && this.#subscribesToAll(resources)) {
      this.#wantsWhole = true;
      return;
    }
    this.#checkWhole(resources);
    if (change.wildcardAdded) {
      for (const name of resources.keys()) this.#due.add(name);
      // An empty answer is one too: without it Envoy's start waits for initial_fetch_timeout, 15 s. (For virtual hosts it waits by route.)
      this.#owesFirst = this.held.size === 0 && this.kind !== "vhds";
    }
    for (const name of change.added) this.#answer(name, resources, first);
    for (const prefix of change.addedPrefixes) {
      for (const name of resources.keys()) if (name.startsWith(prefix)) this.#answerResource(name, first);
    }
    for (const name of change.removed) {
      // The protocol: who leaves a name and keeps the wildcard is told what the name is under the wildcard.
      if (this.subscription.wants(name)) this.owe(name);
    }
    if (first || change.narrowed || change.removed.length > 0) this.#dropUnwanted();
  }

  /** By the wildcard alone, or by every name that there is. */
  #subscribesToAll(resources: ResourceMap): boolean {
    if (resources.size === 0) return false;
    if (this.subscription.wildcard) return this.subscription.size === 0;
    return this.subscription.isExactly(resources);
  }

  /** Names came or went, of the subscription or of the snapshot. */
  #checkWhole(resources: ResourceMap): void {
    if (this.#wantsWhole && !this.#subscribesToAll(resources)) this.#giveUpWhole(resources);
  }

  /** From here on names are looked at one by one: all of a wildcard's, and those asked for have to be answered. */
  #giveUpWhole(resources: ResourceMap): void {
    this.#wantsWhole = false;
    if (this.subscription.wildcard) for (const name of resources.keys()) this.#due.add(name);
    for (const name of this.subscription.names()) this.owe(name);
  }

  /** Looks at what differs from the snapshot before. */
  changed(names: Iterable<string>, resources: ResourceMap): void {
    this.#checkWhole(resources);
    if (this.#wantsWhole) return;
    for (const name of names) {
      if (this.#mayHave(name) || this.subscription.wants(name)) this.#due.add(name);
      const refusal = this.#refused.get(name);
      if (refusal && refusal.version !== resources.get(name)?.version) this.#refused.delete(name);
    }
  }

  acknowledge(): void {
    const response = this.#inFlight;
    this.#inFlight = undefined;
    if (!response) return;
    const { whole } = response;
    if (whole && this.held.size === 0 && this.#subscribesToAll(whole)) {
      this.held.hold(whole);
      return;
    }
    for (const { resource } of response.resources) {
      if (!resource) continue;
      this.#taken(resource);
      if (this.doubted.size > 0) this.doubted.delete(resource.name);
      if (this.subscription.wants(resource.name)) this.held.set(resource.name, resource);
    }
    for (const name of response.removed) this.#gone(name);
  }

  /** Who took a stand-in still refuses what it stands for. */
  #taken(resource: Resource): void {
    const { name } = resource;
    const isInstead = this.#refused.has(name) && this.#sentInstead.has(resource);
    if (isInstead) this.#standing.add(name);
    else if (this.#standing.size > 0) this.#standing.delete(name);
    if (!isInstead && this.#refused.size > 0) this.#refused.delete(name);
  }

  refuse(reason: string, resources: ResourceMap): void {
    const response = this.#inFlight;
    this.#inFlight = undefined;
    if (!response) return;
    const sent = response.resources.flatMap(({ resource }) => resource ?? []);
    const { refused, retry } = isolate(
      sent.map((resource) => resource.name),
      reason,
    );
    for (const resource of sent) {
      const { name, version } = resource;
      if (!refused.includes(name)) {
        this.doubted.set(name, resource);
        continue;
      }
      this.doubted.delete(name);
      // What has changed since is due anyway.
      if (resources.get(name)?.version !== version) continue;
      this.#refused.set(name, { name, version, reason });
      if (this.#standInFor(name)) this.#due.add(name);
    }
    for (const name of retry.flat()) this.#due.add(name);
    this.#retries = [...retry, ...this.#retries];
    // Envoy applies removals before it looks at what is new; a client that did not gets them again with the retries.
    for (const name of response.removed) {
      if (retry.length > 0) this.#due.add(name);
      else this.#gone(name);
    }
  }

  /** The next response, at most `maxBytes` long unless one resource alone is longer; undefined when there is nothing to say now. */
  respond(resources: ResourceMap, gate: Gate, maxBytes: number): Contents | undefined {
    if (this.#inFlight) return undefined;
    const whole = this.#wantsWhole ? this.#respondWhole(resources, gate, maxBytes) : undefined;
    if (whole) return whole;
    for (let retry = this.#nextRetry(); retry; retry = this.#nextRetry()) {
      const contents = this.#compose(retry, resources, gate, maxBytes);
      if (contents) return contents;
    }
    const contents = this.#compose(this.#due, resources, gate, maxBytes);
    if (!contents && this.idle && this.#refused.size === 0 && this.doubted.size === 0) this.held.share(resources);
    return contents;
  }

  #respondWhole(resources: ResourceMap, gate: Gate, maxBytes: number): Contents | undefined {
    const may = gate.mayAddAll(resources);
    if (may === "wait") return undefined;
    const whole = may === "yes" ? wholeOf(resources) : undefined;
    if (!whole || whole.bytes > maxBytes) {
      this.#giveUpWhole(resources);
      return undefined;
    }
    this.#wantsWhole = false;
    return { resources: whole.sent, encoded: whole.encoded, removed: [], whole: resources };
  }

  /** `response` went out, with the contents that respond() gave. */
  sent(response: Sent): void {
    this.#inFlight = response;
    this.#owesFirst = false;
    const { whole } = response;
    if (whole) for (const name of this.#due) if (whole.has(name)) this.#settle(name);
    if (whole) return;
    for (const { name } of response.resources) this.#settle(name);
    for (const name of response.removed) this.#settle(name);
  }

  #compose(names: Iterable<string>, resources: ResourceMap, gate: Gate, maxBytes: number): Contents | undefined {
    const added: SentResource[] = [];
    const removed: string[] = [];
    let size = 0;
    let waiting = false;
    for (const name of names) {
      const decision = this.#decide(name, resources, gate);
      if (decision.kind === "nothing") this.#settle(name);
      else if (decision.kind === "wait") waiting = true;
      else if (decision.kind === "remove") removed.push(name);
      else if (decision.kind === "add") {
        size += decision.sent.encoded.length;
        if (added.length > 0 && size > maxBytes) {
          waiting = true;
          break;
        }
        added.push(decision.sent);
      }
    }
    // What takes a removed resource's place may still be waiting: a listener's address, a virtual host's domain.
    const removing = waiting ? [] : removed;
    const silent = added.length === 0 && removing.length === 0 && (waiting || !this.#owesFirst);
    return silent ? undefined : { resources: added, removed: removing };
  }

  #takeInitial(versions: Readonly<Record<string, string>>, resources: ResourceMap): void {
    for (const [name, version] of Object.entries(versions)) {
      const resource = resources.get(name);
      this.held.set(name, resource?.version === version ? resource : { version });
      this.#due.add(name);
    }
  }

  /** One retry at a time: a NACK of it must speak of it alone. */
  #nextRetry(): readonly string[] | undefined {
    if (this.#retries.length === 0) return undefined;
    return this.#retries.shift()?.filter((name) => this.#due.has(name));
  }

  #mayHave(name: string): boolean {
    return this.held.has(name) || this.doubted.has(name);
  }

  #hasExactly({ name, version }: Resource): boolean {
    return this.held.get(name)?.version === version && !this.doubted.has(name);
  }

  /** Undefined as long as the client has something better: a version that it took earlier. */
  #standInFor(name: string): Resource | undefined {
    if (this.#mayHave(name) && !this.#standing.has(name)) return undefined;
    const instead = this.standIns?.get(name);
    return instead && !this.refuses(instead) && !this.#hasExactly(instead) ? instead : undefined;
  }

  #gone(name: string): void {
    this.held.delete(name);
    if (this.#standing.size > 0) this.#standing.delete(name);
    this.doubted.delete(name);
  }

  #settle(name: string): void {
    this.#due.delete(name);
    if (this.#owed.size > 0) this.#owed.delete(name);
    if (this.#aliases.size > 0) this.#aliases.delete(name);
  }

  #decide(name: string, resources: ResourceMap, gate: Gate): Decision {
    const wanted = resources.get(name);
    const owed = this.#owed.has(name);
    const instead = wanted && this.refuses(wanted) ? this.#standInFor(name) : undefined;
    if (instead) this.#sentInstead.add(instead);
    const resource = instead ?? wanted;
    if (resource && this.subscription.wants(name)) {
      if (!owed && (this.#hasExactly(resource) || this.refuses(resource))) return NOTHING;
      const allowed = gate.mayAdd(resource);
      if (allowed === "no") return NOTHING;
      if (allowed !== "yes") return allowed === "wait" ? WAIT : KEEP;
      const aliases = this.#aliases.get(name);
      return { kind: "add", sent: aliases ? sentByAliases(name, [...aliases], resource) : sentByName(resource) };
    }
    if (resource) return NOTHING;
    if (this.#mayHave(name)) return gate.mayRemove(name) ? REMOVE : KEEP;
    if (!owed) return NOTHING;
    if (this.kind === "vhds" && parseVirtualHostName(name)?.host) {
      // On demand, and there is none: a removal leaves Envoy's request waiting, a resource of that alias without content ends it with 404.
      return { kind: "add", sent: sentByAliases(name, [name], undefined) };
    }
    return gate.mayRemove(name) ? REMOVE : KEEP;
  }

  /** Sees to it that the client hears of a name that it just subscribed to. */
  #answer(name: string, resources: ResourceMap, first: boolean): void {
    if (this.kind !== "vhds" || resources.has(name)) {
      this.#answerResource(name, first);
      return;
    }
    // On demand, for any Host header that a client of the proxy may send: what comes of the host, the wildcard will tell.
    this.subscription.forget(name);
    const host = findVirtualHost(resources, name);
    if (host !== undefined) {
      const aliases = this.#aliases.get(host) ?? new Set();
      this.#aliases.set(host, aliases.add(name));
    }
    this.owe(host ?? name);
  }

  #answerResource(name: string, first: boolean): void {
    // On a reconnect the client says what it has. Later it may have dropped a resource and want it back: it gets it whatever we think.
    const held = this.held.get(name);
    if (first && held) return;
    if (held) this.doubted.set(name, held);
    this.held.delete(name);
    this.owe(name);
  }

  #dropUnwanted(): void {
    for (const name of [...this.doubted.keys(), ...this.held.names()]) {
      if (this.subscription.wants(name)) continue;
      this.#gone(name);
      this.#refused.delete(name);
      this.#settle(name);
    }
  }
}
