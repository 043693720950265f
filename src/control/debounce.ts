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

  constructor(options: DebounceOptions, work: () => void) {
    this.#options = options;
    this.#work = work;
  }

  touch(): void {
    const now = performance.now();
    if (this.#timer === undefined) this.#firstAt = now;
    else clearTimeout(this.#timer);
    const left = this.#firstAt + this.#options.maxMs - now;
    this.#timer = setTimeout(() => this.flush(), Math.max(0, Math.min(this.#options.quietMs, left)));
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
