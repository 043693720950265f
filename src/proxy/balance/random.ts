// Random, by weight.

import { type Balancer, type Candidate, indexAt, WeightSums } from "./candidate.ts";

export class RandomChoice implements Balancer {
  readonly #weights = new WeightSums();

  choose<H extends Candidate>(hosts: readonly H[]): H {
    const sums = this.#weights.of(hosts);
    if (sums) return hosts[indexAt(sums, Math.random() * sums[sums.length - 1]!)]!;
    return hosts[Math.floor(Math.random() * hosts.length)]!;
  }
}
