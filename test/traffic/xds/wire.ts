// HTTP/1.1 as the suite itself reads and writes it: simple, and none of the code under test.

import type { HeaderList } from "../../../src/http/headers.ts";

/** Name and value as they were on the wire, in order. */
export type Field = readonly [name: string, value: string];

export function fieldOf(fields: readonly Field[], name: string): string | undefined {
  return fields.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

/** Every value of `name`, in order. */
export function fieldsOf(fields: readonly Field[], name: string): readonly string[] {
  return fields.flatMap(([key, value]) => (key.toLowerCase() === name.toLowerCase() ? [value] : []));
}

export interface WireMessage {
  /** `GET / HTTP/1.1` or `HTTP/1.1 200 OK`. */
  readonly startLine: string;
  readonly fields: readonly Field[];
  readonly body: Buffer;
  readonly trailers: readonly Field[];
}

/** How long a body is, told by its head. */
type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  /** A response without a length: to the end of the connection. */
  | { readonly kind: "close" };

function parseHead(text: string): { startLine: string; fields: Field[] } {
  const [startLine = "", ...lines] = text.split("\r\n");
  return { startLine, fields: lines.map(parseField) };
}

function parseField(line: string): Field {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function requestFraming(fields: readonly Field[]): Framing {
  if (fieldOf(fields, "transfer-encoding") === "chunked") return { kind: "chunked" };
  const length = fieldOf(fields, "content-length");
  return length === undefined ? { kind: "none" } : { kind: "length", length: Number(length) };
}

/** RFC 9112 6.3. */
function responseFraming(status: number, fields: readonly Field[], method: string): Framing {
  const bodiless = method === "HEAD" || status < 200 || status === 204 || status === 304;
  if (bodiless || (method === "CONNECT" && status < 300)) return { kind: "none" };
  const framing = requestFraming(fields);
  return framing.kind === "none" ? { kind: "close" } : framing;
}

interface Chunked {
  readonly body: Buffer;
  readonly trailers: readonly Field[];
  readonly end: number;
}

/** Undefined while it is not all here. */
function readChunked(bytes: Buffer, start: number): Chunked | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const line = bytes.indexOf("\r\n", at);
    if (line === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (size === 0) return readTrailers(bytes, line + 2, Buffer.concat(parts));
    if (bytes.length < line + 2 + size + 2) return undefined;
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

function readTrailers(bytes: Buffer, start: number, body: Buffer): Chunked | undefined {
  if (bytes.indexOf("\r\n", start) === start) return { body, trailers: [], end: start + 2 };
  const end = bytes.indexOf("\r\n\r\n", start);
  if (end === -1) return undefined;
  return { body, trailers: bytes.toString("latin1", start, end).split("\r\n").map(parseField), end: end + 4 };
}

/** One direction of a connection: takes bytes, gives messages one after the other. */
export class MessageReader {
  #bytes = Buffer.alloc(0);
  #ended = false;

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
  }

  /** The sender closed. */
  end(): void {
    this.#ended = true;
  }

  /** Bytes that are no whole message yet. */
  get rest(): string {
    return this.#bytes.toString("latin1");
  }

  /** The next head without taking it: what an application may answer before the body came. */
  peekHead(): { startLine: string; fields: readonly Field[] } | undefined {
    const end = this.#bytes.indexOf("\r\n\r\n");
    return end === -1 ? undefined : parseHead(this.#bytes.toString("latin1", 0, end));
  }

  nextRequest(): WireMessage | undefined {
    return this.#next(({ fields }) => requestFraming(fields));
  }

  /** `method` of the request that it answers. */
  nextResponse(method: string): WireMessage | undefined {
    return this.#next(({ startLine, fields }) => responseFraming(statusOf(startLine), fields, method));
  }

  #next(framingOf: (head: { startLine: string; fields: Field[] }) => Framing): WireMessage | undefined {
    const headEnd = this.#bytes.indexOf("\r\n\r\n");
    if (headEnd === -1) return undefined;
    const head = parseHead(this.#bytes.toString("latin1", 0, headEnd));
    const start = headEnd + 4;
    const found = this.#readBody(framingOf(head), start);
    if (!found) return undefined;
    this.#bytes = this.#bytes.subarray(found.end);
    return { ...head, body: Buffer.from(found.body), trailers: found.trailers };
  }

  #readBody(framing: Framing, start: number): Chunked | undefined {
    const bytes = this.#bytes;
    switch (framing.kind) {
      case "none":
        return { body: Buffer.alloc(0), trailers: [], end: start };
      case "length": {
        const end = start + framing.length;
        return bytes.length < end ? undefined : { body: bytes.subarray(start, end), trailers: [], end };
      }
      case "chunked":
        return readChunked(bytes, start);
      case "close":
        return this.#ended ? { body: bytes.subarray(start), trailers: [], end: bytes.length } : undefined;
    }
  }
}

export function statusOf(startLine: string): number {
  return Number(startLine.split(" ")[1]);
}

export function formatHead(startLine: string, fields: readonly Field[]): string {
  return `${[startLine, ...fields.map(([name, value]) => `${name}: ${value}`)].join("\r\n")}\r\n\r\n`;
}

export function formatChunked(chunks: readonly Buffer[], trailers: readonly Field[]): Buffer {
  const parts = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from("\r\n"),
  ]);
  const tail = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([...parts, Buffer.from(`0\r\n${tail}\r\n`)]);
}

export function fieldsOfList(list: HeaderList): Field[] {
  const fields: Field[] = [];
  for (let i = 0; i < list.length; i += 2) fields.push([list[i]!, list[i + 1]!]);
  return fields;
}

export function listOfFields(fields: readonly Field[]): HeaderList {
  return fields.flatMap(([name, value]) => [name.toLowerCase(), value]);
}
