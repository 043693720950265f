// Which virtual host a request's authority belongs to (envoy RouteMatcher::findVirtualHost).

import { withoutPort } from "./authority.ts";
import type { VirtualHost } from "./route.ts";

/** Authorities whose virtual host is remembered per table; a hostile client that invents names costs this much and no more. */
const REMEMBERED = 1024;

interface Wildcard {
  /** The part after or before the `*`, lower case. */
  readonly text: string;
  readonly host: VirtualHost;
}

/** Immutable once built; only its memory of recent authorities changes. */
export class VirtualHosts {
  readonly all: readonly VirtualHost[];
  readonly #exact: ReadonlyMap<string, VirtualHost>;
  /** Longest text first. */
  readonly #suffixes: readonly Wildcard[];
  readonly #prefixes: readonly Wildcard[];
  readonly #fallback: VirtualHost | undefined;
  readonly #ignorePort: boolean;
  readonly #recent = new Map<string, VirtualHost>();

  constructor(hosts: readonly VirtualHost[], ignorePort: boolean) {
    const exact = new Map<string, VirtualHost>();
    const suffixes: Wildcard[] = [];
    const prefixes: Wildcard[] = [];
    let fallback: VirtualHost | undefined;
    for (const host of hosts) {
      for (const written of host.domains) {
        const domain = written.toLowerCase();
        if (domain === "*") fallback = host;
        else if (domain.startsWith("*")) suffixes.push({ text: domain.slice(1), host });
        else if (domain.endsWith("*")) prefixes.push({ text: domain.slice(0, -1), host });
        else exact.set(domain, host);
      }
    }
    const longestFirst = (a: Wildcard, b: Wildcard) => b.text.length - a.text.length;
    this.all = hosts;
    this.#exact = exact;
    this.#suffixes = suffixes.sort(longestFirst);
    this.#prefixes = prefixes.sort(longestFirst);
    this.#fallback = fallback;
    this.#ignorePort = ignorePort;
  }

  /** Exact first, then the longest `*.suffix`, then the longest `prefix.*`, then `*`. A wildcard stands for at least one character. */
  find(authority: string): VirtualHost | undefined {
    const recent = this.#recent.get(authority);
    if (recent) return recent;
    const found = this.#search(authority);
    if (found) {
      if (this.#recent.size >= REMEMBERED) this.#recent.clear();
      this.#recent.set(authority, found);
    }
    return found;
  }

  #search(authority: string): VirtualHost | undefined {
    let name = authority.toLowerCase();
    if (this.#ignorePort) name = withoutPort(name);
    const exact = this.#exact.get(name);
    if (exact) return exact;
    for (const { text, host } of this.#suffixes) if (name.length > text.length && name.endsWith(text)) return host;
    for (const { text, host } of this.#prefixes) if (name.length > text.length && name.startsWith(text)) return host;
    return this.#fallback;
  }
}
