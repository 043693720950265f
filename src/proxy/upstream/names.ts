// Addresses of host names, for clusters that DNS discovers and for requests to hosts outside the mesh.

import { lookup } from "node:dns";
import { parseAddress } from "../../base/cidr.ts";

/** Answers are kept as long as Envoy keeps them by default (dns_refresh_rate 60 s of the dynamic forward proxy); failures for 1 s. */
const KEEP_MS = 60_000;
const KEEP_FAILURE_MS = 1_000;
/** Names come from clients: the cache is bounded. */
const MAX_NAMES = 1_024;

type Answer =
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  | { readonly kind: "failed"; readonly reason: string };

type Listener = (answer: Answer) => void;

type Entry =
  | { readonly state: "asking"; readonly listeners: Listener[] }
  | { readonly state: "known"; readonly answer: Answer; readonly until: number };

export class NameCache {
  readonly #entries = new Map<string, Entry>();

  /** Calls back with the addresses, at once when they are known. IPv4 comes first. */
  resolve(name: string, listener: Listener): void {
    if (parseAddress(name)) {
      listener({ kind: "addresses", addresses: [name] });
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
    lookup(name, { all: true, order: "ipv4first" }, (error, found) => {
      const answer: Answer =
        error || found.length === 0
          ? { kind: "failed", reason: error?.code ?? "no address" }
          : { kind: "addresses", addresses: found.map(({ address }) => address) };
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
