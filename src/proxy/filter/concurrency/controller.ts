// The limit of requests at once, measured and adjusted (Envoy: GradientController).

import { Alarm, timers } from "../../../base/timer-wheel.ts";
import type { AdaptiveConcurrencyFilter } from "../../../table/filter/adaptive-concurrency.ts";
import { nextLimit, percentileOf } from "./gradient.ts";

/** Windows in a row at the least limit, after which the least latency is doubted (Envoy: 5). */
const DOUBTS = 5;
/** Latencies of a window that are kept: those after stand for no others. */
const MAX_SAMPLES = 16_384;

/**
 * - `measuring`: few requests at once, until there are enough to tell the least latency by; `before` is the limit to go back to.
 * - `adjusting`: by windows, against the least latency.
 */
type Phase =
  | { readonly kind: "measuring"; readonly since: number; readonly before: number }
  | { readonly kind: "adjusting"; readonly minRttMs: number };

export class ConcurrencyController {
  readonly #table: AdaptiveConcurrencyFilter;
  readonly #measure = new Alarm(() => this.#beginMeasuring());
  readonly #window = new Alarm(() => this.#endWindow());
  #phase: Phase;
  #limit: number;
  #active = 0;
  #samples: number[] = [];
  #atLeast = 0;

  constructor(table: AdaptiveConcurrencyFilter) {
    this.#table = table;
    this.#limit = table.minRtt.minConcurrency;
    this.#phase = { kind: "measuring", since: performance.now(), before: this.#limit };
  }

  get limit(): number {
    return this.#limit;
  }

  /** False: one too many. Else `sample` or `cancel` follows, once. */
  admit(): boolean {
    if (this.#active >= this.#limit) return false;
    this.#active++;
    return true;
  }

  /** A request is over that began at `startedAt`. */
  sample(startedAt: number): void {
    this.#active--;
    const phase = this.#phase;
    // Sent while more were under way, it says nothing of the least latency.
    if (phase.kind === "measuring" && startedAt < phase.since) return;
    if (this.#samples.length < MAX_SAMPLES) this.#samples.push(performance.now() - startedAt);
    if (phase.kind === "measuring" && this.#samples.length >= this.#table.minRtt.requests)
      this.#endMeasuring(phase.before);
  }

  /** A request is over whose latency says nothing. */
  cancel(): void {
    this.#active--;
  }

  #beginMeasuring(): void {
    if (this.#phase.kind === "measuring") return;
    timers.disarm(this.#window);
    this.#phase = { kind: "measuring", since: performance.now(), before: this.#limit };
    this.#limit = this.#table.minRtt.minConcurrency;
    this.#samples = [];
    this.#atLeast = 0;
  }

  #endMeasuring(limit: number): void {
    const { intervalMs, jitterPercent } = this.#table.minRtt;
    this.#phase = { kind: "adjusting", minRttMs: this.#takeSamples() };
    this.#limit = limit;
    timers.arm(this.#measure, intervalMs * (1 + (Math.random() * jitterPercent) / 100));
    timers.arm(this.#window, this.#table.updateMs);
  }

  #endWindow(): void {
    if (this.#phase.kind === "measuring") return;
    timers.arm(this.#window, this.#table.updateMs);
    if (this.#samples.length === 0) return;
    const limit = nextLimit(this.#table, this.#limit, this.#phase.minRttMs, this.#takeSamples());
    const { minConcurrency } = this.#table.minRtt;
    this.#atLeast = limit === minConcurrency && this.#limit === minConcurrency ? this.#atLeast + 1 : 0;
    this.#limit = limit;
    if (this.#atLeast >= DOUBTS) this.#beginMeasuring();
  }

  #takeSamples(): number {
    const latency = percentileOf(this.#samples, this.#table.percentile);
    this.#samples = [];
    return latency;
  }
}
