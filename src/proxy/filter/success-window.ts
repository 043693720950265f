// How many of the requests of the last seconds succeeded (Envoy: ThreadLocalControllerImpl), counted by the second.

interface Second {
  /** On the clock of its callers, in whole seconds. */
  readonly at: number;
  requests: number;
  successes: number;
}

export class SuccessWindow {
  readonly #windowMs: number;
  /** The oldest first. */
  readonly #seconds: Second[] = [];
  requests = 0;
  successes = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  record(success: boolean, nowMs: number): void {
    this.forget(nowMs);
    const at = Math.floor(nowMs / 1_000);
    let newest = this.#seconds.at(-1);
    if (newest?.at !== at) {
      newest = { at, requests: 0, successes: 0 };
      this.#seconds.push(newest);
    }
    newest.requests++;
    this.requests++;
    if (!success) return;
    newest.successes++;
    this.successes++;
  }

  /** Takes out what is older than the window. */
  forget(nowMs: number): void {
    for (
      let oldest = this.#seconds[0];
      oldest && nowMs - oldest.at * 1_000 >= this.#windowMs;
      oldest = this.#seconds[0]
    ) {
      this.requests -= oldest.requests;
      this.successes -= oldest.successes;
      this.#seconds.shift();
    }
  }

  /** Over the time that something is known of, a second at least. */
  requestsPerSecond(nowMs: number): number {
    const [oldest] = this.#seconds;
    return oldest ? this.requests / Math.max(1, Math.floor(nowMs / 1_000 - oldest.at)) : 0;
  }
}
