// A cluster that stands for others (Envoy: AggregateClusterLoadBalancer): their priorities follow one another, as if they were one cluster's.

import type { PrioritySet } from "../balance/host-set.ts";
import { choosePriority, type PriorityChoice, type PriorityLoad, priorityLoad } from "../balance/priority-load.ts";
import type { Host } from "./host.ts";
import type { LoadBalancerContext, OverrideHost } from "./load-balancer-context.ts";

/** A request whose cluster and priority are decided. */
class WithinMember implements LoadBalancerContext {
  readonly #context: LoadBalancerContext;
  readonly priority: PriorityChoice;
  readonly triedPriorities = undefined;

  constructor(context: LoadBalancerContext, priority: PriorityChoice) {
    this.#context = context;
    this.priority = priority;
  }

  get hash(): bigint | undefined {
    return this.#context.hash;
  }

  get metadataMatch(): LoadBalancerContext["metadataMatch"] {
    return this.#context.metadataMatch;
  }

  get metadataMatches(): LoadBalancerContext["metadataMatches"] {
    return this.#context.metadataMatches;
  }

  get overrideHost(): OverrideHost | undefined {
    return this.#context.overrideHost;
  }

  get hostSelectionAttempts(): number {
    return this.#context.hostSelectionAttempts;
  }

  forgetTriedPriorities(): void {
    this.#context.forgetTriedPriorities();
  }

  rejects(host: Host): boolean {
    return this.#context.rejects(host);
  }
}

/** A cluster that another one stands for. */
export interface Member {
  readonly priorities: PrioritySet<Host>;
  choose(context: LoadBalancerContext): Host | undefined;
}

interface Line<M> {
  /** The priorities of all members, and for each whose it is and which. */
  readonly all: PrioritySet<Host>;
  readonly levels: readonly { readonly cluster: M; readonly priority: number }[];
  readonly load: PriorityLoad;
}

export class Aggregate<M extends Member> {
  readonly #panicThreshold: number;
  readonly #members: () => readonly M[];
  readonly #owners = new WeakMap<Host, M>();
  #line: Line<M> | undefined = undefined;
  #lineOf: readonly PrioritySet<Host>[] = [];

  /** `members`: the clusters that it stands for and that are there, in their order. */
  constructor(panicThreshold: number, members: () => readonly M[]) {
    this.#panicThreshold = panicThreshold;
    this.#members = members;
  }

  /** Whose host it is that was chosen. */
  ownerOf(host: Host): M | undefined {
    return this.#owners.get(host);
  }

  choose(context: LoadBalancerContext): Host | undefined {
    const line = this.#current();
    if (line.levels.length === 0) return undefined;
    const { priority, degraded } = choosePriority(line.load, Math.floor(Math.random() * 100));
    const level = line.levels[priority]!;
    const host = level.cluster.choose(new WithinMember(context, { priority: level.priority, degraded }));
    if (host) this.#owners.set(host, level.cluster);
    return host;
  }

  /** Reckoned anew when hosts of any member have changed. */
  #current(): Line<M> {
    const members = this.#members();
    const before = this.#lineOf;
    const isSame = members.length === before.length && members.every(({ priorities }, i) => priorities === before[i]);
    if (this.#line && isSame) return this.#line;
    this.#lineOf = members.map(({ priorities }) => priorities);
    const levels = members.flatMap((cluster) => cluster.priorities.sets.map(({ priority }) => ({ cluster, priority })));
    const sets = members.flatMap(({ priorities }) => priorities.sets);
    const all = { sets: sets.map((set, priority) => ({ ...set, priority })) };
    this.#line = { all, levels, load: priorityLoad(all, this.#panicThreshold) };
    return this.#line;
  }
}
