// What a connection speaks, from its first bytes (Envoy's tls_inspector and http_inspector). The bytes are kept for who takes it over.

import { Deadline, timers } from "../base/timer-wheel.ts";
import type { ByteListener, ByteStream } from "../net/byte-stream.ts";

export interface Sniffed {
  readonly transport: "tls" | "raw_buffer";
  /** SNI of a ClientHello, "" without. */
  readonly serverName: string;
  /** ALPN of a ClientHello; `http/1.1` or `h2c` for HTTP in the clear. */
  readonly applicationProtocols: readonly string[];
}

export const RAW: Sniffed = { transport: "raw_buffer", serverName: "", applicationProtocols: [] };

/** Envoy's max_client_hello_size. */
const MAX_CLIENT_HELLO = 16 * 1024;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** The longest method that is waited for; a request line ends within this. */
const MAX_REQUEST_LINE = 8 * 1024;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]);

/** Undefined: more bytes are needed. */
export function sniffHttp(bytes: Buffer): readonly string[] | undefined {
  const prefix = Math.min(bytes.length, PREFACE.length);
  if (bytes.subarray(0, prefix).equals(PREFACE.subarray(0, prefix)))
    return prefix === PREFACE.length ? ["h2c"] : undefined;
  const space = bytes.subarray(0, 8).indexOf(0x20);
  const method = bytes.toString("latin1", 0, space === -1 ? Math.min(bytes.length, 8) : space);
  if (space === -1) return bytes.length < 8 && [...METHODS].some((known) => known.startsWith(method)) ? undefined : [];
  if (!METHODS.has(method)) return [];
  const end = bytes.indexOf("\r\n");
  if (end === -1) return bytes.length < MAX_REQUEST_LINE ? undefined : [];
  const version = bytes.toString("latin1", Math.max(0, end - 9), end);
  return version === " HTTP/1.1" ? ["http/1.1"] : version === " HTTP/1.0" ? ["http/1.0"] : [];
}

/** SNI and ALPN of a ClientHello (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1). Undefined: more bytes are needed. */
export function sniffClientHello(bytes: Buffer): Sniffed | undefined {
  const incomplete = bytes.length < MAX_CLIENT_HELLO ? undefined : { ...RAW, transport: "tls" as const };
  if (bytes.length < 5) return incomplete;
  const recordEnd = 5 + bytes.readUInt16BE(3);
  if (bytes.length < recordEnd) return incomplete;
  const hello = bytes.subarray(5, recordEnd);
  try {
    return readClientHello(hello);
  } catch {
    return { ...RAW, transport: "tls" }; // a ClientHello in several records, or none: TLS, but of whom it does not say
  }
}

function readClientHello(hello: Buffer): Sniffed {
  if (hello[0] !== 1) throw new RangeError("not a ClientHello");
  let at = 4 + 2 + 32;
  at += 1 + hello.readUInt8(at); // session id
  at += 2 + hello.readUInt16BE(at); // cipher suites
  at += 1 + hello.readUInt8(at); // compression methods
  const end = at + 2 + hello.readUInt16BE(at);
  at += 2;
  let serverName = "";
  const applicationProtocols: string[] = [];
  while (at + 4 <= end) {
    const type = hello.readUInt16BE(at);
    const length = hello.readUInt16BE(at + 2);
    const extension = hello.subarray(at + 4, at + 4 + length);
    if (type === 0) serverName = extension.toString("latin1", 5, 5 + extension.readUInt16BE(3)).toLowerCase();
    if (type === 16) {
      for (let i = 2; i < extension.length; i += 1 + extension.readUInt8(i))
        applicationProtocols.push(extension.toString("latin1", i + 1, i + 1 + extension.readUInt8(i)));
    }
    at += 4 + length;
  }
  return { transport: "tls", serverName, applicationProtocols };
}

const TLS_HANDSHAKE = 0x16;

/** Undefined: more bytes are needed. */
export function sniff(bytes: Buffer, want: { readonly tls: boolean; readonly http: boolean }): Sniffed | undefined {
  if (want.tls && bytes[0] === TLS_HANDSHAKE) return sniffClientHello(bytes);
  if (!want.http) return RAW;
  const applicationProtocols = sniffHttp(bytes);
  return applicationProtocols && { ...RAW, applicationProtocols };
}

/** What was found, the bytes that were read for it, and whether the client's end came behind them. */
type Done = (sniffed: Sniffed | "timeout" | "closed", bytes: Buffer | undefined, ended: boolean) => void;

/** Reads from a stream until it is known what it speaks, or the time is up. */
export class Sniffer extends Deadline implements ByteListener {
  readonly #stream: ByteStream;
  readonly #want: { readonly tls: boolean; readonly http: boolean };
  readonly #done: Done;
  #bytes: Buffer | undefined;

  constructor(
    stream: ByteStream,
    want: { readonly tls: boolean; readonly http: boolean; readonly timeoutMs: number },
    done: Done,
  ) {
    super();
    this.#stream = stream;
    this.#want = want;
    this.#done = done;
    stream.listener = this;
    if (want.timeoutMs > 0) timers.arm(this, want.timeoutMs);
  }

  receive(chunk: Uint8Array): void {
    this.#bytes = this.#bytes ? Buffer.concat([this.#bytes, chunk]) : Buffer.from(chunk);
    const sniffed = sniff(this.#bytes, this.#want);
    if (!sniffed) return;
    timers.disarm(this);
    this.#done(sniffed, this.#bytes, false);
  }

  onDeadline(): void {
    this.#done("timeout", this.#bytes, false);
  }

  drained(): void {}

  /** The client ended before it said what it speaks: bytes, if anything. */
  ended(): void {
    timers.disarm(this);
    if (this.#bytes) this.#done(RAW, this.#bytes, true);
    else this.#stream.terminate();
  }

  closed(): void {
    timers.disarm(this);
    this.#done("closed", undefined, true);
  }
}
