// Bytes of a request's head → RequestHead and how its body is framed (RFC 9112 3 and 6).

import type { HttpLimits } from "../limits.ts";
import { type Protocol, RequestHead } from "../stream.ts";
import { isAuthority, portOf, TARGET_BYTES } from "../url.ts";
import { type FieldSection, readFields } from "./fields.ts";
import { type BodyLength, CHUNKED, hasChunkedCoding } from "./framing.ts";
import { CR, LF, METHOD, SP } from "./octets.ts";
import { REFUSED, Refusal } from "./refusal.ts";

/** A request as it was read. */
export interface ReadRequest {
  readonly head: RequestHead;
  readonly bodyLength: BodyLength;
  /** Of its field lines. */
  readonly fieldBytes: number;
  /** The connection may serve another one. */
  readonly persistent: boolean;
  readonly expectsContinue: boolean;
}

const VERSION_BYTES = 8; // "HTTP/1.1"
const METHODS = ["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT"];

/** The request line in parts; one object is reused, as reading never nests. */
class RequestLine {
  method = "";
  target = "";
  protocol: Protocol = "HTTP/1.1";
  /** Behind its CRLF. */
  end = 0;
}

const line = new RequestLine();

/**
 * Reads the head from `start` to the empty line at `end`. `bytes[end]` and the CRLF there are readable.
 * `scheme` is the connection's.
 */
export function readRequest(
  bytes: Buffer,
  start: number,
  end: number,
  limits: HttpLimits,
  scheme: string,
  keepsCase: boolean,
): ReadRequest | Refusal {
  const lineRefusal = readRequestLine(bytes, start, limits);
  if (lineRefusal !== undefined) return lineRefusal;
  const { method, target, protocol } = line;
  const fields = readFields(bytes, line.end, end, limits.maxHeaders, keepsCase);
  if (fields instanceof Refusal) return fields;
  const { host } = fields;
  if (host === undefined && protocol === "HTTP/1.1") return REFUSED.hostMissing;
  if (host !== undefined && !isAuthority(host)) return REFUSED.host;
  const bodyLength = requestBodyLength(fields, protocol);
  if (typeof bodyLength !== "number") return bodyLength;

  const head = new RequestHead(
    method,
    scheme,
    host ?? "",
    target,
    fields.headers,
    protocol,
    fields.contentLength,
    undefined,
  );
  head.wireBytes = end + 2 - start;
  head.fieldCase = fields.fieldCase;
  if (target.charCodeAt(0) !== 0x2f || method === "CONNECT") {
    const targetRefusal = resolveTarget(head, target);
    if (targetRefusal !== undefined) return targetRefusal;
  }
  if (method === "CONNECT" && bodyLength !== 0) return REFUSED.connectBody;
  if (fields.upgrade !== undefined)
    head.upgrade = acceptableUpgrade(fields, fields.upgrade, method, protocol, bodyLength);
  const persistent = !fields.close && (protocol === "HTTP/1.1" || fields.keepAlive);
  const expectsContinue = fields.expectsContinue && protocol === "HTTP/1.1";
  return { head, bodyLength, fieldBytes: fields.bytes, persistent, expectsContinue };
}

/** Fills `line` from `bytes` at `start`, where a whole head stands. */
export function readRequestLine(bytes: Buffer, start: number, limits: HttpLimits): Refusal | undefined {
  let at = start;
  while (METHOD[bytes[at]!] === 1) at++;
  if (at === start || bytes[at] !== SP) return startsLikeHttp(bytes, start, at) ? REFUSED.method : REFUSED.notHttp;
  line.method = methodText(bytes, start, at);
  const targetStart = ++at;
  while (TARGET_BYTES[bytes[at]!] === 1) at++;
  if (at - targetStart > limits.maxTargetBytes) return REFUSED.targetTooLong;
  if (at === targetStart || bytes[at] !== SP) return REFUSED.target;
  line.target = bytes.latin1Slice(targetStart, at);
  at++;
  const minor = bytes[at + VERSION_BYTES - 1];
  line.end = at + VERSION_BYTES + 2;
  if (!isHttp1(bytes, at) || (minor !== 0x31 && minor !== 0x30)) return badVersion(bytes, at);
  if (bytes[at + VERSION_BYTES] !== CR || bytes[at + VERSION_BYTES + 1] !== LF) return REFUSED.startLine;
  line.protocol = minor === 0x31 ? "HTTP/1.1" : "HTTP/1.0";
  return undefined;
}

