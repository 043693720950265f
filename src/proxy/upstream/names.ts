// Addresses of host names, for clusters that DNS discovers and for requests to hosts outside the mesh.

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

/** Asks for the addresses of a name, whatever is known. An address is its own. */
export function lookUp(name: string, family: DnsFamily | "v4-first", listener: Listener): void {
  if (parseAddress(name)) {
    queueMicrotask(() => listener({ kind: "addresses", addresses: [name], ttlMs: undefined }));
    return;
  }
  dns.lookup(name).then(
    (found) => {
      const addresses = choose([...new Set(found.map(({ address }) => address))], family);
      const ttl = Math.min(...found.map((one) => one.ttl ?? 0));
      if (addresses.length === 0) listener({ kind: "failed", reason: "no address" });
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
      const until = performance.now() + (answer.kind === "failed" ? KEEP_FAILURE_MS : KEEP_MS);
      this.#entries.set(name, { state: "known", answer, until });
      for (const one of listeners) one(answer);
    });
  }

  /** The known ones go, oldest first; who is being asked for stays. */
  #forget(): void {
    for (const [name, entry] of this.#entries) if (entry.state === "known") this.#entries.delete(name);
  }
}
