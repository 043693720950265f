// Rests of work that may wait, so that the event loop has its turns in between; where they are busy it rests for longer.

import { flushTurn } from "./end-of-turn.ts";

/**
 * A rest in which the loop was busy for more than half of the time is followed by another, this often: half of a core is more than half load
 * leaves of it, and what was left over queued. Work goes on in the end, whatever the load.
 */
const MORE_RESTS = 4;

export interface RestClock {
  /** Milliseconds. */
  now(): number;
  /** Of the processor, that the thread has used. */
  used(): number;
  /** Calls back in a later turn of the event loop, after `ms`. */
  defer(callback: () => void, ms: number): void;
}

export const CLOCK: RestClock = {
  now: () => performance.now(),
  used() {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  },
  // What requests have written in the turn leaves before the work goes on, not after it.
  defer: (callback, ms) =>
    void setTimeout(() => {
      flushTurn();
      callback();
    }, ms),
};

/** One rest at a time, after which the same is done. */
export class Rest {
  readonly #clock: RestClock;
  readonly #onEnd: () => void;
  #ms = 0;
  #began = 0;
  #usedBefore = 0;
  #more = 0;
  readonly #onTurn = () => {
    if (this.#more > 0 && this.#wasBusy()) {
      this.#more--;
      this.#begin();
    } else this.#onEnd();
  };

  constructor(onEnd: () => void, clock: RestClock = CLOCK) {
    this.#onEnd = onEnd;
    this.#clock = clock;
  }

  begin(ms: number): void {
    this.#ms = ms;
    this.#more = MORE_RESTS;
    this.#begin();
  }

  #begin(): void {
    this.#began = this.#clock.now();
    this.#usedBefore = this.#clock.used();
    this.#clock.defer(this.#onTurn, this.#ms);
  }

  #wasBusy(): boolean {
    const rested = this.#clock.now() - this.#began;
    return this.#clock.used() - this.#usedBefore > rested / 2;
  }
}