/** A TLS ClientHello or another protocol's greeting, rather than a method written wrongly. */
function startsLikeHttp(bytes: Buffer, start: number, at: number): boolean {
  const byte = bytes[at]!;
  return at > start || (byte >= 0x61 && byte <= 0x7a);
}

/** The method without an allocation for the usual ones. */
function methodText(bytes: Buffer, start: number, end: number): string {
  for (let i = 0; i < METHODS.length; i++) {
    const method = METHODS[i]!;
    if (method.length === end - start && method.charCodeAt(0) === bytes[start] && sameText(method, bytes, start))
      return method;
  }
  return bytes.latin1Slice(start, end);
}

function sameText(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 1; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

/** `HTTP/1.` at `at`. */
export function isHttp1(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === 0x2f &&
    bytes[at + 5] === 0x31 &&
    bytes[at + 6] === 0x2e
  );
}

function badVersion(bytes: Buffer, at: number): Refusal {
  // HTTP/2's preface is no request that another version could serve: it came to the wrong port (RFC 9113 3.4).
  if (line.method === "PRI") return REFUSED.notHttp;
  return /^HTTP\/\d\.\d\r\n$/.test(bytes.latin1Slice(at, at + VERSION_BYTES + 2)) ? REFUSED.version : REFUSED.startLine;
}

/** 0 without a body. */
function requestBodyLength(fields: FieldSection, protocol: Protocol): BodyLength | Refusal {
  const { transferEncoding, contentLength } = fields;
  if (transferEncoding === undefined) return contentLength === -1 ? 0 : contentLength;
  if (contentLength !== -1) return REFUSED.bothLengths;
  if (protocol === "HTTP/1.0") return REFUSED.transferEncoding;
  const chunked = hasChunkedCoding(transferEncoding);
  return chunked === true ? CHUNKED : chunked;
}

/** Turns a target in absolute-, authority- or asterisk-form into authority and path (RFC 9112 3.2). */
function resolveTarget(head: RequestHead, target: string): Refusal | undefined {
  if (head.method === "CONNECT") {
    // The port is part of the form; without it nobody knows where the tunnel ends.
    if (!isAuthority(target) || !((portOf(target) ?? 0) > 0)) return REFUSED.target;
    head.authority = target;
    head.path = "";
    return undefined;
  }
  if (target === "*") return head.method === "OPTIONS" ? undefined : REFUSED.target;
  const separator = target.indexOf("://");
  if (separator < 0) return REFUSED.target;
  const scheme = target.slice(0, separator).toLowerCase();
  if (scheme !== "http" && scheme !== "https") return REFUSED.scheme;
  return splitAbsolute(head, target, scheme, separator + 3);
}

/** The authority of an absolute-form target wins over Host (RFC 9112 3.2.2). */
function splitAbsolute(head: RequestHead, target: string, scheme: string, start: number): Refusal | undefined {
  let end = start;
  while (end < target.length && target.charCodeAt(end) !== 0x2f && target.charCodeAt(end) !== 0x3f) end++;
  const authority = target.slice(start, end);
  if (!isAuthority(authority)) return REFUSED.target;
  head.scheme = scheme;
  head.isAbsolute = true;
  head.authority = authority;
  if (end === target.length)
    head.path = head.method === "OPTIONS" ? "*" : "/"; // RFC 9112 3.2.4
  else head.path = target.charCodeAt(end) === 0x3f ? `/${target.slice(end)}` : target.slice(end);
  return undefined;
}

/**
 * The first protocol that `Upgrade` asks for, or undefined where a server ignores it (RFC 9110 7.8): without the connection option, on
 * HTTP/1.0, for h2c (RFC 9113 3.1), and with a body, behind which nobody could tell a pipelined request from the new protocol.
 */
function acceptableUpgrade(
  fields: FieldSection,
  upgrade: string,
  method: string,
  protocol: Protocol,
  bodyLength: BodyLength,
): string | undefined {
  if (!fields.upgradeOption || protocol === "HTTP/1.0" || method === "CONNECT" || bodyLength !== 0) return undefined;
  for (const element of upgrade.split(",")) {
    const name = element.trim().toLowerCase();
    if (/^[\w!#$%&'*+.^`|~-]+(?:\/[\w!#$%&'*+.^`|~-]+)?$/.test(name) && name !== "h2c") return name;
  }
  return undefined;
}
