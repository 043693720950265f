// How the length of a body is known (RFC 9112 6.3), as one number.

import { REFUSED, type Refusal } from "./refusal.ts";

/** Bytes of a body, or one of the two lengths that show themselves only at the end. */
export type BodyLength = number;

export const CHUNKED: BodyLength = -1;
/** Responses only: the body ends with the connection. */
export const UNTIL_CLOSE: BodyLength = -2;

/**
 * True when `codings` is exactly one `chunked`. A coding that nobody here removes is 501 (RFC 9112 6.1); anything else in which
 * `chunked` is not the whole would leave the length to interpretation, which is how requests are smuggled.
 */
export function hasChunkedCoding(codings: string): true | Refusal {
  if (codings === "chunked") return true;
  const list = codings.toLowerCase().split(",");
  if (list.length === 1 && list[0] === "chunked") return true;
  for (const coding of list) {
    const name = coding.trim();
    if (name !== "chunked" && name !== "")
      return /^[\w!#$%&'*+.^`|~-]+$/.test(name) ? REFUSED.transferCoding : REFUSED.transferEncoding;
  }
  return REFUSED.transferEncoding;
}

/** Statuses that never have a body, whatever the fields say (RFC 9110 6.4.1). */
export function isBodiless(status: number): boolean {
  return status < 200 || status === 204 || status === 304;
}
