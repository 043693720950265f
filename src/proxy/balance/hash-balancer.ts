// Balancers that go by the request's hash (Envoy: ThreadAwareLoadBalancerBase). Tables are built when the first request asks: an update of a
// cluster that nobody calls costs nothing.

import type { BalancerPolicy, Balancing } from "../../table/balancing.ts";
import type { LoadBalancerContext } from "../upstream/load-balancer-context.ts";
import { BoundedLoad } from "./bounded-load.ts";
import type { Candidate } from "./candidate.ts";
import { type Hash64, randomHash, remainder, splitHash } from "./hash64.ts";
import type { HostSet, PrioritySet } from "./host-set.ts";
import { type LoadBalancer, priorityFor } from "./load-balancer.ts";
import { Maglev } from "./maglev.ts";
import { normalizedShares } from "./normalized-weights.ts";
import { type PriorityLoad, priorityLoad } from "./priority-load.ts";
import { type HashTable, Ring } from "./ring.ts";

export type HashingPolicy = Extract<BalancerPolicy, { readonly kind: "ring-hash" | "maglev" }>;

export class HashBalancer<C extends Candidate> implements LoadBalancer<C> {
  readonly #all: PrioritySet<C>;
  readonly #balancing: Balancing;
  readonly #policy: HashingPolicy;
  readonly #load: PriorityLoad;
  /** By priority; undefined where there is nobody. */
  readonly #tables: (HashTable<C> | undefined)[] = [];
  readonly #hash: Hash64 = { high: 0, low: 0 };

  constructor(all: PrioritySet<C>, balancing: Balancing, policy: HashingPolicy) {
    this.#all = all;
    this.#balancing = balancing;
    this.#policy = policy;
    this.#load = priorityLoad(all, balancing.panicThreshold);
  }

  choose(context: LoadBalancerContext<C>): C | undefined {
    const hash = this.#hash;
    if (context.hash === undefined) randomHash(hash);
    else splitHash(context.hash, hash);
    const { panicThreshold } = this.#balancing;
    const { priority } = priorityFor(context, this.#load, this.#all, panicThreshold, remainder(hash, 100));
    const table = this.#table(priority);
    if (!table) return undefined;
    let host = table.lookUp(hash, 0);
    for (let i = 1; i < context.hostSelectionAttempts && context.rejects(host); i++) host = table.lookUp(hash, i);
    return host;
  }

  #table(priority: number): HashTable<C> | undefined {
    if (!(priority in this.#tables))
      this.#tables[priority] = this.#build(this.#all.sets[priority]!, this.#load.panic[priority]!);
    return this.#tables[priority];
  }

  #build(set: HostSet<C>, panic: boolean): HashTable<C> | undefined {
    const policy = this.#policy;
    const shares = normalizedShares(set, panic, this.#balancing.locality.kind === "weighted");
    if (shares.length === 0) return undefined;
    const { byHostname, balanceFactor } = policy.hashing;
    const table =
      policy.kind === "maglev"
        ? new Maglev(shares, policy.tableSize, byHostname)
        : new Ring(shares, { ...policy, byHostname });
    return balanceFactor === 0 ? table : new BoundedLoad(table, shares, balanceFactor, () => this.#active());
  }

  /** Requests on their way to any host of the cluster. */
  #active(): number {
    let active = 0;
    for (const { hosts } of this.#all.sets) for (let i = 0; i < hosts.length; i++) active += hosts[i]!.active;
    return active;
  }
}
