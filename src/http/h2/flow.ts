// Flow control of what is received (RFC 9113 5.2, 6.9). A window opens again as the owner consumes, in steps of half its size: one
// WINDOW_UPDATE for many frames, and early enough that a sender within the bandwidth-delay product never waits.

export class ReceiveWindow {
  readonly #size: number;
  /** What the peer may still send. */
  #available: number;
  /** Consumed and not yet announced. */
  #owed = 0;

  constructor(size: number) {
    this.#size = size;
    this.#available = size;
  }

  /** Counts `bytes` of a DATA frame; false when the peer had no right to send them. */
  take(bytes: number): boolean {
    this.#available -= bytes;
    return this.#available >= 0;
  }

  /** The owner is done with `bytes`. Returns the increment to announce now, or 0. */
  consume(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed * 2 < this.#size) return 0;
    const increment = this.#owed;
    this.#owed = 0;
    this.#available += increment;
    return increment;
  }
}
