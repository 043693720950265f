// Heads and chunk framing straight into a connection's outbox. Every character goes through a table or a search, so that no name or
// value, wherever it came from, can end its line; and fields of framing are written here and nowhere else.

import { STATUS_CODES } from "node:http";
import { type FieldCase, getHeader, type HeaderList } from "../headers.ts";
import type { Outbox } from "../outbox.ts";
import type { RequestHead } from "../stream.ts";
import { type BodyLength, CHUNKED } from "./framing.ts";
import {
  CHANGED_IN_VALUE,
  COLON,
  CR,
  LF,
  SP,
  WRITTEN_CASED_NAME,
  WRITTEN_NAME,
  WRITTEN_TARGET,
  WRITTEN_VALUE,
} from "./octets.ts";

/** What the Connection field says, if it is written. */
export type ConnectionOption = "close" | "keep-alive" | "upgrade" | undefined;

const STATUS_LINES: string[] = [];
for (let status = 100; status < 600; status++)
  STATUS_LINES[status] = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;

/** More than the fields that the writer adds: connection, upgrade's name, length, and the empty line. */
const OWN_FIELDS_BYTES = 160;

function put(bytes: Uint8Array, start: number, text: string, table: Uint8Array): number {
  let at = start;
  for (let i = 0; i < text.length; i++) bytes[at++] = table[text.charCodeAt(i) & 0xff]!;
  return at;
}

/** For the codec's own words, line ends included. */
function putRaw(bytes: Uint8Array, start: number, text: string): number {
  let at = start;
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  return at;
}

/** From here on a search and a copy cost less than a look-up a character: 54 against 130 ns at 128 characters. */
const LONG_VALUE = 48;

function putValue(bytes: Buffer, start: number, value: string): number {
  if (value.length >= LONG_VALUE && !CHANGED_IN_VALUE.test(value)) return start + bytes.latin1Write(value, start);
  return put(bytes, start, value, WRITTEN_VALUE);
}

function putField(bytes: Buffer, start: number, name: string, value: string, fieldCase: FieldCase | undefined): number {
  let at =
    fieldCase === undefined
      ? put(bytes, start, name, WRITTEN_NAME)
      : put(bytes, start, fieldCase.get(name) ?? name, WRITTEN_CASED_NAME);
  bytes[at++] = COLON;
  bytes[at++] = SP;
  at = putValue(bytes, at, value);
  bytes[at++] = CR;
  bytes[at++] = LF;
  return at;
}

/** Fields that are members of a head and never of its list. One that got there all the same must not frame or route the message. */
function isReserved(name: string): boolean {
  switch (name.length) {
    case 4:
      return name === "host";
    case 7:
      return name === "upgrade";
    case 10:
      return name === "connection" || name === "keep-alive";
    case 14:
      return name === "content-length";
    case 16:
      return name === "proxy-connection";
    case 17:
      return name === "transfer-encoding";
    default:
      return false;
  }
}

function putFields(bytes: Buffer, start: number, headers: HeaderList, fieldCase: FieldCase | undefined): number {
  let at = start;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (!isReserved(name)) at = putField(bytes, at, name, headers[i + 1]!, fieldCase);
  }
  return at;
}

function fieldBytes(headers: HeaderList): number {
  let total = headers.length * 2; // ": " and CRLF for each pair
  for (let i = 0; i < headers.length; i++) total += headers[i]!.length;
  return total;
}

/** The last chunk and the trailer section; returns the bytes of its field lines. */
export function writeLastChunk(outbox: Outbox, trailers: HeaderList | undefined): number {
  outbox.reserve(5 + (trailers === undefined ? 0 : fieldBytes(trailers)));
  const { bytes } = outbox;
  const fieldsAt = putRaw(bytes, outbox.length, "0\r\n");
  let at = trailers === undefined ? fieldsAt : putFields(bytes, fieldsAt, trailers, undefined);
  const written = at - fieldsAt;
  bytes[at++] = CR;
  bytes[at++] = LF;
  outbox.length = at;
  return written;
}

