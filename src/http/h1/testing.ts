// What the codec's tests share: an end of a connection that writes down what it is told, on a wire whose other end is raw bytes.

import type { HeaderList } from "../headers.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "../limits.ts";
import { MemoryTransport } from "../memory-transport.ts";
import type {
  ClientConnectionListener,
  RequestHead,
  ResponseHead,
  ResponseListener,
  ServerConnectionListener,
  ServerStream,
  StreamListener,
} from "../stream.ts";
import { Http1ClientConnection } from "./client-connection.ts";
import { Http1ServerConnection } from "./server-connection.ts";

export const CRLF = "\r\n";

/** Lines with CRLF behind each, and the empty line. */
export function lines(...parts: string[]): string {
  return `${parts.join(CRLF)}${CRLF}${CRLF}`;
}

function fields(headers: HeaderList): string {
  let text = "";
  for (let i = 0; i < headers.length; i += 2) text += ` ${headers[i]}=${JSON.stringify(headers[i + 1])}`;
  return text;
}

/** Events as text; consecutive data is joined, as its pieces depend on how the bytes came. */
class Recorder implements StreamListener {
  readonly events: string[] = [];
  #inData = false;

  note(event: string): void {
    this.#inData = false;
    this.events.push(event);
  }

  onData(chunk: Uint8Array): void {
    const text = Buffer.from(chunk).toString("latin1");
    if (this.#inData) this.events[this.events.length - 1] += text;
    else this.events.push(`data ${text}`);
    this.#inData = true;
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.note(trailers === undefined ? "end" : `end${fields(trailers) || " with no trailers"}`);
  }

  onReset(reason: string): void {
    this.note(`reset ${reason}`);
  }

  onWritable(): void {
    this.note("writable");
  }

  onClosed(): void {
    this.note("closed");
  }

  /** Events so far, and forgets them. */
  take(): string[] {
    this.#inData = false;
    return this.events.splice(0);
  }
}

export class RecordingServer extends Recorder implements ServerConnectionListener {
  readonly connection: Http1ServerConnection;
  /** The raw end. */
  readonly wire: MemoryTransport;
  /** The codec's end. */
  readonly transport: MemoryTransport;
  /** Of the latest request. */
  stream!: ServerStream;
  head!: RequestHead;
  /** Called for each request. */
  answer: (stream: ServerStream, head: RequestHead, end: boolean) => void = () => {};

  constructor(limits: Partial<HttpLimits> = {}, scheme: "http" | "https" = "http", wire = MemoryTransport.pair()) {
    super();
    [this.wire, this.transport] = wire;
    this.connection = new Http1ServerConnection(this.transport, this, { ...DEFAULT_LIMITS, ...limits }, scheme);
    this.transport.attach(this.connection);
  }

  onRequest(stream: ServerStream, head: RequestHead, end: boolean): void {
    this.stream = stream;
    this.head = head;
    stream.listener = this;
    const { method, scheme, authority, path, protocol, contentLength, upgrade } = head;
    const facts = [method, scheme, authority || "-", path || "-", protocol, contentLength];
    this.note(
      `request ${facts.join(" ")}${upgrade ? ` upgrade ${upgrade}` : ""}${fields(head.headers)}${end ? " end" : ""}`,
    );
    this.answer(stream, head, end);
  }

  onRefused(status: number, detail: string): void {
    this.note(`refused ${status} ${detail}`);
  }

  /** Raw bytes to the server, in one piece. */
  send(text: string): void {
    this.connection.receive(Buffer.from(text, "latin1"));
  }

  /** What the server wrote so far, without Date fields. */
  written(): string {
    return this.wire
      .take()
      .toString("latin1")
      .replace(/date: [^\r]*\r\n/g, "");
  }
}

export class RecordingClient extends Recorder implements ClientConnectionListener, ResponseListener {
  readonly connection: Http1ClientConnection;
  readonly wire: MemoryTransport;
  readonly transport: MemoryTransport;
  /** Called when a response or its body ended, from within the codec. */
  onDone: () => void = () => {};

  constructor(limits: Partial<HttpLimits> = {}, wire = MemoryTransport.pair()) {
    super();
    [this.wire, this.transport] = wire;
    this.connection = new Http1ClientConnection(this.transport, this, { ...DEFAULT_LIMITS, ...limits });
    this.transport.attach(this.connection);
  }

  onInform(status: number, headers: HeaderList): void {
    this.note(`inform ${status}${fields(headers)}`);
  }

  onResponse(head: ResponseHead, end: boolean): void {
    this.note(`response ${head.status} ${head.contentLength}${fields(head.headers)}${end ? " end" : ""}`);
    if (end) this.onDone();
  }

  override onEnd(trailers: HeaderList | undefined): void {
    super.onEnd(trailers);
    this.onDone();
  }

  onAvailable(): void {
    this.note("available");
  }

  onDraining(): void {
    this.note("draining");
  }

  send(text: string): void {
    this.connection.receive(Buffer.from(text, "latin1"));
  }

  written(): string {
    return this.wire.take().toString("latin1");
  }
}
