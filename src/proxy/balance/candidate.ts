// What balancers look at, and how they draw by weight.

/** What a balancer looks at. */
export interface Candidate {
  readonly weight: number;
  /** Requests (or connections, for bytes) that are on their way. */
  readonly active: number;
}

/** One a cluster. `hosts` is the same array until the endpoints change; it is never empty. */
export interface Balancer {
  choose<H extends Candidate>(hosts: readonly H[]): H;
}

/** The weights of hosts as running sums; undefined when all are alike, the common case. Kept per array of hosts. */
export class WeightSums {
  #hosts: readonly Candidate[] | undefined;
  #sums: Float64Array | undefined;

  of(hosts: readonly Candidate[]): Float64Array | undefined {
    if (hosts === this.#hosts) return this.#sums;
    this.#hosts = hosts;
    const first = hosts[0]!.weight;
    if (hosts.every(({ weight }) => weight === first)) this.#sums = undefined;
    else {
      let sum = 0;
      this.#sums = Float64Array.from(hosts, ({ weight }) => (sum += weight));
    }
    return this.#sums;
  }
}

/** Index of the host in whose share `point` (0 to the last sum) lies. */
export function indexAt(sums: Float64Array, point: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (point < sums[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}
