// How long a host takes to respond: an average that follows a rise at once and a fall slowly (the peak of Finagle's PeakEwma).

/** What a host that has not responded yet is taken for: a little work, so that it is tried, and not everything at once. */
const UNKNOWN_MS = 1;

export class HostLatency {
  readonly #decayMs: number;
  #average = UNKNOWN_MS;
  #at: number;

  constructor(decayMs: number, now: number) {
    this.#decayMs = decayMs;
    this.#at = now;
  }

  observe(latencyMs: number, now: number): void {
    if (latencyMs >= this.#average) this.#average = latencyMs;
    else {
      const kept = Math.exp(-(now - this.#at) / this.#decayMs);
      this.#average = this.#average * kept + latencyMs * (1 - kept);
    }
    this.#at = now;
  }

  /** The wait that a further request is in for: `active` ones are before it. */
  cost(active: number): number {
    return this.#average * (active + 1);
  }
}
