// Exponential back-off with full jitter, as Envoy's JitteredExponentialBackOffStrategy: 0 to base·2ⁿ, capped.

export class Backoff {
  readonly #baseMs: number;
  readonly #maxMs: number;
  #attempt = 0;

  constructor(baseMs: number, maxMs: number) {
    if (!(baseMs > 0 && maxMs >= baseMs))
      throw new RangeError(`back-off base ${baseMs} ms must be above 0 and at most the maximum ${maxMs} ms`);
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#baseMs * 2 ** Math.min(this.#attempt++, 30));
    return Math.random() * ceiling;
  }

  reset(): void {
    this.#attempt = 0;
  }
}