/** One chunk with its size; not for an empty one, which would end the body. */
export function writeChunk(outbox: Outbox, chunk: Uint8Array): void {
  const size = chunk.length.toString(16);
  outbox.reserve(size.length + chunk.length + 4);
  let at = putRaw(outbox.bytes, outbox.length, size);
  outbox.bytes[at++] = CR;
  outbox.bytes[at++] = LF;
  outbox.length = at;
  outbox.write(chunk);
  outbox.reserve(2); // what was reserved before may have left with the chunk
  at = outbox.length;
  outbox.bytes[at++] = CR;
  outbox.bytes[at++] = LF;
  outbox.length = at;
}

function putFraming(bytes: Buffer, start: number, length: BodyLength, fieldCase: FieldCase | undefined): number {
  if (fieldCase !== undefined) {
    if (length === CHUNKED) return putField(bytes, start, "transfer-encoding", "chunked", fieldCase);
    return length >= 0 ? putField(bytes, start, "content-length", String(length), fieldCase) : start;
  }
  if (length === CHUNKED) return putRaw(bytes, start, "transfer-encoding: chunked\r\n");
  return length >= 0 ? putRaw(bytes, start, `content-length: ${length}\r\n`) : start;
}

/**
 * Writes a response's head; returns the bytes of its field lines. `length` becomes content-length or transfer-encoding; any other
 * negative number writes neither. `upgrade` is the protocol of a 101.
 */
export function writeResponse(
  outbox: Outbox,
  status: number,
  headers: HeaderList,
  length: BodyLength,
  connection: ConnectionOption,
  upgrade: string,
  fieldCase: FieldCase | undefined,
): number {
  const statusLine = STATUS_LINES[status] ?? STATUS_LINES[502]!;
  outbox.reserve(statusLine.length + fieldBytes(headers) + upgrade.length + OWN_FIELDS_BYTES);
  const { bytes } = outbox;
  const fieldsAt = putRaw(bytes, outbox.length, statusLine);
  let at = putFields(bytes, fieldsAt, headers, fieldCase);
  at = putFraming(bytes, at, length, fieldCase);
  if (connection !== undefined) at = putField(bytes, at, "connection", connection, fieldCase);
  if (connection === "upgrade") at = putField(bytes, at, "upgrade", upgrade, fieldCase);
  const written = at - fieldsAt;
  bytes[at++] = CR;
  bytes[at++] = LF;
  outbox.length = at;
  return written;
}

/** Writes a request's head; `length` and what is returned are as for a response. */
export function writeRequest(outbox: Outbox, head: RequestHead, length: BodyLength): number {
  const { method, headers, upgrade, authority, fieldCase } = head;
  const target = method === "CONNECT" ? authority : head.path || "/";
  outbox.reserve(
    method.length + target.length + authority.length + fieldBytes(headers) + (upgrade?.length ?? 0) + OWN_FIELDS_BYTES,
  );
  const { bytes } = outbox;
  let at = put(bytes, outbox.length, method, WRITTEN_TARGET);
  bytes[at++] = SP;
  at = put(bytes, at, target, WRITTEN_TARGET);
  const fieldsAt = putRaw(bytes, at, " HTTP/1.1\r\n");
  at = putField(bytes, fieldsAt, "host", authority, fieldCase);
  at = putFields(bytes, at, headers, fieldCase);
  at = putFraming(bytes, at, length, fieldCase);
  if (upgrade !== undefined) {
    at = putField(bytes, at, "connection", "upgrade", fieldCase);
    at = putField(bytes, at, "upgrade", upgrade, fieldCase);
  } else if (getHeader(headers, "te") !== undefined) at = putField(bytes, at, "connection", "te", fieldCase); // RFC 9110 10.1.4
  const written = at - fieldsAt;
  bytes[at++] = CR;
  bytes[at++] = LF;
  outbox.length = at;
  return written;
}
