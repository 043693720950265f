// One after the other; by weight, the smooth way (the order of nginx: a host of weight 3 among others of 1 is spread, not repeated).

import type { Balancer, Candidate } from "./candidate.ts";

export class RoundRobin implements Balancer {
  #hosts: readonly Candidate[] = [];
  #credits: Float64Array | undefined;
  #next = 0;

  choose<H extends Candidate>(hosts: readonly H[]): H {
    if (hosts !== this.#hosts) this.#reset(hosts);
    const credits = this.#credits;
    if (credits) return hosts[this.#smooth(hosts, credits)]!;
    if (this.#next >= hosts.length) this.#next = 0;
    return hosts[this.#next++]!;
  }

  #reset(hosts: readonly Candidate[]): void {
    const first = hosts[0]!.weight;
    this.#hosts = hosts;
    this.#credits = hosts.every(({ weight }) => weight === first) ? undefined : new Float64Array(hosts.length);
    // Not from the first: many proxies get the same list at the same moment.
    this.#next = Math.floor(Math.random() * hosts.length);
  }

  #smooth(hosts: readonly Candidate[], credits: Float64Array): number {
    let total = 0;
    let best = 0;
    for (let i = 0; i < hosts.length; i++) {
      const { weight } = hosts[i]!;
      total += weight;
      credits[i] = credits[i]! + weight;
      if (credits[i]! > credits[best]!) best = i;
    }
    credits[best] = credits[best]! - total;
    return best;
  }
}
