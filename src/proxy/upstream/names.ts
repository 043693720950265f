// Addresses of host names, for clusters that DNS discovers and for requests to hosts outside the mesh.

import { Resolver } from "node:dns";
import { dns } from "bun";
import { parseAddress } from "../../base/cidr.ts";
import type { DnsFamily } from "../../table/cluster.ts";

/** Answers are kept as long as Envoy keeps them by default (dns_refresh_rate 60 s of the dynamic forward proxy); failures for 1 s. */
const KEEP_MS = 60_000;
const KEEP_FAILURE_MS = 1_000;
/** Names come from clients: the cache is bounded. */
const MAX_NAMES = 1_024;

export type NameAnswer =
  /** `ttlMs`: how long it holds; undefined where it does not say. */
  | { readonly kind: "addresses"; readonly addresses: readonly string[]; readonly ttlMs: number | undefined }
  /** There is nothing of the family. */
  | { readonly kind: "none" }
  | { readonly kind: "failed"; readonly reason: string };

type Listener = (answer: NameAnswer) => void;

type Entry =
  | { readonly state: "asking"; readonly listeners: Listener[] }
  | { readonly state: "known"; readonly answer: NameAnswer; readonly until: number };

/** Those of a family; the other one where `family` allows it and there are none. IPv4 comes first. */
function choose(addresses: readonly string[], family: DnsFamily | "v4-first"): readonly string[] {
  const v6 = addresses.filter((address) => address.includes(":"));
  const v4 = addresses.filter((address) => !address.includes(":"));
  switch (family) {
    case "v4":
      return v4;
    case "v6":
      return v6;
    case "auto":
      return v6.length > 0 ? v6 : v4;
    case "v4-preferred":
      return v4.length > 0 ? v4 : v6;
    case "all":
    case "v4-first":
      return [...v4, ...v6];
  }
}

interface Found {
  readonly address: string;
  readonly ttl?: number;
}

/** What servers say of one family; that there is nothing is an answer, too. */
function ofFamily(resolver: Resolver, name: string, family: 4 | 6): Promise<readonly Found[]> {
  return new Promise((resolve, reject) => {
    const done = (error: NodeJS.ErrnoException | null, found: readonly Found[]): void => {
      if (!error) resolve(found);
      else if (error.code === "ENOTFOUND" || error.code === "ENODATA") resolve([]);
      else reject(error);
    };
    if (family === 4) resolver.resolve4(name, { ttl: true }, done);
    else resolver.resolve6(name, { ttl: true }, done);
  });
}

/** A resolver remembers answers for as long as they say, and the caller knows how often it wants to ask: each question has its own. */
async function askServers(
  servers: readonly string[],
  name: string,
  family: DnsFamily | "v4-first",
): Promise<readonly Found[]> {
  const resolver = new Resolver();
  resolver.setServers(servers);
  const families = family === "v4" ? ([4] as const) : family === "v6" ? ([6] as const) : ([4, 6] as const);
  return (await Promise.all(families.map((one) => ofFamily(resolver, name, one)))).flat();
}

/**
 * Asks for the addresses of a name, whatever is known. That the system's way finds no such name is a failure: it says so, too, of a server
 * that is out. An address is its own. `servers`: `ip:port`; none: the system's way.
 */
export function lookUp(
  name: string,
  family: DnsFamily | "v4-first",
  listener: Listener,
  servers: readonly string[] = [],
): void {
  if (parseAddress(name)) {
    queueMicrotask(() => listener({ kind: "addresses", addresses: [name], ttlMs: undefined }));
    return;
  }
  const asked: Promise<readonly Found[]> = servers.length === 0 ? dns.lookup(name) : askServers(servers, name, family);
  asked.then(
    (found) => {
      const addresses = choose([...new Set(found.map(({ address }) => address))], family);
      const ttl = Math.min(...found.map((one) => one.ttl ?? 0));
      if (addresses.length === 0) listener({ kind: "none" });
      else listener({ kind: "addresses", addresses, ttlMs: ttl > 0 ? ttl * 1_000 : undefined });
    },
    (thrown: { readonly code?: string }) => listener({ kind: "failed", reason: thrown.code ?? String(thrown) }),
  );
}

export class NameCache {
  readonly #entries = new Map<string, Entry>();

  /** Calls back with the addresses, at once when they are known. IPv4 comes first. */
  resolve(name: string, listener: Listener): void {
    if (parseAddress(name)) {
      listener({ kind: "addresses", addresses: [name], ttlMs: undefined });
      return;
    }
    const entry = this.#entries.get(name);
    if (entry?.state === "asking") entry.listeners.push(listener);
    else if (entry && entry.until > performance.now()) listener(entry.answer);
    else this.#ask(name, listener);
  }

  #ask(name: string, listener: Listener): void {
    if (this.#entries.size >= MAX_NAMES) this.#forget();
    const listeners = [listener];
    this.#entries.set(name, { state: "asking", listeners });
    lookUp(name, "v4-first", (answer) => {
      const until = performance.now() + (answer.kind === "addresses" ? KEEP_MS : KEEP_FAILURE_MS);
      this.#entries.set(name, { state: "known", answer, until });
      for (const one of listeners) one(answer);
    });
  }

  /** The known ones go, oldest first; who is being asked for stays. */
  #forget(): void {
    for (const [name, entry] of this.#entries) if (entry.state === "known") this.#entries.delete(name);
  }
}
