// Long work cut into steps, so that the event loop has its turns in between: a generator whose every `yield` is a place to stop.

import { CLOCK, Rest, type RestClock } from "./rest.ts";

/** One step should stay well below a millisecond; between two of them anything else may happen. After a promise it goes on when that has resolved. */
export type Steps<T> = Generator<Promise<void> | undefined, T, void>;

/** All of it at once. @throws Error where it would have to wait. */
export function complete<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (value) throw new Error("steps that wait cannot be completed at once");
  }
}

/**
 * How long steps may go on at a time. Then everything else has at least as long to itself: with slices in every turn of the loop, a client
 * that asks for one thing after the other got one answer a slice, and a queue of 500 requests a second grew to seconds.
 */
const SLICE_MS = 1;
/** Of a rest. A slice that took longer did so because others had the processor. */
const MAX_REST_MS = 5;
/** Runs steps in slices with rests between them; who came later has its own slice. */
export class StepRunner {
  readonly #clock: RestClock;
  readonly #sliceMs: number;
  readonly #waiting: Steps<void>[] = [];
  readonly #rest: Rest;
  #resting = false;
  #running = false;

  constructor(clock: RestClock = CLOCK, sliceMs = SLICE_MS) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#rest = new Rest(() => {
      this.#resting = false;
      this.#slice();
    }, clock);
  }

  /** What fits into one slice is done when this returns, unless other work is under way. */
  start(steps: Steps<void>): void {
    this.#waiting.push(steps);
    if (!this.#resting && !this.#running) this.#slice();
  }

  #slice(): void {
    const begun = this.#clock.now();
    const until = begun + this.#sliceMs;
    this.#running = true;
    try {
      while (this.#waiting.length > 0 && this.#runFirst(until));
    } finally {
      // Also when a step has thrown: the others are not to blame.
      this.#running = false;
      if (this.#waiting.length > 0 && !this.#resting) {
        this.#resting = true;
        const took = Math.ceil(this.#clock.now() - begun);
        this.#rest.begin(Math.min(MAX_REST_MS, Math.max(1, took)));
      }
    }
  }

  /** False when the time is up. */
  #runFirst(until: number): boolean {
    const steps = this.#waiting.shift()!;
    do {
      const { done, value } = steps.next();
      if (!done && value) this.#resumeAfter(value, steps);
      if (done || value) return this.#clock.now() < until;
    } while (this.#clock.now() < until);
    this.#waiting.push(steps);
    return false;
  }

  #resumeAfter(waited: Promise<void>, steps: Steps<void>): void {
    const resume = () => this.start(steps);
    waited.then(resume, resume);
  }
}

/** Of the process: there is one event loop. */
export const background = new StepRunner();
