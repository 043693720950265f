// The endpoints of a cluster that DNS names (Envoy: StrictDnsClusterImpl, LogicalDnsCluster): each name is asked for again by itself, when its
// answer says or the cluster does, as long as the cluster is in force.

import type { Discovery, DnsRefresh } from "../../table/cluster.ts";
import type { Endpoint, EndpointSet } from "../../table/endpoint.ts";
import { lookUp, type NameAnswer } from "./names.ts";

type DnsTable = Extract<Discovery, { readonly kind: "dns" }>;

/** When a name is asked for again. `failures`: in a row, this one included; `random`: from 0 to 1. */
export function nextLookUpMs(
  { everyMs, leastMs, respectTtl, failureMs, failureMaxMs, jitterMs }: DnsRefresh,
  answer: NameAnswer,
  failures: number,
  random: number,
): number {
  if (answer.kind === "failed") return random * Math.min(failureMs * 2 ** (failures - 1), failureMaxMs) || failureMs;
  // A TTL of 0 says nothing.
  const base =
    respectTtl && answer.kind === "addresses" && answer.ttlMs !== undefined ? Math.max(answer.ttlMs, leastMs) : everyMs;
  return base + Math.floor(random * jitterMs);
}

class Target {
  readonly #endpoint: Endpoint;
  readonly #table: DnsTable;
  readonly #changed: () => void;
  #failures = 0;
  #timer: Timer | undefined = undefined;
  #stopped = false;
  found: readonly Endpoint[] = [];

  constructor(endpoint: Endpoint, table: DnsTable, changed: () => void) {
    this.#endpoint = endpoint;
    this.#table = table;
    this.#changed = changed;
    this.#ask();
  }

  #ask(): void {
    const { address } = this.#endpoint;
    if (address.kind !== "socket") {
      this.found = [this.#endpoint];
      queueMicrotask(this.#changed);
      return;
    }
    const { family, resolvers } = this.#table;
    const take = (answer: NameAnswer): void => {
      if (!this.#stopped) this.#take(answer, address.host, address.port);
    };
    lookUp(address.host, family, take, resolvers);
  }

  #take(given: NameAnswer, host: string, port: number): void {
    // A logical name without an address keeps the one that it had (Envoy).
    const isLost = this.#table.logical && given.kind === "none";
    const answer: NameAnswer = isLost ? { kind: "failed", reason: "no address" } : given;
    this.#failures = answer.kind === "failed" ? this.#failures + 1 : 0;
    this.#timer = setTimeout(
      () => this.#ask(),
      nextLookUpMs(this.#table.refresh, answer, this.#failures, Math.random()),
    );
    this.#timer.unref();
    // A failed look-up keeps the hosts that were known, as Envoy does; a cluster that warms waits for it no longer.
    if (answer.kind === "failed") {
      this.#changed();
      return;
    }
    const all = answer.kind === "addresses" ? answer.addresses : [];
    const addresses = this.#table.logical ? all.slice(0, 1) : all;
    const hostname = this.#endpoint.hostname || host;
    this.found = addresses.map((one) => ({
      ...this.#endpoint,
      hostname,
      address: { kind: "socket", host: one, port },
    }));
    this.#changed();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

export class DnsDiscovery {
  readonly #targets: readonly Target[];

  /** `update` is given the endpoints whenever some of them have changed. */
  constructor(table: DnsTable, update: (set: EndpointSet) => void) {
    const { endpoints } = table;
    const changed = () => update({ ...endpoints, endpoints: this.#targets.flatMap(({ found }) => found) });
    this.#targets = endpoints.endpoints.map((endpoint) => new Target(endpoint, table, changed));
  }

  stop(): void {
    for (const target of this.#targets) target.stop();
  }
}
