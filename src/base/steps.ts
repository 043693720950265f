// Long work cut into steps, so that the event loop has its turns in between: a generator whose every `yield` is a place to stop.

import { flushTurn } from "./end-of-turn.ts";

/** One step should stay well below a millisecond; between two of them anything else may happen. */
export type Steps<T> = Generator<void, T, void>;

/** All of it at once. */
export function complete<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/**
 * How long a turn of the event loop may go to steps. A proxied request takes three turns (its arrival, the upstream's answer, and a flush),
 * each of which may find a slice before it; loops of 5 ms would put 15 ms on top of it.
 */
const SLICE_MS = 1;

export interface StepClock {
  /** Milliseconds. */
  now(): number;
  /** Calls back in the next turn of the event loop, after its I/O. */
  defer(callback: () => void): void;
}

const CLOCK: StepClock = {
  now: () => performance.now(),
  // What requests have written in the turn leaves before the slice begins, not after it.
  defer: (callback) =>
    void setImmediate(() => {
      flushTurn();
      callback();
    }),
};

/** Runs steps for a slice of each turn; who came later has its slice in another turn. */
export class StepRunner {
  readonly #clock: StepClock;
  readonly #sliceMs: number;
  readonly #waiting: Steps<void>[] = [];
  #deferred = false;
  #running = false;
  readonly #onTurn = () => {
    this.#deferred = false;
    this.#slice();
  };

  constructor(clock: StepClock = CLOCK, sliceMs = SLICE_MS) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
  }

  /** What fits into one slice is done when this returns, unless other work is under way. */
  start(steps: Steps<void>): void {
    this.#waiting.push(steps);
    if (!this.#deferred && !this.#running) this.#slice();
  }

  #slice(): void {
    const until = this.#clock.now() + this.#sliceMs;
    this.#running = true;
    try {
      while (this.#waiting.length > 0 && this.#runFirst(until));
    } finally {
      // Also when a step has thrown: the others are not to blame.
      this.#running = false;
      if (this.#waiting.length > 0 && !this.#deferred) {
        this.#deferred = true;
        this.#clock.defer(this.#onTurn);
      }
    }
  }

  /** False when the time is up. */
  #runFirst(until: number): boolean {
    const steps = this.#waiting.shift()!;
    do {
      if (steps.next().done) return this.#clock.now() < until;
    } while (this.#clock.now() < until);
    this.#waiting.push(steps);
    return false;
  }
}

/** Of the process: there is one event loop. */
export const background = new StepRunner();
