// The body of a message, taken out of its framing: a state machine over any split of the bytes (RFC 9112 6 and 7).

import type { HeaderList } from "../headers.ts";
import type { HttpLimits } from "../limits.ts";
import { readTrailers, receivedFieldBytes } from "./fields.ts";
import { type BodyLength, CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import { findGarbage, findHeadEnd } from "./head-search.ts";
import { CR, HEX_DIGIT, LF, VALUE } from "./octets.ts";
import { PendingBytes } from "./pending-bytes.ts";
import { REFUSED, Refusal } from "./refusal.ts";

/** Takes the body's bytes: views of the received chunk. */
export interface BodySink {
  onBody(bytes: Buffer): void;
}

/**
 * - `length`: a known number of bytes is left. `until-close`: all bytes, to the end of the connection.
 * - `size`, `extension`, `size-lf`: the line before a chunk. `data`, `data-cr`, `data-lf`: the chunk and its CRLF.
 * - `trailers`: lines up to the empty one. `done`: complete.
 */
type State =
  | "length"
  | "until-close"
  | "size"
  | "extension"
  | "size-lf"
  | "data"
  | "data-cr"
  | "data-lf"
  | "trailers"
  | "done";

const MAX_SIZE_DIGITS = 16;

export class BodyDecoder {
  readonly #limits: HttpLimits;
  readonly #sink: BodySink;
  #state: State = "done";
  /** Bytes left of the body or chunk. */
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerBytes: PendingBytes | undefined;
  /** Of the body that is complete. */
  trailers: HeaderList | undefined = undefined;
  /** Of the trailers' lines, counted as a head's. */
  trailerFieldBytes = 0;

  constructor(limits: HttpLimits, sink: BodySink) {
    this.#limits = limits;
    this.#sink = sink;
  }

  get complete(): boolean {
    return this.#state === "done";
  }

  /** The end of the connection is the end of the body. */
  get endsWithConnection(): boolean {
    return this.#state === "until-close";
  }

  /** Bytes that are certainly still to come. */
  get remaining(): number {
    return this.#left;
  }

  begin(length: BodyLength): void {
    this.trailers = undefined;
    this.#trailerBytes = undefined;
    this.trailerFieldBytes = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#left = length > 0 ? length : 0;
    this.#state = length === CHUNKED ? "size" : length === UNTIL_CLOSE ? "until-close" : length > 0 ? "length" : "done";
  }

  /** Takes bytes from `start` on; returns the index behind the last one used, or why the framing is broken. */
  decode(bytes: Buffer, start: number): number | Refusal {
    switch (this.#state) {
      case "done":
        return start;
      case "until-close":
        this.#give(bytes, start, bytes.length);
        return bytes.length;
      case "length": {
        const end = Math.min(bytes.length, start + this.#left);
        this.#left -= end - start;
        if (this.#left === 0) this.#state = "done";
        this.#give(bytes, start, end);
        return end;
      }
      default:
        return this.#decodeChunks(bytes, start);
    }
  }

  #give(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.#sink.onBody(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
  }

  /**
   * The data of several chunks is moved together and given at once: a sender of one-byte chunks would otherwise cost the receiver,
   * and everything behind it, a call and a frame for every byte.
   */
  #decodeChunks(bytes: Buffer, start: number): number | Refusal {
    let at = start;
    let dataStart = start;
    let dataEnd = start;
    let refusal: Refusal | undefined;
    while (at < bytes.length && this.#state !== "done" && refusal === undefined) {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (dataStart === dataEnd) {
          dataStart = at;
          dataEnd = end;
        } else {
          bytes.copyWithin(dataEnd, at, end);
          dataEnd += end - at;
        }
        at = end;
        if (this.#left === 0) this.#state = "data-cr";
      } else if (this.#state === "trailers") {
        const end = this.#takeTrailers(bytes, at);
        if (typeof end === "number") at = end;
        else refusal = end;
      } else {
        refusal = this.#takeFraming(bytes[at]!);
        at++;
      }
    }
    this.#give(bytes, dataStart, dataEnd);
    return refusal ?? at;
  }

  /** One byte of what stands around the chunks' data. */
  #takeFraming(byte: number): Refusal | undefined {
    switch (this.#state) {
      case "size": {
        const digit = HEX_DIGIT[byte]!;
        if (digit >= 0) {
          if (++this.#digits > MAX_SIZE_DIGITS) return REFUSED.chunk;
          this.#left = this.#left * 16 + digit;
          return this.#left <= Number.MAX_SAFE_INTEGER ? undefined : REFUSED.chunk;
        }
        // No white space after the size: llhttp allows it only when asked to be lenient.
        if (this.#digits === 0 || (byte !== CR && byte !== 0x3b)) return REFUSED.chunk;
        this.#state = byte === CR ? "size-lf" : "extension";
        return undefined;
      }
      case "extension":
        if (byte === CR) this.#state = "size-lf";
        else if (VALUE[byte] === 0) return REFUSED.chunk;
        else if (++this.#extensionBytes > this.#limits.maxChunkExtensionBytes) return REFUSED.chunkExtensions;
        return undefined;
      case "size-lf":
        if (byte !== LF) return REFUSED.chunk;
        this.#digits = 0;
        this.#state = this.#left === 0 ? "trailers" : "data";
        return undefined;
      case "data-cr":
        if (byte !== CR) return REFUSED.chunk;
        this.#state = "data-lf";
        return undefined;
      default: // data-lf
        if (byte !== LF) return REFUSED.chunk;
        this.#state = "size";
        return undefined;
    }
  }

  /** Most bodies end with an empty line at once; what else comes is gathered until the empty line is there. */
  #takeTrailers(bytes: Buffer, start: number): number | Refusal {
    if (this.#trailerBytes === undefined && bytes[start] === CR && bytes[start + 1] === LF) {
      this.#state = "done";
      return start + 2;
    }
    this.#trailerBytes ??= new PendingBytes();
    const pending = this.#trailerBytes;
    const before = pending.length;
    // Only as much as may be a trailer section: behind it may stand the next requests.
    pending.append(bytes.subarray(start, start + this.#limits.maxHeadBytes + 3 - before));
    const block = pending.view;
    const end = block[0] === CR && block[1] === LF ? 0 : findHeadEnd(block, 0, before);
    if (end === -1) {
      if (block.length > this.#limits.maxHeadBytes) return REFUSED.trailersTooLarge;
      return findGarbage(block, 0, Math.max(0, before - 1)) ?? bytes.length;
    }
    const trailers = readTrailers(block, 0, end, this.#limits.maxHeaders);
    if (trailers instanceof Refusal) return trailers;
    if (trailers.length > 0) this.trailers = trailers;
    this.trailerFieldBytes = receivedFieldBytes(trailers);
    this.#state = "done";
    this.#trailerBytes = undefined;
    return start + end + 2 - before;
  }
}
