// What one client asked for of one resource type, in the server's view.

import { parseVirtualHostName } from "./names.ts";
import type { ResourceKind } from "./type-urls.ts";
import { RESOURCE_TYPES } from "./type-urls.ts";

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
  readonly removed: readonly string[];
  /** The client did not have everything and now asks for it. */
  readonly wildcardAdded: boolean;
}

interface Named {
  readonly name: string;
  readonly aliases: readonly string[];
}

export class Subscription {
  readonly #kind: ResourceKind;
  readonly #names = new Set<string>();
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
    const added = request.subscribe.filter((name) => this.#add(name));
    const removed = request.unsubscribe.filter((name) => this.#remove(name));
    return { added, removed, wildcardAdded: this.#wildcard && !hadWildcard };
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Whether the client wants to hear of `resource`. */
  wants(resource: Named): boolean {
    return this.wantsName(resource.name) || resource.aliases.some((alias) => this.#names.has(alias));
  }

  wantsName(name: string): boolean {
    if (this.#wildcard || this.#names.has(name) || this.#inGlob(name)) return true;
    return this.#kind === "vhds" && this.wantsRouteOf(name);
  }

  /** Envoy subscribes to virtual hosts by the name of their route configuration, and means all of its virtual hosts. */
  wantsRouteOf(virtualHost: string): boolean {
    const route = parseVirtualHostName(virtualHost)?.route;
    return route !== undefined && this.#names.has(route);
  }

  /** Forgets a name that need not be remembered because a wider subscription covers it. */
  forget(name: string): void {
    this.#names.delete(name);
  }

  /**
   * A first request without names means everything, of the types that have a wildcard. Envoy sends the names it holds along when it
   * reconnects: that must not end the wildcard, or the proxy never learns of another cluster (consul#12174).
   */
  #startsAsWildcard({ subscribe, initialVersions }: SubscriptionRequest): boolean {
    return RESOURCE_TYPES[this.#kind].wildcard && subscribe.every((name) => name in initialVersions);
  }

  #inGlob(name: string): boolean {
    return this.#prefixes.size > 0 && this.#prefixes.has(name.slice(0, name.lastIndexOf("/") + 1));
  }

  #add(name: string): boolean {
    if (name === WILDCARD) this.#wildcard = true;
    else if (name.endsWith(GLOB)) this.#prefixes.add(name.slice(0, -1));
    else this.#names.add(name);
    return name !== WILDCARD;
  }

  #remove(name: string): boolean {
    if (name === WILDCARD) this.#wildcard = false;
    else if (name.endsWith(GLOB)) this.#prefixes.delete(name.slice(0, -1));
    else return this.#names.delete(name);
    return false;
  }
}
