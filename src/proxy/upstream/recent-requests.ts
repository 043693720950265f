// Requests that began within the last interval, counted by tenths of it (Envoy: RetryBudgetImpl with a budget_interval).

import type { SharedCounts } from "../shared-cells.ts";

const TENTHS = 10;

/** A request counts until ten tenths are over after the one that it began in. */
export class RecentRequests {
  readonly intervalMs: number;
  readonly #shared: { readonly counts: SharedCounts; readonly count: number } | undefined;
  /** What began in each of the last ten, in a circle; `#newest` in the one that lasts. */
  readonly #tenths = new Int32Array(TENTHS);
  #oldest = 0;
  #newest = 0;
  #own = 0;
  /** Runs while anything is counted, and no longer: what nobody asks for has to go, as other processes see it. */
  #timer: Timer | undefined = undefined;

  /** `count`: their place among the counts that processes have together. */
  constructor(intervalMs: number, counts: SharedCounts | undefined, count: number) {
    this.intervalMs = intervalMs;
    this.#shared = counts && { counts, count };
  }

  get total(): number {
    return this.#shared ? this.#shared.counts.total(this.#shared.count) : this.#own;
  }

  begun(): void {
    this.#newest++;
    this.#count(1);
    if (this.#timer) return;
    this.#timer = setInterval(() => this.endTenth(), Math.max(1, this.intervalMs / TENTHS));
    this.#timer.unref();
  }

  endTenth(): void {
    const gone = this.#tenths[this.#oldest]!;
    this.#tenths[this.#oldest] = this.#newest;
    this.#oldest = (this.#oldest + 1) % TENTHS;
    this.#newest = 0;
    if (gone > 0) this.#count(-gone);
    if (this.#own === 0) this.#stop();
  }

  /** None of them counts any more. */
  forget(): void {
    this.#stop();
    this.#tenths.fill(0);
    this.#newest = 0;
    this.#count(-this.#own);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #count(by: number): void {
    this.#own += by;
    this.#shared?.counts.add(this.#shared.count, by);
  }
}
