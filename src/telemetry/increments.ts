// A counter's growth over time, at two resolutions: the last hour by the second, the last day by 15 seconds.

import { Ring } from "./ring.ts";

const HOUR_MS = 3_600_000;
const FINE_STEP_MS = 1_000;
const COARSE_STEP_MS = 15_000;

export class Increments {
  readonly #fine = new Ring(FINE_STEP_MS, HOUR_MS);
  readonly #coarse = new Ring(COARSE_STEP_MS, 24 * HOUR_MS);

  /** Adds what came between two scrapes, evenly over the time between them. */
  add(fromMs: number, toMs: number, amount: number): void {
    if (amount === 0) return;
    this.#fine.add(fromMs, toMs, amount);
    this.#coarse.add(fromMs, toMs, amount);
  }

  /** Growth in [fromMs, toMs); by the second as far back as that goes, beyond it in steps of 15 s. */
  sum(fromMs: number, toMs: number): number {
    return (fromMs >= this.#fine.oldestMs ? this.#fine : this.#coarse).sum(fromMs, toMs);
  }
}
