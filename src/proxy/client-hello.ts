// SNI and ALPN of a ClientHello (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1), read as strictly as BoringSSL reads it afterwards: what two
// readers could read differently is no hello.

export interface ClientHello {
  readonly kind: "hello";
  /** In lower case; "" without one. */
  readonly serverName: string;
  readonly applicationProtocols: readonly string[];
}

/** `absent`: TLS does not begin like this, or not with a hello. */
export type ParsedClientHello = ClientHello | { readonly kind: "incomplete" | "absent" };

const INCOMPLETE: ParsedClientHello = { kind: "incomplete" };
const ABSENT: ParsedClientHello = { kind: "absent" };
const HANDSHAKE = 0x16;
const CLIENT_HELLO = 1;
const RECORD_HEADER_BYTES = 5;
/** RFC 8446 5.1. */
const MAX_RECORD_BYTES = 16_384;
/** Envoy's max_client_hello_size, which it takes for no hello beyond. */
const MAX_HELLO_BYTES = 16 * 1024;
/** With records around it that may be as short as a byte. */
const MAX_BYTES = 2 * MAX_HELLO_BYTES;
const MESSAGE_HEADER_BYTES = 4;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const ALPN = 16;

/** A hello may be cut over several records, and those over several packets. */
export function parseClientHello(bytes: Buffer): ParsedClientHello {
  const parts: Buffer[] = [];
  let gathered = 0;
  for (let at = 0; at < MAX_BYTES; ) {
    if (bytes.length > at && bytes[at] !== HANDSHAKE) return ABSENT;
    if (bytes.length > at + 1 && bytes[at + 1] !== 3) return ABSENT;
    if (bytes.length < at + RECORD_HEADER_BYTES) return INCOMPLETE;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MAX_RECORD_BYTES) return ABSENT;
    const part = bytes.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length);
    parts.push(part);
    gathered += part.length;
    const size = messageSize(parts);
    if (size > MAX_HELLO_BYTES) return ABSENT;
    if (gathered >= size) return readHello(Buffer.concat(parts).subarray(MESSAGE_HEADER_BYTES, size));
    if (part.length < length) return INCOMPLETE;
    at += RECORD_HEADER_BYTES + length;
  }
  return ABSENT;
}

/** With its header; infinite for what is no hello, and the least that is possible while its length has not come. */
function messageSize(parts: readonly Buffer[]): number {
  let size = 0;
  let count = 0;
  for (const part of parts) {
    for (const byte of part) {
      if (count === 0 && byte !== CLIENT_HELLO) return Number.POSITIVE_INFINITY;
      if (count > 0) size = size * 256 + byte;
      if (++count === MESSAGE_HEADER_BYTES) return MESSAGE_HEADER_BYTES + size;
    }
  }
  return MESSAGE_HEADER_BYTES + 1;
}

/** Reads vectors behind their lengths; `ok` turns false for good when one is longer than what is there. */
class Reader {
  ok = true;
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) {
      this.ok = false;
      return Buffer.alloc(0);
    }
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  number(bytes: 1 | 2): number {
    const field = this.take(bytes);
    return this.ok ? field.readUIntBE(0, bytes) : 0;
  }

  vector(lengthBytes: 1 | 2): Buffer {
    return this.take(this.number(lengthBytes));
  }
}

function readHello(bytes: Buffer): ParsedClientHello {
  const reader = new Reader(bytes);
  reader.take(2 + 32); // version, random
  reader.vector(1); // session id
  const suites = reader.vector(2);
  const compressions = reader.vector(1);
  if (!reader.ok || suites.length === 0 || suites.length % 2 === 1 || compressions.length === 0) return ABSENT;
  if (reader.atEnd) return { kind: "hello", serverName: "", applicationProtocols: [] };
  const extensions = new Reader(reader.vector(2));
  if (!reader.ok || !reader.atEnd) return ABSENT;
  let serverName: string | undefined = "";
  let applicationProtocols: readonly string[] | undefined = [];
  const seen = new Set<number>();
  while (!extensions.atEnd) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (!extensions.ok || seen.has(type)) return ABSENT;
    seen.add(type);
    if (type === SERVER_NAME) serverName = readServerName(body);
    if (type === ALPN) applicationProtocols = readProtocols(body);
  }
  return serverName === undefined || applicationProtocols === undefined
    ? ABSENT
    : { kind: "hello", serverName, applicationProtocols };
}

/** One name of the one type that there is (RFC 6066 3). */
function readServerName(body: Buffer): string | undefined {
  const outer = new Reader(body);
  const list = new Reader(outer.vector(2));
  const type = list.number(1);
  const name = list.vector(2);
  if (!outer.ok || !outer.atEnd || !list.ok || !list.atEnd || type !== HOST_NAME) return undefined;
  if (name.length === 0 || name.length > 255 || name.includes(0)) return undefined;
  return name.toString("latin1").toLowerCase();
}

function readProtocols(body: Buffer): string[] | undefined {
  const outer = new Reader(body);
  const list = new Reader(outer.vector(2));
  if (!outer.ok || !outer.atEnd || list.atEnd) return undefined;
  const protocols: string[] = [];
  while (!list.atEnd) {
    const protocol = list.vector(1);
    if (!list.ok || protocol.length === 0) return undefined;
    protocols.push(protocol.toString("latin1"));
  }
  return protocols;
}
