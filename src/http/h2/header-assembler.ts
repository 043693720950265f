// A header block from its HEADERS and CONTINUATION frames. The usual one is in a single frame and is decoded where it lies; a split
// one is collected within bounds and decoded at its end.

import type { HttpLimits } from "../limits.ts";
import { ByteQueue } from "./byte-queue.ts";
import { FieldBlock } from "./field-block.ts";
import { FLAG, FRAME_HEAD_BYTES, readUint31 } from "./frame.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { VIOLATION, type Violation } from "./violation.ts";

const PRIORITY_BYTES = 5;

export class HeaderAssembler {
  readonly block: FieldBlock;
  /** Of the block that is being collected, else 0. */
  openStreamId = 0;
  /** Of the last block: END_STREAM was set on its HEADERS frame. */
  endStream = false;
  readonly #limits: HttpLimits;
  readonly #decoder = new HpackDecoder();
  readonly #fragments = new ByteQueue();
  #continuations = 0;
  #frameBytes = 0;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
    this.block = new FieldBlock(limits);
  }

  /** A HEADERS frame. Undefined: the block is complete if `openStreamId` is 0. */
  begin(flags: number, streamId: number, bytes: Buffer, from: number, to: number): Violation | undefined {
    let start = from;
    let end = to;
    if (flags & FLAG.padded) {
      if (start === end) return VIOLATION.frameSize;
      end -= bytes[start++]!;
    }
    if (flags & FLAG.priority) {
      if (end - start < PRIORITY_BYTES) return VIOLATION.frameSize;
      if (readUint31(bytes, start) === streamId) return VIOLATION.payload; // RFC 7540 5.3.1; nobody does this by accident
      start += PRIORITY_BYTES;
    }
    if (start > end) return VIOLATION.payload;
    this.endStream = (flags & FLAG.endStream) !== 0;
    this.#frameBytes = FRAME_HEAD_BYTES + to - from;
    if (flags & FLAG.endHeaders) return this.#decode(bytes, start, end);
    this.openStreamId = streamId;
    this.#continuations = 0;
    this.#fragments.push(bytes, start, end);
    return undefined;
  }

  /** A CONTINUATION frame of the open block. */
  continue(flags: number, bytes: Buffer, start: number, end: number): Violation | undefined {
    if (++this.#continuations > this.#limits.maxContinuations) return VIOLATION.headerFlood;
    // Twice the limit on decoded bytes: within it the table is kept and the request gets its 431; beyond, it is an attack.
    if (this.#fragments.length + end - start > this.#limits.maxHeadBytes * 2) return VIOLATION.headerFlood;
    this.#fragments.push(bytes, start, end);
    this.#frameBytes += FRAME_HEAD_BYTES + end - start;
    if (!(flags & FLAG.endHeaders)) return undefined;
    this.openStreamId = 0;
    const whole = this.#fragments.take();
    return this.#decode(whole, 0, whole.length);
  }

  #decode(bytes: Buffer, start: number, end: number): Violation | undefined {
    this.block.reset();
    this.block.wireBytes = end - start;
    this.block.frameBytes = this.#frameBytes;
    return this.#decoder.decode(bytes, start, end, this.block) ? undefined : VIOLATION.compression;
  }
}
