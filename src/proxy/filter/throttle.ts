// A body that goes on at a given rate, in small steps (Envoy: StreamRateLimiter).

import { Alarm, timers } from "../../base/timer-wheel.ts";
import type { HeaderList } from "../../http/headers.ts";
import type { BodySink } from "./filter.ts";

/** Envoy fills its bucket 16 times a second (kDefaultFillInterval 50 ms). */
const STEP_MS = 50;
/** Bytes that wait here before the sender is told to. */
const CAPACITY = 64 * 1024;

export class Throttle implements BodySink {
  readonly #next: BodySink;
  readonly #bytesPerStep: number;
  readonly #onRoom: () => void;
  readonly #step = new Alarm(() => this.#send());
  readonly #waiting: Buffer[] = [];
  #bytes = 0;
  #ending: { readonly trailers: HeaderList | undefined } | undefined;
  #isFull = false;

  constructor(next: BodySink, kibPerSecond: number, onRoom: () => void) {
    this.#next = next;
    this.#bytesPerStep = Math.max(1, Math.floor((kibPerSecond * 1024 * STEP_MS) / 1_000));
    this.#onRoom = onRoom;
  }

  data(chunk: Uint8Array): boolean {
    this.#waiting.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    if (!this.#step.armed) timers.arm(this.#step, STEP_MS);
    this.#isFull = this.#bytes >= CAPACITY;
    return !this.#isFull;
  }

  end(trailers: HeaderList | undefined): void {
    this.#ending = { trailers };
    if (this.#bytes === 0) this.#next.end(trailers);
  }

  #send(): void {
    let left = this.#bytesPerStep;
    while (left > 0 && this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      const part = first.subarray(0, left);
      if (part.length === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(left);
      left -= part.length;
      this.#bytes -= part.length;
      this.#next.data(part);
    }
    if (this.#waiting.length > 0) timers.arm(this.#step, STEP_MS);
    else if (this.#ending) this.#next.end(this.#ending.trailers);
    if (!this.#isFull || this.#bytes >= CAPACITY) return;
    this.#isFull = false;
    this.#onRoom();
  }

  cancel(): void {
    if (this.#step.armed) timers.disarm(this.#step);
  }
}
