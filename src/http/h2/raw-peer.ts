// The other end of a wire for tests: frames made by hand, right or wrong, and what the connection under test answers, in words.

import type { HeaderList } from "../headers.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "../limits.ts";
import { MemoryTransport, settle } from "../memory-transport.ts";
import type {
  RequestHead,
  ResetReason,
  ResponseHead,
  ResponseListener,
  ServerConnectionListener,
  ServerStream,
  StreamListener,
} from "../stream.ts";
import { Http2ClientConnection } from "./client-connection.ts";
import { FieldBlock } from "./field-block.ts";
import { ERROR, FLAG, FRAME, PREFACE, readUint31, readUint32, writeFrameHead } from "./frame.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { Http2ServerConnection } from "./server-connection.ts";

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array | string = ""): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload, "latin1") : payload;
  const head = Buffer.alloc(9);
  writeFrameHead(head, 0, bytes.length, type, flags, streamId);
  return Buffer.concat([head, bytes]);
}

/** An integer of four bytes. */
export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value >>> 0, index * 4);
  });
  return bytes;
}

function hpackString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const length = [Math.min(bytes.length, 127)];
  for (let rest = bytes.length - 127; rest >= 0; rest >>>= 7) {
    length.push(rest >= 128 ? (rest & 127) | 128 : rest);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** A block of fields, none of them indexed, in any order and however malformed: name, value, name, value, … */
export function block(...fields: string[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    parts.push(Buffer.from([0x00]), hpackString(fields[i]!), hpackString(fields[i + 1]!));
  }
  return Buffer.concat(parts);
}

export const GET = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test"];
export const POST = [":method", "POST", ":scheme", "http", ":path", "/", ":authority", "a.test"];

/** A whole head in one frame. */
export function headers(streamId: number, fields: readonly string[], end = false): Buffer {
  return frame(FRAME.headers, FLAG.endHeaders | (end ? FLAG.endStream : 0), streamId, block(...fields));
}

export function data(streamId: number, text: string, end = false): Buffer {
  return frame(FRAME.data, end ? FLAG.endStream : 0, streamId, text);
}

export const SETTINGS = frame(FRAME.settings, 0, 0);

export function settingsOf(...entries: [setting: number, value: number][]): Buffer {
  const parts = entries.map(([setting, value]) => Buffer.concat([Buffer.from([0, setting]), uint32(value)]));
  return frame(FRAME.settings, 0, 0, Buffer.concat(parts));
}

export function rst(streamId: number, code: number): Buffer {
  return frame(FRAME.rstStream, 0, streamId, uint32(code));
}

export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(FRAME.windowUpdate, 0, streamId, uint32(increment));
}

function nameOf(table: Readonly<Record<string, number>>, code: number): string {
  return Object.entries(table).find(([, value]) => value === code)?.[0] ?? String(code);
}

/** Reads frames, one line each: `headers 1 end :status=200 a=b`, `rstStream 1 cancel`, `goaway 3 protocolError http2.bad_payload`. */
export class FrameLog {
  readonly lines: string[] = [];
  readonly #decoder = new HpackDecoder();
  #rest = Buffer.alloc(0);
  readonly #fragments: Buffer[] = [];

  read(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (this.#rest.subarray(0, PREFACE.length).equals(PREFACE)) this.#rest = this.#rest.subarray(PREFACE.length);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) return;
      const payload = this.#rest.subarray(9, 9 + length);
      this.lines.push(this.#describe(this.#rest[3]!, this.#rest[4]!, readUint31(this.#rest, 5), payload));
      this.#rest = this.#rest.subarray(9 + length);
    }
  }

  #describe(type: number, flags: number, streamId: number, payload: Buffer): string {
    const name = nameOf(FRAME, type);
    const end = flags & FLAG.endStream ? " end" : "";
    switch (type) {
      case FRAME.headers:
      case FRAME.continuation:
        this.#fragments.push(payload);
        return `${name} ${streamId}${end}${flags & FLAG.endHeaders ? this.#fields() : ` ${payload.length} bytes`}`;
      case FRAME.data:
        return `${name} ${streamId}${end} ${payload.length > 40 ? `${payload.length} bytes` : payload.toString("latin1")}`.trimEnd();
      case FRAME.rstStream:
        return `${name} ${streamId} ${nameOf(ERROR, readUint32(payload, 0))}`;
      case FRAME.goaway:
        return `${name} ${readUint31(payload, 0)} ${nameOf(ERROR, readUint32(payload, 4))} ${payload.subarray(8)}`.trimEnd();
      case FRAME.windowUpdate:
        return `${name} ${streamId} ${readUint31(payload, 0)}`;
      default:
        return `${name}${flags & FLAG.ack ? " ack" : ""}`;
    }
  }

  #fields(): string {
    const whole = Buffer.concat(this.#fragments.splice(0));
    const collected = new FieldBlock(DEFAULT_LIMITS);
    this.#decoder.decode(whole, 0, whole.length, collected);
    const { method, path, authority, scheme, protocol, status, contentLength } = collected;
    const pseudo = {
      ":method": method,
      ":path": path,
      ":authority": authority,
      ":scheme": scheme,
      ":protocol": protocol,
    };
    const parts = Object.entries({ ...pseudo, ":status": status }).flatMap(([name, value]) =>
      value ? [name, value] : [],
    );
    if (contentLength >= 0) parts.push("content-length", String(contentLength));
    return fieldText([...parts, ...collected.takeHeaders()]);
  }
}

