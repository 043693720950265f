// Numbers by time at one resolution, for a fixed span: what happened in each second of the last hour, or each 15 s of the last day.
// Most series are quiet most of the time, so storage is by chunk and a chunk without traffic is not there.

/** Steps in a chunk: at 1 s a minute, at 15 s a quarter of an hour. */
const CHUNK = 60;

export class Ring {
  readonly stepMs: number;
  /** Slots; a chunk more than asked for, because entering a chunk drops all that was in it an age ago. */
  readonly #slots: number;
  readonly #chunks: (Float32Array | undefined)[];
  /** The newest step written, counted from the epoch; -1 before the first. */
  #newest = -1;

  /** Holds `spanMs` at `stepMs`. */
  constructor(stepMs: number, spanMs: number) {
    this.stepMs = stepMs;
    const chunks = Math.ceil(spanMs / stepMs / CHUNK) + 1;
    this.#slots = chunks * CHUNK;
    this.#chunks = new Array<Float32Array | undefined>(chunks).fill(undefined);
  }

  /** Time in ms before which nothing is held. */
  get oldestMs(): number {
    return (this.#newest - this.#slots + CHUNK + 1) * this.stepMs;
  }

  /** Spreads `amount` over the steps after `fromMs` up to the one that `toMs` is in. Times older than the ring are dropped. */
  add(fromMs: number, toMs: number, amount: number): void {
    const last = Math.floor(toMs / this.stepMs);
    const first = Math.max(Math.min(Math.floor(fromMs / this.stepMs) + 1, last), last - this.#slots + CHUNK + 1);
    const share = amount / (last - first + 1);
    this.#advance(last);
    for (let step = first; step <= last; step++) {
      if (step <= this.#newest - this.#slots) continue;
      const slot = step % this.#slots;
      const index = Math.floor(slot / CHUNK);
      let chunk = this.#chunks[index];
      if (!chunk) {
        chunk = new Float32Array(CHUNK);
        this.#chunks[index] = chunk;
      }
      chunk[slot % CHUNK]! += share;
    }
  }

  /** Sum of the steps that start in [fromMs, toMs). */
  sum(fromMs: number, toMs: number): number {
    const first = Math.max(Math.ceil(fromMs / this.stepMs), this.#newest - this.#slots + CHUNK + 1);
    const end = Math.min(Math.ceil(toMs / this.stepMs), this.#newest + 1);
    let sum = 0;
    for (let step = first; step < end; step++) {
      const slot = step % this.#slots;
      const chunk = this.#chunks[Math.floor(slot / CHUNK)];
      if (chunk) sum += chunk[slot % CHUNK]!;
      else step += CHUNK - 1 - (slot % CHUNK); // nothing in the rest of this chunk
    }
    return sum;
  }

  #advance(step: number): void {
    if (step <= this.#newest) return;
    if (this.#newest === -1 || step - this.#newest >= this.#slots) {
      this.#chunks.fill(undefined);
    } else {
      for (let next = this.#newest + 1; next <= step; next++) {
        const slot = next % this.#slots;
        if (slot % CHUNK === 0) this.#chunks[slot / CHUNK] = undefined;
      }
    }
    this.#newest = step;
  }
}
