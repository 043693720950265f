// Of a few hosts drawn at random, the one with the fewest requests on their way (P2C: two draws are within a few per cent of the best,
// at a fixed cost). Hosts are drawn by weight, as Envoy's weighted least request comes out when load is even.

import { type Balancer, type Candidate, indexAt, WeightSums } from "./candidate.ts";

export class LeastRequest implements Balancer {
  readonly #choices: number;
  readonly #weights = new WeightSums();

  constructor(choices: number) {
    this.#choices = choices;
  }

  choose<H extends Candidate>(hosts: readonly H[]): H {
    if (hosts.length === 1) return hosts[0]!;
    const sums = this.#weights.of(hosts);
    let best = this.#draw(hosts, sums);
    for (let i = 1; i < this.#choices; i++) {
      const other = this.#draw(hosts, sums);
      if (other.active / other.weight < best.active / best.weight) best = other;
    }
    return best;
  }

  #draw<H extends Candidate>(hosts: readonly H[], sums: Float64Array | undefined): H {
    if (sums) return hosts[indexAt(sums, Math.random() * sums[sums.length - 1]!)]!;
    return hosts[Math.floor(Math.random() * hosts.length)]!;
  }
}