function fieldText(fields: HeaderList): string {
  let text = "";
  for (let i = 0; i < fields.length; i += 2) text += ` ${fields[i]}=${fields[i + 1]}`;
  return text;
}

/** Writes down what a stream's owner is told. Data that comes in parts is one line. */
export class StreamRecorder implements StreamListener, ResponseListener {
  readonly lines: string[];
  readonly #name: string;
  received = Buffer.alloc(0);

  constructor(name: string, lines: string[]) {
    this.#name = name;
    this.lines = lines;
  }

  #flush(): void {
    if (this.received.length === 0) return;
    const text = this.received.length > 40 ? `${this.received.length} bytes` : this.received.toString("latin1");
    this.received = Buffer.alloc(0);
    this.lines.push(`${this.#name} data ${text}`);
  }

  onInform(status: number, headers: HeaderList): void {
    this.lines.push(`${this.#name} inform ${status}${fieldText(headers)}`);
  }

  onResponse(head: ResponseHead, end: boolean): void {
    const length = head.contentLength >= 0 ? ` (${head.contentLength})` : "";
    this.lines.push(`${this.#name} response ${head.status}${length}${fieldText(head.headers)}${end ? " end" : ""}`);
  }

  onData(chunk: Uint8Array): void {
    this.received = Buffer.concat([this.received, chunk]);
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.#flush();
    this.lines.push(`${this.#name} end${trailers ? fieldText(trailers) : ""}`);
  }

  onReset(reason: ResetReason): void {
    this.#flush();
    this.lines.push(`${this.#name} reset ${reason}`);
  }

  onWritable(): void {
    this.lines.push(`${this.#name} writable`);
  }
}

/** A server connection with an owner that writes down what it is told, and the raw client at its other end. */
export class RawClient implements ServerConnectionListener {
  readonly transport: MemoryTransport;
  readonly server: Http2ServerConnection;
  /** What the owner was told. */
  readonly events: string[] = [];
  readonly streams: ServerStream[] = [];
  readonly heads: RequestHead[] = [];
  /** Called for each request, after it was written down. */
  onStream: ((stream: ServerStream, head: RequestHead) => void) | undefined;
  readonly #log = new FrameLog();

  constructor(limits: Partial<HttpLimits> = {}, capacity?: number) {
    const [near, far] = MemoryTransport.pair(capacity);
    this.transport = far;
    this.server = new Http2ServerConnection(near, this, { ...DEFAULT_LIMITS, ...limits }, "http");
    near.attach(this.server);
  }

  /** With the preface and SETTINGS sent, and the server's taken. */
  static async open(limits: Partial<HttpLimits> = {}, capacity?: number): Promise<RawClient> {
    const client = new RawClient(limits, capacity);
    await client.send(PREFACE, SETTINGS);
    return client;
  }

  onRequest(stream: ServerStream, head: RequestHead, end: boolean): void {
    const name = `#${this.streams.length}`;
    const length = head.contentLength >= 0 ? ` (${head.contentLength})` : "";
    const upgrade = head.upgrade === undefined ? "" : ` upgrade ${head.upgrade}`;
    const line = `${head.method} ${head.scheme}://${head.authority}${head.path}${upgrade}${length}${fieldText(head.headers)}`;
    this.events.push(`${name} ${line}${end ? " end" : ""}`);
    stream.listener = new StreamRecorder(name, this.events);
    this.streams.push(stream);
    this.heads.push(head);
    this.onStream?.(stream, head);
  }

  onRefused(status: number, detail: string): void {
    this.events.push(`refused ${status} ${detail}`);
  }

  onClosed(): void {
    this.events.push("closed");
  }

  /** Sends, lets everything happen, and returns the frames that came back since the last time. */
  async send(...frames: Uint8Array[]): Promise<string[]> {
    if (frames.length > 0) this.transport.write(Buffer.concat(frames));
    await settle();
    this.#log.read(this.transport.take());
    return this.#log.lines.splice(0);
  }
}

/** A client connection and the raw server at its other end. */
export class RawServer {
  readonly transport: MemoryTransport;
  readonly client: Http2ClientConnection;
  /** What the owner of the connection and of its streams was told. */
  readonly events: string[] = [];
  readonly #log = new FrameLog();

  constructor(limits: Partial<HttpLimits> = {}, capacity?: number) {
    const [near, far] = MemoryTransport.pair(capacity);
    this.transport = far;
    const told = {
      onAvailable: () => this.events.push("available"),
      onDraining: () => this.events.push("draining"),
      onClosed: () => this.events.push("closed"),
    };
    this.client = new Http2ClientConnection(near, told, { ...DEFAULT_LIMITS, ...limits });
    near.attach(this.client);
  }

  /** With SETTINGS exchanged. */
  static async open(limits: Partial<HttpLimits> = {}, capacity?: number): Promise<RawServer> {
    const server = new RawServer(limits, capacity);
    await server.send(SETTINGS);
    return server;
  }

  recorder(name: string): StreamRecorder {
    return new StreamRecorder(name, this.events);
  }

  async send(...frames: Uint8Array[]): Promise<string[]> {
    if (frames.length > 0) this.transport.write(Buffer.concat(frames));
    await settle();
    this.#log.read(this.transport.take());
    return this.#log.lines.splice(0);
  }
}
