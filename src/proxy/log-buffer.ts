// Bytes of log lines, put together part by part: as a string, a line of 49 parts would be a rope that is flattened afterwards, which
// costs twice as much.

const EMPTY = Buffer.alloc(0);

export class LogBuffer {
  /** Whole lines are `bytes[0, length)`; the line at hand is behind them. */
  bytes: Buffer = EMPTY;
  length = 0;
  readonly #initialBytes: number;
  readonly #maxBytes: number;
  #at = 0;
  #overflown = false;

  constructor(initialBytes: number, maxBytes: number) {
    this.#initialBytes = initialBytes;
    this.#maxBytes = maxBytes;
  }

  /** One byte a character, its low eight bits: what the codecs read from the wire as latin-1 goes out as it came in. */
  put(text: string): void {
    if (this.#at + text.length > this.bytes.length && !this.#grow(text.length)) return;
    const { bytes } = this;
    let at = this.#at;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.#at = at;
  }

  /** Makes room for `count` bytes; false beyond the limit, after which the line is lost. */
  #grow(count: number): boolean {
    if (this.#overflown || this.#at + count > this.#maxBytes) {
      this.#overflown = true;
      return false;
    }
    const size = Math.min(this.#maxBytes, Math.max(this.#initialBytes, 2 * (this.#at + count)));
    const larger = Buffer.allocUnsafeSlow(size);
    this.bytes.copy(larger, 0, 0, this.#at);
    this.bytes = larger;
    return true;
  }

  /** Where the line at hand has come to, to go back there. */
  mark(): number {
    return this.#at;
  }

  rewind(mark: number): void {
    this.#at = mark;
  }

  /** Ends the line; false when it did not fit and is dropped as a whole. */
  commit(): boolean {
    const whole = !this.#overflown;
    if (whole) this.length = this.#at;
    else this.#at = this.length;
    this.#overflown = false;
    return whole;
  }

  /** Begins anew with `bytes`, or with none. */
  reset(bytes: Buffer = EMPTY): void {
    this.bytes = bytes;
    this.length = 0;
    this.#at = 0;
  }
}
