// Balancers that take turns or draw (Envoy: ZoneAwareLoadBalancerBase with the policies upon it).

import type { BalancerPolicy, Balancing } from "../../table/balancing.ts";
import type { LoadBalancerContext } from "../upstream/load-balancer-context.ts";
import type { Candidate, Picker } from "./candidate.ts";
import { ClientSideWeightedRoundRobin } from "./client-side-weighted.ts";
import type { HostSet, PrioritySet } from "./host-set.ts";
import { LeastRequest } from "./least-request.ts";
import { type LoadBalancer, priorityFor } from "./load-balancer.ts";
import { type LocalityChoice, NO_LOCALITY, WeightedLocalities, ZoneAware } from "./locality-choice.ts";
import { PeakEwma } from "./peak-ewma.ts";
import { type PriorityLoad, priorityLoad } from "./priority-load.ts";
import { RandomChoice } from "./random.ts";
import { ReportedWeights } from "./reported-weights.ts";
import { RoundRobin } from "./round-robin.ts";

export type TurnPolicy = Exclude<BalancerPolicy, { readonly kind: "ring-hash" | "maglev" }>;

type CreatePicker<C> = (hosts: readonly C[]) => Picker<C>;

/** For hosts of this set; what they report is reckoned together. */
function pickersOf<C extends Candidate>(set: HostSet<C>, policy: TurnPolicy): CreatePicker<C> {
  switch (policy.kind) {
    case "round-robin":
      return (hosts) => new RoundRobin(hosts, policy.slowStart);
    case "client-side-weighted-round-robin": {
      const weights = new ReportedWeights(set.hosts, policy);
      return (hosts) => new ClientSideWeightedRoundRobin(hosts, weights, policy.slowStart);
    }
    case "least-request":
      return (hosts) => new LeastRequest(hosts, policy);
    case "random":
      return (hosts) => new RandomChoice(hosts);
    case "peak-ewma":
      return (hosts) => new PeakEwma(hosts, policy.decayMs);
  }
}

/** Hosts that are chosen among together, with the turns they are at; the picker is made when the first request comes. */
class Group<C extends Candidate> {
  readonly #hosts: readonly C[];
  readonly #create: CreatePicker<C>;
  #picker: Picker<C> | undefined = undefined;

  constructor(hosts: readonly C[], create: CreatePicker<C>) {
    this.#hosts = hosts;
    this.#create = create;
  }

  pick(): C | undefined {
    if (this.#hosts.length === 0) return undefined;
    this.#picker ??= this.#create(this.#hosts);
    return this.#picker.pick();
  }
}

/** Hosts of one kind of health, as a whole and by locality. */
class Section<C extends Candidate> {
  readonly #all: Group<C>;
  readonly #localities: readonly Group<C>[];
  readonly #choice: LocalityChoice;

  constructor(
    hosts: readonly C[],
    localities: readonly (readonly C[])[],
    choice: LocalityChoice,
    create: CreatePicker<C>,
  ) {
    this.#all = new Group(hosts, create);
    this.#localities = choice === NO_LOCALITY ? [] : localities.map((group) => new Group(group, create));
    this.#choice = choice;
  }

  pick(): C | undefined {
    const locality = this.#choice.choose();
    return locality === undefined ? this.#all.pick() : this.#localities[locality]!.pick();
  }
}

interface Level<C extends Candidate> {
  readonly everybody: Group<C>;
  readonly healthy: Section<C>;
  readonly degraded: Section<C>;
}

export class TurnBalancer<C extends Candidate> implements LoadBalancer<C> {
  readonly #all: PrioritySet<C>;
  readonly #balancing: Balancing;
  readonly #load: PriorityLoad;
  readonly #levels: readonly Level<C>[];

  /** `callers`: the proxy's own cluster, where it is known. */
  constructor(
    all: PrioritySet<C>,
    balancing: Balancing,
    policy: TurnPolicy,
    callers: PrioritySet<Candidate> | undefined,
  ) {
    this.#all = all;
    this.#balancing = balancing;
    this.#load = priorityLoad(all, balancing.panicThreshold);
    this.#levels = all.sets.map((set) => levelOf(set, balancing, policy, callers));
  }

  choose(context: LoadBalancerContext<C>): C | undefined {
    let host = this.#chooseOnce(context);
    for (let i = 1; i < context.hostSelectionAttempts && host && context.rejects(host); i++)
      host = this.#chooseOnce(context);
    return host;
  }

  #chooseOnce(context: LoadBalancerContext<C>): C | undefined {
    const { locality, panicThreshold } = this.#balancing;
    const point = Math.floor(Math.random() * 100);
    const { priority, degraded } = priorityFor(context, this.#load, this.#all, panicThreshold, point);
    const level = this.#levels[priority]!;
    if (this.#load.panic[priority])
      return locality.kind === "zone-aware" && locality.failTrafficOnPanic ? undefined : level.everybody.pick();
    return (degraded ? level.degraded : level.healthy).pick();
  }
}

function levelOf<C extends Candidate>(
  set: HostSet<C>,
  { locality, panicThreshold }: Balancing,
  policy: TurnPolicy,
  callers: PrioritySet<Candidate> | undefined,
): Level<C> {
  let healthy = NO_LOCALITY;
  let degraded = NO_LOCALITY;
  if (locality.kind === "weighted") {
    healthy = new WeightedLocalities(set, (one) => one.healthy.length);
    degraded = new WeightedLocalities(set, (one) => one.degraded.length);
  } else if (callers && set.priority === 0) {
    // Envoy draws the zone of degraded hosts by the room of the healthy ones.
    healthy = ZoneAware.of(set, callers, locality, panicThreshold) ?? NO_LOCALITY;
    degraded = healthy;
  }
  const create = pickersOf(set, policy);
  const byLocality = (hosts: (locality: HostSet<C>["localities"][number]) => readonly C[]) => set.localities.map(hosts);
  return {
    everybody: new Group(set.hosts, create),
    healthy: new Section(
      set.healthy,
      byLocality((one) => one.healthy),
      healthy,
      create,
    ),
    degraded: new Section(
      set.degraded,
      byLocality((one) => one.degraded),
      degraded,
      create,
    ),
  };
}
