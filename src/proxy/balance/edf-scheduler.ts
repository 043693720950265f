// Earliest deadline first (Envoy: EdfScheduler): entries take turns so that each comes as often as its weight says, spread out. Of a binary
// heap over typed arrays; an entry that was taken goes back at once.

export class EdfScheduler {
  /** Heap of entries, the earliest deadline first; entries with the same one in the order in which they were put. */
  readonly #heap: Uint32Array;
  readonly #deadlines: Float64Array;
  readonly #orders: Float64Array;
  #nextOrder = 0;

  constructor(weights: ArrayLike<number>) {
    const size = weights.length;
    this.#heap = new Uint32Array(size);
    this.#deadlines = new Float64Array(size);
    this.#orders = new Float64Array(size);
    for (let entry = 0; entry < size; entry++) {
      this.#heap[entry] = entry;
      this.#deadlines[entry] = 1 / weights[entry]!;
      this.#orders[entry] = this.#nextOrder++;
    }
    for (let i = (size >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** Whose turn it is. */
  get next(): number {
    return this.#heap[0]!;
  }

  /** Puts the entry that is next behind others, with the weight that it has now. */
  advance(weight: number): void {
    const entry = this.#heap[0]!;
    this.#deadlines[entry] = this.#deadlines[entry]! + 1 / weight;
    this.#orders[entry] = this.#nextOrder++;
    this.#sink(0);
  }

  #isBefore(a: number, b: number): boolean {
    const difference = this.#deadlines[a]! - this.#deadlines[b]!;
    return difference < 0 || (difference === 0 && this.#orders[a]! < this.#orders[b]!);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const entry = heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBefore(heap[child]!, entry)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }
}
