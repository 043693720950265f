// How often counts that move are told. A thousand proxies that come, or answer, give every object another count at each look: what it comes to is told soon, what it
// passes through ever less often.

export interface PaceOptions {
  /** From a count's first move until it is told. */
  readonly firstMs: number;
  /** As long as counts go on moving, the time from one telling to the next doubles up to this. */
  readonly maxMs: number;
  /** While proxies are starting nothing is told for so much longer: mostly all that there is to say is how it ended. */
  readonly startMs: number;
}

export class Pace {
  readonly #options: PaceOptions;
  #intervalMs: number;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Since when there is something to tell. */
  #since: number | undefined;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#intervalMs = options.firstMs;
  }

  /** Counts are not as they were told: for how long that may stay so. Nothing, or less: they are to be told now. */
  left(now: number, isStarting: boolean): number {
    this.#since ??= now;
    const dueAt = Math.max(this.#since + this.#options.firstMs, this.#toldAt + this.#intervalMs);
    return dueAt + (isStarting ? this.#options.startMs : 0) - now;
  }

  told(now: number): void {
    const { firstMs, maxMs } = this.#options;
    const goesOn = now - this.#toldAt <= 2 * maxMs;
    this.#intervalMs = goesOn ? Math.min(2 * this.#intervalMs, maxMs) : firstMs;
    this.#toldAt = now;
    this.#since = undefined;
  }

  /** Counts are as they were told. */
  rest(): void {
    this.#since = undefined;
  }
}
