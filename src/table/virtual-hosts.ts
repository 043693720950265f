// Which virtual host a request's authority belongs to (envoy RouteMatcher::findVirtualHost).

import type { Steps } from "../base/steps.ts";
import { withoutPort } from "./authority.ts";
import { isInUse, tableOf, type VirtualHostEntry } from "./deferred-virtual-host.ts";
import { DomainMap } from "./domain-map.ts";
import type { VirtualHost } from "./route.ts";

/**
 * 0.1 ms. To resume a generator resumes every one that delegates to it: a step for each of 5,000 virtual hosts, through nine of them, was what
 * JavaScriptCore took for the hottest code of the proxy, and compiled before that of requests.
 */
export const DOMAINS_A_STEP = 64;

/** Authorities whose virtual host is remembered per table; a hostile client that invents names costs this much and no more. */
const REMEMBERED = 1024;

interface Wildcard {
  /** The part after or before the `*`, lower case. */
  readonly text: string;
  readonly host: VirtualHostEntry;
}

/** By what is written in front of a domain: by far the most are exact. */
interface Domains {
  readonly exact: DomainMap<VirtualHostEntry>;
  readonly suffixes: Wildcard[];
  readonly prefixes: Wildcard[];
  fallback: VirtualHostEntry | undefined;
  /** A domain is in two hosts: the later one has it, and what the earlier one wrote is not kept. */
  overlapping: boolean;
}

function noDomains(): Domains {
  return { exact: new DomainMap(), suffixes: [], prefixes: [], fallback: undefined, overlapping: false };
}

function addDomains(host: VirtualHostEntry, into: Domains): void {
  for (const written of host.domains) {
    const domain = written.toLowerCase();
    if (domain === "*") into.fallback = host;
    else if (domain.startsWith("*")) into.suffixes.push({ text: domain.slice(1), host });
    else if (domain.endsWith("*")) into.prefixes.push({ text: domain.slice(0, -1), host });
    else {
      if (into.exact.get(domain)) into.overlapping = true;
      into.exact.set(domain, host);
    }
  }
}

function isExact({ domains }: VirtualHostEntry): boolean {
  return domains.every((domain) => !domain.startsWith("*") && !domain.endsWith("*"));
}

const longestFirst = (a: Wildcard, b: Wildcard) => b.text.length - a.text.length;

function sortWildcards({ suffixes, prefixes }: Domains): void {
  suffixes.sort(longestFirst);
  prefixes.sort(longestFirst);
}

/** Immutable once built; only its memory of recent authorities changes. */
export class VirtualHosts {
  readonly all: readonly VirtualHostEntry[];
  readonly #domains: Domains;
  readonly #ignorePort: boolean;
  readonly #recent = new Map<string, VirtualHostEntry>();

  constructor(hosts: readonly VirtualHostEntry[], ignorePort: boolean, domains?: Domains) {
    this.all = hosts;
    this.#ignorePort = ignorePort;
    if (domains) {
      this.#domains = domains;
      return;
    }
    this.#domains = noDomains();
    for (const host of hosts) addDomains(host, this.#domains);
    sortWildcards(this.#domains);
  }

  /** What the constructor gives, in steps. */
  static *inSteps(hosts: readonly VirtualHostEntry[], ignorePort: boolean): Steps<VirtualHosts> {
    const domains = noDomains();
    let added = 0;
    for (const host of hosts) {
      addDomains(host, domains);
      added += host.domains.length;
      if (added < DOMAINS_A_STEP) continue;
      yield;
      added = 0;
    }
    sortWildcards(domains);
    return new VirtualHosts(hosts, ignorePort, domains);
  }

  /**
   * The same with some hosts replaced (or gone: undefined) and some more. One changed host among 5,000 costs its own domains instead of
   * reading every domain again; wildcards and domains in two hosts, whose order counts, are read again.
   */
  with(
    changed: ReadonlyMap<VirtualHostEntry, VirtualHostEntry | undefined>,
    added: readonly VirtualHostEntry[],
  ): VirtualHosts {
    const hosts: VirtualHostEntry[] = [];
    for (const host of this.all) {
      const now = changed.has(host) ? changed.get(host) : host;
      if (now) hosts.push(now);
    }
    hosts.push(...added);
    const incoming = [...[...changed.values()].filter((host) => host !== undefined), ...added];
    if (this.#domains.overlapping || ![...changed.keys(), ...incoming].every(isExact))
      return new VirtualHosts(hosts, this.#ignorePort);
    const domains: Domains = { ...this.#domains, exact: new DomainMap(this.#domains.exact) };
    for (const host of changed.keys()) for (const domain of host.domains) domains.exact.delete(domain.toLowerCase());
    for (const host of incoming) addDomains(host, domains);
    if (domains.overlapping) return new VirtualHosts(hosts, this.#ignorePort);
    return new VirtualHosts(hosts, this.#ignorePort, domains);
  }

  /** Exact first, then the longest `*.suffix`, then the longest `prefix.*`, then `*`. A wildcard stands for at least one character. */
  find(authority: string): VirtualHost | undefined {
    const entry = this.#find(authority);
    return entry && this.#tableOf(entry, authority);
  }

  /** The next request finds the table itself: with 5,000 hosts one more object on the way is one more wait for memory. */
  #tableOf(entry: VirtualHostEntry, authority: string): VirtualHost {
    const table = tableOf(entry);
    if (table !== entry) this.#domains.exact.replace(authority, entry, table);
    return table;
  }

  /** Whether the virtual host that has `domain`, as written, serves requests already. */
  isInUse(domain: string): boolean {
    return isInUse(this.#domains.exact.get(domain.toLowerCase()));
  }

  #find(authority: string): VirtualHostEntry | undefined {
    // Most authorities are written as the domain is; remembering those would fill the memory with what one look finds anyway.
    const exact = this.#domains.exact.get(authority);
    if (exact && !(this.#ignorePort && authority.includes(":"))) return exact;
    const recent = this.#recent.get(authority);
    if (recent) return recent;
    const found = this.#search(authority);
    if (found) {
      if (this.#recent.size >= REMEMBERED) this.#recent.clear();
      this.#recent.set(authority, found);
    }
    return found;
  }

  #search(authority: string): VirtualHostEntry | undefined {
    let name = authority.toLowerCase();
    if (this.#ignorePort) name = withoutPort(name);
    const { exact, suffixes, prefixes, fallback } = this.#domains;
    const found = exact.get(name);
    if (found) return found;
    for (const { text, host } of suffixes) if (name.length > text.length && name.endsWith(text)) return host;
    for (const { text, host } of prefixes) if (name.length > text.length && name.startsWith(text)) return host;
    return fallback;
  }
}
