// Bytes that must wait: for a window, for a full transport, for the rest of a header block. One contiguous buffer, so that a peer
// that sends single bytes cannot make each of them cost an object.

const INITIAL_BYTES = 4 * 1024;
const EMPTY = Buffer.alloc(0);

export class ByteQueue {
  #bytes: Buffer = EMPTY;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Copies chunk[from, to). */
  push(chunk: Uint8Array, from: number, to: number): void {
    const count = to - from;
    if (this.#end + count > this.#bytes.length) this.#makeRoom(count);
    this.#bytes.set(chunk.subarray(from, to), this.#end);
    this.#end += count;
  }

  /** Moves the first `count` bytes to `target` at `at`. */
  shift(target: Buffer, at: number, count: number): void {
    this.#bytes.copy(target, at, this.#start, this.#start + count);
    this.#start += count;
    if (this.#start === this.#end) this.clear();
  }

  /** Everything, as a buffer that the caller owns; the queue is empty then. */
  take(): Buffer {
    const all = this.#bytes.subarray(this.#start, this.#end);
    this.clear();
    return all;
  }

  clear(): void {
    this.#bytes = EMPTY;
    this.#start = 0;
    this.#end = 0;
  }

  #makeRoom(count: number): void {
    const length = this.length;
    const needed = length + count;
    const roomy = needed <= this.#bytes.length / 2; // else moving down would soon be needed again
    const target = roomy ? this.#bytes : Buffer.allocUnsafeSlow(Math.max(INITIAL_BYTES, needed + (needed >>> 1)));
    this.#bytes.copy(target, 0, this.#start, this.#end);
    this.#bytes = target;
    this.#start = 0;
    this.#end = length;
  }
}
