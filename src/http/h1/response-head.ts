// Bytes of a response's head → ResponseHead and how its body is framed (RFC 9112 4 and 6.3).

import type { HttpLimits } from "../limits.ts";
import { ResponseHead } from "../stream.ts";
import { type FieldSection, readFields } from "./fields.ts";
import { type BodyLength, CHUNKED, hasChunkedCoding, isBodiless, UNTIL_CLOSE } from "./framing.ts";
import { CR, LF, SP, VALUE } from "./octets.ts";
import { REFUSED, Refusal } from "./refusal.ts";
import { isHttp1 } from "./request-head.ts";

/** What the request makes of its response (RFC 9112 6.3). */
export interface Asked {
  readonly method: string;
  /** The protocol the request asked for with `Upgrade`. */
  readonly upgrade: string | undefined;
}

/** A response as it was read. */
export interface ReadResponse {
  readonly head: ResponseHead;
  readonly bodyLength: BodyLength;
  /** Of its field lines. */
  readonly fieldBytes: number;
  /** From here on the connection is a byte tunnel: 101, or 2xx to CONNECT. */
  readonly tunnel: boolean;
  readonly persistent: boolean;
}

/** Reads the head from `start` to the empty line at `end`, whose CRLF is readable. */
export function readResponse(
  bytes: Buffer,
  start: number,
  end: number,
  limits: HttpLimits,
  asked: Asked,
  keepsCase: boolean,
): ReadResponse | Refusal {
  // HTTP/1.x SP 3DIGIT SP reason; some servers leave the last space out with the reason.
  if (!isHttp1(bytes, start)) return REFUSED.notHttp;
  const minor = bytes[start + 7];
  if ((minor !== 0x31 && minor !== 0x30) || bytes[start + 8] !== SP) return REFUSED.startLine;
  const status = readStatus(bytes, start + 9);
  let at = start + 12;
  if (status < 100 || (bytes[at] !== SP && bytes[at] !== CR)) return REFUSED.startLine;
  while (VALUE[bytes[at]!] === 1) at++;
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return REFUSED.startLine;
  const fields = readFields(bytes, at + 2, end, limits.maxHeaders, keepsCase);
  if (fields instanceof Refusal) return fields;

  const http10 = minor === 0x30;
  const tunnel = asked.method === "CONNECT" ? status >= 200 && status < 300 : status === 101;
  if (status === 101 && !switchesTo(fields, asked)) return REFUSED.tunnelNotOpened;
  const bodyLength = tunnel ? UNTIL_CLOSE : responseBodyLength(fields, status, asked.method, http10);
  if (typeof bodyLength !== "number") return bodyLength;
  const head = new ResponseHead(status, fields.headers, tunnel ? -1 : fields.contentLength);
  head.wireBytes = end + 2 - start;
  head.fieldCase = fields.fieldCase;
  const persistent = bodyLength !== UNTIL_CLOSE && !fields.close && (!http10 || fields.keepAlive);
  return { head, bodyLength, fieldBytes: fields.bytes, tunnel, persistent };
}

/** 100 to 599; 0 for anything else. */
function readStatus(bytes: Buffer, at: number): number {
  const hundreds = bytes[at]! - 0x30;
  const tens = bytes[at + 1]! - 0x30;
  const ones = bytes[at + 2]! - 0x30;
  if (!(hundreds >= 1 && hundreds <= 5 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9)) return 0;
  return hundreds * 100 + tens * 10 + ones;
}

/** A 101 has to name the protocol that was asked for (RFC 9110 15.2.2), or the two ends would speak different ones. */
function switchesTo(fields: FieldSection, asked: Asked): boolean {
  return asked.upgrade !== undefined && fields.upgradeOption && fields.upgrade?.toLowerCase() === asked.upgrade;
}

function responseBodyLength(
  fields: FieldSection,
  status: number,
  method: string,
  http10: boolean,
): BodyLength | Refusal {
  const { transferEncoding, contentLength } = fields;
  if (transferEncoding !== undefined) {
    if (contentLength !== -1) return REFUSED.bothLengths;
    if (http10) return REFUSED.transferEncoding;
    const chunked = hasChunkedCoding(transferEncoding);
    if (chunked !== true) return chunked;
  }
  if (method === "HEAD" || isBodiless(status)) return 0;
  if (transferEncoding !== undefined) return CHUNKED;
  return contentLength === -1 ? UNTIL_CLOSE : contentLength;
}
