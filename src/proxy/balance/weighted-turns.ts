// Turns by weight, where weights differ or hosts start slowly; what round robin and least request have in common (Envoy: EdfLoadBalancerBase).

import type { SlowStart } from "../../table/balancing.ts";
import type { Candidate } from "./candidate.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import { slowStartFactor } from "./slow-start.ts";

export class WeightedTurns<C extends Candidate> {
  readonly #hosts: readonly C[];
  readonly #weightOf: (host: C) => number;
  readonly #scheduler: EdfScheduler;

  private constructor(hosts: readonly C[], weightOf: (host: C) => number) {
    this.#hosts = hosts;
    this.#weightOf = weightOf;
    this.#scheduler = new EdfScheduler(hosts.map(weightOf));
    // Not from the first: many proxies get the same list at the same moment.
    for (let turns = Math.floor(Math.random() * hosts.length); turns > 0; turns--) this.pick();
  }

  /** Undefined where all hosts are alike, by `ownWeight`: they need no scheduler. */
  static of<C extends Candidate>(
    hosts: readonly C[],
    slowStart: SlowStart | undefined,
    weightOf: (host: C) => number,
    ownWeight: (host: C) => number = ({ weight }) => weight,
  ): WeightedTurns<C> | undefined {
    if (hosts.length === 1) return undefined;
    const now = performance.now();
    const starting = slowStart !== undefined && hosts.some((host) => now - host.healthySince < slowStart.windowMs);
    if (!starting && hosts.every((host) => ownWeight(host) === ownWeight(hosts[0]!))) return undefined;
    if (!slowStart) return new WeightedTurns(hosts, weightOf);
    return new WeightedTurns(
      hosts,
      (host) => weightOf(host) * slowStartFactor(slowStart, performance.now() - host.healthySince),
    );
  }

  pick(): C {
    const host = this.#hosts[this.#scheduler.next]!;
    this.#scheduler.advance(this.#weightOf(host));
    return host;
  }
}
