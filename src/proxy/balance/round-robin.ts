// One after the other, by weight.

import type { SlowStart } from "../../table/balancing.ts";
import type { Candidate, Picker } from "./candidate.ts";
import { WeightedTurns } from "./weighted-turns.ts";

export class RoundRobin<C extends Candidate> implements Picker<C> {
  readonly #hosts: readonly C[];
  readonly #turns: WeightedTurns<C> | undefined;
  #next: number;

  constructor(
    hosts: readonly C[],
    slowStart: SlowStart | undefined,
    weightOf: (host: C) => number = ({ weight }) => weight,
  ) {
    this.#hosts = hosts;
    this.#turns = WeightedTurns.of(hosts, slowStart, weightOf, weightOf);
    this.#next = Math.floor(Math.random() * hosts.length);
  }

  pick(): C {
    if (this.#turns) return this.#turns.pick();
    const host = this.#hosts[this.#next]!;
    this.#next = this.#next + 1 === this.#hosts.length ? 0 : this.#next + 1;
    return host;
  }
}
