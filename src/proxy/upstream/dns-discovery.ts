// The endpoints of a cluster that DNS names (Envoy: StrictDnsClusterImpl, LogicalDnsCluster): each name is asked for again by itself, when its
// answer says or the cluster does, as long as the cluster is in force.

import type { Discovery } from "../../table/cluster.ts";
import type { Endpoint, EndpointSet } from "../../table/endpoint.ts";
import { lookUp, type NameAnswer } from "./names.ts";

type DnsTable = Extract<Discovery, { readonly kind: "dns" }>;

/** A TTL of 0 asks no more often than this. */
const LEAST_MS = 1_000;

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
    lookUp(address.host, this.#table.family, (answer) => {
      if (!this.#stopped) this.#take(answer, address.host, address.port);
    });
  }

  #take(answer: NameAnswer, host: string, port: number): void {
    this.#timer = setTimeout(() => this.#ask(), this.#wait(answer));
    this.#timer.unref();
    // A failed look-up keeps the hosts that were known, as Envoy does; a cluster that warms waits for it no longer.
    if (answer.kind === "failed") {
      this.#changed();
      return;
    }
    const addresses = this.#table.logical ? answer.addresses.slice(0, 1) : answer.addresses;
    const hostname = this.#endpoint.hostname || host;
    this.found = addresses.map((one) => ({
      ...this.#endpoint,
      hostname,
      address: { kind: "socket", host: one, port },
    }));
    this.#changed();
  }

  #wait(answer: NameAnswer): number {
    const { everyMs, respectTtl, failureMs, failureMaxMs } = this.#table.refresh;
    if (answer.kind === "failed")
      return Math.random() * Math.min(failureMs * 2 ** this.#failures++, failureMaxMs) || failureMs;
    this.#failures = 0;
    return respectTtl && answer.ttlMs !== undefined ? Math.max(answer.ttlMs, LEAST_MS) : everyMs;
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
