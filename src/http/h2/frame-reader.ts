// Bytes, however they are split, into frames. DATA is passed on as it arrives, without waiting for the end of its frame and without a
// copy; the other frames are handed over whole, from the chunk itself unless a split forces a copy.

import { DEFAULT_FRAME_BYTES, FLAG, FRAME, FRAME_HEAD_BYTES, readUint31 } from "./frame.ts";

/** Buffers are valid only during the call. A sink that gives up calls `stop` on the reader. */
export interface FrameSink {
  /** A frame of any other type than DATA, its payload being bytes[start, end). */
  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
  /** A DATA frame begins; its whole payload of `length` bytes, padding included, counts for flow control. */
  onDataBegin(flags: number, streamId: number, length: number): void;
  /** A part of its data. */
  onDataPart(bytes: Buffer, start: number, end: number): void;
  onDataEnd(): void;
  /** `length` is above SETTINGS_MAX_FRAME_SIZE, or the padding is longer than the frame. */
  onBadFrame(kind: "oversized" | "padding"): void;
}

export class FrameReader {
  readonly #sink: FrameSink;
  #stopped = false;
  #maxFrame = DEFAULT_FRAME_BYTES;
  /** Of the DATA frame at hand: bytes of data and of padding still to come; `#padded` while the byte with the padding's length is. */
  #inData = false;
  #padded = false;
  #dataLeft = 0;
  #paddingLeft = 0;
  /** Bytes of a frame that a chunk held only a part of; its first nine bytes tell how many it needs. */
  #partial: Buffer | undefined;
  #filled = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** A frame other than DATA has begun and is not complete. */
  get waiting(): boolean {
    return this.#filled > 0;
  }

  /** Frames up to this have been offered to the peer. */
  allow(bytes: number): void {
    this.#maxFrame = bytes;
  }

  /** Nothing is handed over any more. */
  stop(): void {
    this.#stopped = true;
    this.#partial = undefined;
    this.#filled = 0;
  }

  read(chunk: Buffer): void {
    let at = 0;
    const end = chunk.length;
    while (!this.#stopped) {
      if (this.#inData) {
        at = this.#readData(chunk, at, end);
        if (this.#inData) return;
      } else if (this.#filled > 0) {
        at = this.#fill(chunk, at, end);
        if (this.#filled > 0) return;
      } else {
        if (end - at < FRAME_HEAD_BYTES) break;
        const length = (chunk[at]! << 16) | (chunk[at + 1]! << 8) | chunk[at + 2]!;
        if (length > this.#maxFrame) {
          this.#sink.onBadFrame("oversized");
          return;
        }
        const type = chunk[at + 3]!;
        const payload = at + FRAME_HEAD_BYTES;
        if (type === FRAME.data) {
          at = payload;
          this.#beginData(chunk[payload - 5]!, readUint31(chunk, payload - 4), length);
        } else {
          if (end - payload < length) break;
          at = payload + length;
          this.#sink.onFrame(type, chunk[payload - 5]!, readUint31(chunk, payload - 4), chunk, payload, at);
        }
      }
    }
    if (at < end && !this.#stopped) this.#fill(chunk, at, end);
  }

  #beginData(flags: number, streamId: number, length: number): void {
    this.#padded = (flags & FLAG.padded) !== 0;
    this.#dataLeft = length;
    this.#paddingLeft = 0;
    this.#inData = true;
    if (this.#padded && length === 0) this.#sink.onBadFrame("padding");
    else this.#sink.onDataBegin(flags, streamId, length);
  }

  /** Passes on what the chunk holds of the DATA frame; returns where it ends. */
  #readData(chunk: Buffer, from: number, end: number): number {
    let at = from;
    if (this.#padded) {
      if (at >= end) return at;
      this.#padded = false;
      this.#paddingLeft = chunk[at++]!;
      this.#dataLeft -= 1 + this.#paddingLeft;
      if (this.#dataLeft < 0) {
        this.#sink.onBadFrame("padding");
        return at;
      }
    }
    const data = Math.min(this.#dataLeft, end - at);
    if (data > 0) {
      this.#dataLeft -= data;
      this.#sink.onDataPart(chunk, at, at + data);
      at += data;
    }
    const padding = Math.min(this.#paddingLeft, end - at);
    this.#paddingLeft -= padding;
    at += padding;
    if (this.#dataLeft === 0 && this.#paddingLeft === 0) {
      this.#inData = false;
      if (!this.#stopped) this.#sink.onDataEnd();
    }
    return at;
  }

  /** Adds what the chunk holds to the frame that began earlier; hands it over when it is whole. Returns where it ends. */
  #fill(chunk: Buffer, from: number, end: number): number {
    let at = from;
    if (this.#filled < FRAME_HEAD_BYTES) {
      this.#partial ??= Buffer.allocUnsafe(FRAME_HEAD_BYTES);
      at = this.#copy(chunk, at, end, this.#partial, FRAME_HEAD_BYTES);
      if (this.#filled < FRAME_HEAD_BYTES) return at;
    }
    let partial = this.#partial!;
    const length = (partial[0]! << 16) | (partial[1]! << 8) | partial[2]!;
    if (length > this.#maxFrame) {
      this.#sink.onBadFrame("oversized");
      return at;
    }
    if (partial[3] === FRAME.data) {
      this.#forget();
      this.#beginData(partial[4]!, readUint31(partial, 5), length);
      return at;
    }
    const needed = FRAME_HEAD_BYTES + length;
    while (this.#filled < needed && at < end) {
      if (partial.length === this.#filled) partial = this.#grow(partial, needed);
      at = this.#copy(chunk, at, end, partial, Math.min(needed, partial.length));
    }
    if (this.#filled < needed) return at;
    this.#forget();
    this.#sink.onFrame(partial[3]!, partial[4]!, readUint31(partial, 5), partial, FRAME_HEAD_BYTES, needed);
    return at;
  }

  /** Room for what came and as much again: a peer that only announces a long frame makes nothing be held. */
  #grow(partial: Buffer, needed: number): Buffer {
    const grown = Buffer.allocUnsafe(Math.min(needed, Math.max(DEFAULT_FRAME_BYTES, partial.length * 2)));
    partial.copy(grown, 0, 0, this.#filled);
    this.#partial = grown;
    return grown;
  }

  #copy(chunk: Buffer, at: number, end: number, target: Buffer, needed: number): number {
    const count = Math.min(needed - this.#filled, end - at);
    chunk.copy(target, this.#filled, at, at + count);
    this.#filled += count;
    return at + count;
  }

  #forget(): void {
    this.#partial = undefined;
    this.#filled = 0;
  }
}
