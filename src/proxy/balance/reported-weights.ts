// The weights of the hosts of one priority by the load that they report, reckoned now and then; who says nothing has the median of those
// who do (Envoy: OrcaWeightManager).

import type { ByReportedLoad } from "../../table/balancing.ts";
import type { Candidate } from "./candidate.ts";
import { ReportedLoad } from "./reported-load.ts";

export class ReportedWeights<C extends Candidate> {
  readonly #hosts: readonly C[];
  readonly #updateMs: number;
  #weights: ReadonlyMap<C, number> = new Map();
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(hosts: readonly C[], policy: ByReportedLoad) {
    this.#hosts = hosts;
    this.#updateMs = policy.updateMs;
    for (const host of hosts) host.load ??= new ReportedLoad(policy);
  }

  /** The same map as long as no weight is another. Reckoned when somebody asks: without requests there are no reports. */
  at(now: number): ReadonlyMap<C, number> {
    if (now >= this.#nextAt) this.#update(now);
    return this.#weights;
  }

  #update(now: number): void {
    this.#nextAt = now + this.#updateMs;
    const known = new Map<C, number>();
    for (const host of this.#hosts) {
      const weight = host.load?.weightAt(now);
      if (weight !== undefined) known.set(host, weight);
    }
    const otherwise = median([...known.values()]);
    const weights = new Map(this.#hosts.map((host) => [host, known.get(host) ?? otherwise]));
    if (this.#hosts.some((host) => this.#weights.get(host) !== weights.get(host))) this.#weights = weights;
  }
}

/** Of an even number, the mean of the two in the middle, rounded down; 1 of none. */
function median(weights: number[]): number {
  if (weights.length === 0) return 1;
  const sorted = Float64Array.from(weights).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return Math.floor((sorted[middle - 1]! + sorted[middle]!) / 2);
}
