// Bytes that must wait: for a window, for a full transport, for the rest of a header block. One contiguous buffer, so that a peer
// that sends single bytes cannot make each of them cost an object.

import { giveBack, takeBuffer } from "../buffer-pool.ts";

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

  /** The first `count` bytes, valid until the queue changes. */
  view(count: number): Buffer {
    return this.#bytes.subarray(this.#start, this.#start + count);
  }

  /** Forgets the first `count` bytes. */
  drop(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) this.clear();
  }

  /** Everything, as a buffer that the caller owns; the queue is empty then. */
  take(): Buffer {
    const all = this.#bytes.subarray(this.#start, this.#end);
    this.#forget();
    return all;
  }

  clear(): void {
    giveBack(this.#bytes);
    this.#forget();
  }

  #forget(): void {
    this.#bytes = EMPTY;
    this.#start = 0;
    this.#end = 0;
  }

  #makeRoom(count: number): void {
    const length = this.length;
    const needed = length + count;
    const roomy = needed <= this.#bytes.length / 2; // else moving down would soon be needed again
    const target = roomy
      ? this.#bytes
      : needed <= INITIAL_BYTES
        ? Buffer.allocUnsafeSlow(INITIAL_BYTES)
        : takeBuffer(needed);
    this.#bytes.copy(target, 0, this.#start, this.#end);
    if (!roomy) giveBack(this.#bytes);
    this.#bytes = target;
    this.#start = 0;
    this.#end = length;
  }
}
