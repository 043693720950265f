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

/** Refuses a head of `bytes` from `start` to `end`, complete or not, that is larger than it may be. */
export function tooLarge(bytes: Buffer, start: number, end: number, limits: HttpLimits): Refusal | undefined {
  if (end - start <= limits.maxHeadBytes) return undefined;
  const lineEnd = bytes.indexOf(LF, start);
  return lineEnd === -1 || lineEnd - start > limits.maxTargetBytes ? REFUSED.targetTooLong : REFUSED.headTooLarge;
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
