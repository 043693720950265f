// A burst of changes is one piece of work: it waits for a pause, but not for ever (Istio: PILOT_DEBOUNCE_AFTER 100 ms, MAX 10 s; here at most 1 s).

export interface DebounceOptions {
  readonly quietMs: number;
  readonly maxMs: number;
}

export class Debounce {
  readonly #options: DebounceOptions;
  readonly #work: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firstAt = 0;
  #lastAt = 0;

  constructor(options: DebounceOptions, work: () => void) {
    this.#options = options;
    this.#work = work;
  }

  /** Told of thousands of acknowledgements in a second: a timer that is armed stays, and looks for itself whether there was a pause. */
  touch(): void {
    this.#lastAt = performance.now();
    if (this.#timer !== undefined) return;
    this.#firstAt = this.#lastAt;
    this.#arm();
  }

  #arm(): void {
    this.#timer = setTimeout(() => (this.#left() > 0 ? this.#arm() : this.flush()), this.#left());
  }

  #left(): number {
    const { quietMs, maxMs } = this.#options;
    return Math.min(this.#lastAt + quietMs, this.#firstAt + maxMs) - performance.now();
  }

  /** Does the work now, if there is any. */
  flush(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#work();
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
