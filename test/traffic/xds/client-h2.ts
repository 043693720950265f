// A client that speaks HTTP/2 with prior knowledge. For frames made by hand, `client.connect()` and src/http/h2/raw-peer.ts.

import { until } from "../../../src/base/until-fixture.ts";
import { frameMessage } from "../../../src/grpc/message.ts";
import { Http2ClientConnection } from "../../../src/http/h2/client-connection.ts";
import { DEFAULT_LIMITS } from "../../../src/http/limits.ts";
import { type ClientStream, RequestHead, type ResetReason, type ResponseHead } from "../../../src/http/stream.ts";
import { connect } from "../../../src/net/connect.ts";
import type { Place } from "./message.ts";
import { AUTHORITY, type ClientResponse, clientResponse, fieldList, type RequestOptions } from "./response.ts";
import { type Field, fieldsOfList, listOfFields } from "./wire.ts";

const WITHIN_MS = 8_000;

/** A stream under way: what came of it so far. */
export class Http2Call {
  stream!: ClientStream;
  head: ResponseHead | undefined;
  readonly informed: number[] = [];
  readonly chunks: Buffer[] = [];
  trailers: readonly Field[] = [];
  ended = false;
  reset: ResetReason | undefined;

  onInform(status: number): void {
    this.informed.push(status);
  }

  onResponse(head: ResponseHead, end: boolean): void {
    this.head = head;
    this.ended = end;
  }

  onData(chunk: Uint8Array): void {
    this.chunks.push(Buffer.from(chunk));
  }

  onEnd(trailers: readonly string[] | undefined): void {
    this.trailers = fieldsOfList([...(trailers ?? [])]);
    this.ended = true;
  }

  onReset(reason: ResetReason): void {
    this.reset = reason;
  }

  onWritable(): void {}

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** @throws Error when the stream is reset before it ends. */
  async response(): Promise<ClientResponse> {
    await until(
      "the stream ends",
      () => {
        if (this.reset !== undefined) throw new Error(`the stream was reset: ${this.reset}`);
        return this.ended;
      },
      WITHIN_MS,
    );
    const head = this.head!;
    return clientResponse(head.status, {
      fields: fieldsOfList(head.headers),
      body: this.body,
      trailers: this.trailers,
    });
  }
}

export class Http2Client {
  readonly connection: Http2ClientConnection;
  closed = false;
  readonly #terminate: () => void;

  private constructor(connection: Http2ClientConnection, terminate: () => void) {
    this.connection = connection;
    this.#terminate = terminate;
  }

  static connect({ host, port }: Place): Promise<Http2Client> {
    const { promise, resolve, reject } = Promise.withResolvers<Http2Client>();
    connect({ kind: "tcp", host, port }, undefined, WITHIN_MS, {
      onConnected(transport) {
        const listener = { onAvailable() {}, onDraining() {}, onClosed: () => client.onClosed() };
        const connection = new Http2ClientConnection(transport, listener, DEFAULT_LIMITS);
        const client = new Http2Client(connection, () => transport.terminate());
        transport.listener = connection;
        resolve(client);
      },
      onConnectFailure: (detail) => reject(new Error(detail)),
    });
    return promise;
  }

  /** Begins a stream; with `open`, more of the request is to follow by `call.stream.write` and `end`. */
  begin(path: string, options: RequestOptions & { readonly open?: boolean } = {}): Http2Call {
    const { method = "GET", headers, body, authority = AUTHORITY, open = false } = options;
    const list = listOfFields(fieldList(headers));
    const length = body === undefined || open ? -1 : Buffer.byteLength(body, "latin1");
    const head = new RequestHead(method, "http", authority, path, list, "HTTP/2", length, undefined);
    const call = new Http2Call();
    call.stream = this.connection.request(head, body === undefined && !open, call);
    if (body !== undefined) call.stream.write(Buffer.from(body, "latin1"));
    if (body !== undefined && !open) call.stream.end();
    return call;
  }

  request(path: string, options: RequestOptions = {}): Promise<ClientResponse> {
    return this.begin(path, options).response();
  }

  /** One gRPC call: messages out, and the whole answer with its trailers. */
  grpc(
    path: string,
    messages: readonly string[],
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ClientResponse> {
    const body = Buffer.concat(messages.map((message) => frameMessage(Buffer.from(message)))).toString("latin1");
    const fields = { "content-type": "application/grpc", te: "trailers", ...headers };
    return this.request(path, { method: "POST", headers: fields, body });
  }

  private onClosed(): void {
    this.closed = true;
  }

  close(): void {
    this.#terminate();
  }
}
