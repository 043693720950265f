// Latencies of one version: their percentiles over everything, or over the last seconds.

export interface Percentiles {
  /** Milliseconds; 0 without a request. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Buckets grow by 2 %, from 10 µs up: 1,000 of them reach beyond an hour, and a percentile is right to 1 %. */
const FIRST_MS = 0.01;
const GROWTH = 1.02;
const BUCKETS = 1_000;

function bucketOf(ms: number): number {
  return Math.min(BUCKETS - 1, Math.max(0, Math.ceil(Math.log(ms / FIRST_MS) / Math.log(GROWTH))));
}

export class Latencies {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  add(ms: number): void {
    this.#counts[bucketOf(ms)]!++;
    this.#total++;
  }

  get count(): number {
    return this.#total;
  }

  merge(other: Latencies): void {
    other.#counts.forEach((count, bucket) => {
      this.#counts[bucket]! += count;
    });
    this.#total += other.#total;
  }

  percentiles(): Percentiles {
    return { p50: this.#at(0.5), p95: this.#at(0.95), p99: this.#at(0.99) };
  }

  /** The nearest rank: as many requests as `share` says took at most this long. */
  #at(share: number): number {
    if (this.#total === 0) return 0;
    let left = Math.ceil(this.#total * share);
    const bucket = this.#counts.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    const ms = FIRST_MS * GROWTH ** (bucket - 0.5);
    return Math.round(ms * 100) / 100;
  }
}
