// Where a head ends, and whether what has come of it so far can still become one.

import type { HttpLimits } from "../limits.ts";
import { CR, LF, VALUE } from "./octets.ts";
import { REFUSED, type Refusal } from "./refusal.ts";

const EMPTY_LINE = Buffer.from("\r\n\r\n", "latin1");

/**
 * Index behind the last line of the head that begins at `start` (that of the empty line's CRLF), or -1 when it is not there yet.
 * `searched` bytes of it were looked through before.
 */
export function findHeadEnd(bytes: Buffer, start: number, searched: number): number {
  const found = bytes.indexOf(EMPTY_LINE, start + Math.max(0, searched - 3));
  return found === -1 ? -1 : found + 2;
}

/** The search for the end of one head after another, over any split of the bytes. */
export class HeadSearch {
  readonly #limits: HttpLimits;
  readonly #skipsEmptyLine: boolean;
  #emptyLineSkipped = false;
  /** Bytes of the head at hand that were looked through. */
  #searched = 0;

  /** A server skips one CRLF before a request line (RFC 9112 2.2): some clients end a body with it. */
  constructor(limits: HttpLimits, skipsEmptyLine: boolean) {
    this.#limits = limits;
    this.#skipsEmptyLine = skipsEmptyLine;
  }

  /** True when an empty line stands at `start` and is to be skipped. */
  skips(bytes: Buffer, start: number): boolean {
    if (bytes[start] !== CR || bytes[start + 1] !== LF || !this.#skipsEmptyLine || this.#emptyLineSkipped) return false;
    this.#emptyLineSkipped = true;
    this.#searched = 0;
    return true;
  }

  /**
   * Index of the empty line of the head at `start`; -1 when it is not there yet, and then the next call has the same bytes and more.
   * Refuses what is too large, and what no more bytes can make a head.
   */
  find(bytes: Buffer, start: number): number | Refusal {
    const end = findHeadEnd(bytes, start, this.#searched);
    const length = (end === -1 ? bytes.length : end + 2) - start;
    if (length > this.#limits.maxHeadBytes) return tooLarge(bytes, start, this.#limits);
    if (end === -1) {
      const garbage =
        (this.#skipsEmptyLine ? undefined : findOtherProtocol(bytes, start)) ??
        findGarbage(bytes, start, start + Math.max(0, this.#searched - 1));
      this.#searched = length;
      return garbage ?? -1;
    }
    this.#searched = 0;
    this.#emptyLineSkipped = false;
    return end;
  }
}

/** Of a head larger than it may be, complete or not. */
function tooLarge(bytes: Buffer, start: number, limits: HttpLimits): Refusal {
  const lineEnd = bytes.indexOf(LF, start);
  return lineEnd === -1 || lineEnd - start > limits.maxTargetBytes ? REFUSED.targetTooLong : REFUSED.headTooLarge;
}

const RESPONSE_START = Buffer.from("HTTP/", "latin1");

/** Of a response that has begun: a server of another protocol greets with its own words, and may wait for ours or hang up. */
function findOtherProtocol(bytes: Buffer, start: number): Refusal | undefined {
  const length = Math.min(bytes.length - start, RESPONSE_START.length);
  for (let i = 0; i < length; i++) if (bytes[start + i] !== RESPONSE_START[i]) return REFUSED.notHttp;
  return undefined;
}

/**
 * Looks through the part of an incomplete head from `from` on for what no head holds, so that a TLS ClientHello or a line that ends in
 * a bare LF is answered at once and not when the head's time is up.
 */
export function findGarbage(bytes: Buffer, start: number, from: number): Refusal | undefined {
  if (bytes[start] === CR && bytes[start + 1] === LF) return REFUSED.notHttp;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (VALUE[byte] === 1) continue;
    if (byte === LF && at > start && bytes[at - 1] === CR) continue;
    if (byte === CR && (at + 1 === bytes.length || bytes[at + 1] === LF)) continue;
    return at === start ? REFUSED.notHttp : REFUSED.controlCharacter;
  }
  return undefined;
}
