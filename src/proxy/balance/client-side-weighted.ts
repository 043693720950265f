// One after the other, by the weights that hosts have by the load that they report (Envoy: ClientSideWeightedRoundRobinLoadBalancer).

import type { SlowStart } from "../../table/balancing.ts";
import type { Candidate, Picker } from "./candidate.ts";
import type { ReportedWeights } from "./reported-weights.ts";
import { RoundRobin } from "./round-robin.ts";

export class ClientSideWeightedRoundRobin<C extends Candidate> implements Picker<C> {
  readonly #hosts: readonly C[];
  readonly #weights: ReportedWeights<C>;
  readonly #slowStart: SlowStart | undefined;
  #current: ReadonlyMap<C, number> | undefined = undefined;
  #turns: RoundRobin<C>;

  constructor(hosts: readonly C[], weights: ReportedWeights<C>, slowStart: SlowStart | undefined) {
    this.#hosts = hosts;
    this.#weights = weights;
    this.#slowStart = slowStart;
    this.#turns = this.#begin(weights.at(performance.now()));
  }

  #begin(weights: ReadonlyMap<C, number>): RoundRobin<C> {
    this.#current = weights;
    return new RoundRobin(this.#hosts, this.#slowStart, (host) => weights.get(host) ?? 1);
  }

  pick(): C {
    const weights = this.#weights.at(performance.now());
    if (weights !== this.#current) this.#turns = this.#begin(weights);
    return this.#turns.pick();
  }
}
