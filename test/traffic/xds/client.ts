// The client before the proxy: exact requests on connections of its own, raw bytes, HTTP/2, WebSocket. Everything that it opened is
// closed when its case is over.

import { until } from "../../../src/base/until-fixture.ts";
import { connectRaw, type RawPeer } from "../../../src/proxy/raw-peer-fixture.ts";
import { Http2Client } from "./client-h2.ts";
import type { Place } from "./message.ts";
import { AUTHORITY, type ClientResponse, clientResponse, fieldList, type RequestOptions } from "./response.ts";
import { type Field, formatHead, MessageReader, statusOf } from "./wire.ts";

const WITHIN_MS = 8_000;

/** An HTTP/1.1 connection with requests one after the other, or as many at once as are written. */
export class Http1Client {
  readonly raw: RawPeer;
  readonly #reader = new MessageReader();
  #read = 0;

  constructor(raw: RawPeer) {
    this.raw = raw;
  }

  send(path: string, { method = "GET", headers, body, authority = AUTHORITY }: RequestOptions = {}): void {
    const fields: Field[] = [["host", authority], ...fieldList(headers)];
    const isFramed = fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
    if (body !== undefined && !isFramed) fields.push(["content-length", String(Buffer.byteLength(body, "latin1"))]);
    this.raw.send(formatHead(`${method} ${path} HTTP/1.1`, fields) + (body ?? ""));
  }

  /** The next response; informational ones are answers of their own. @throws Error when the connection ends without one. */
  async response(method = "GET"): Promise<ClientResponse> {
    const message = await this.raw.awaits(
      `a response to ${method}`,
      () => {
        const { text, ended } = this.raw;
        this.#reader.push(Buffer.from(text.slice(this.#read), "latin1"));
        this.#read = text.length;
        if (ended) this.#reader.end();
        const next = this.#reader.nextResponse(method);
        if (!next && ended) throw new Error(`the connection ended after ${JSON.stringify(this.#reader.rest)}`);
        return next;
      },
      WITHIN_MS,
    );
    return clientResponse(statusOf(message.startLine), message);
  }

  async request(path: string, options: RequestOptions = {}): Promise<ClientResponse> {
    this.send(path, options);
    for (;;) {
      const response = await this.response(options.method);
      if (response.status >= 200 || response.status === 101) return response;
    }
  }

  close(): void {
    this.raw.reset();
  }
}

export class Client {
  /** Of the listener under test. */
  readonly place: Place;
  readonly #closing: (() => void)[] = [];

  constructor(place: Place) {
    this.place = place;
  }

  /** A TCP connection that does what it is told to: `send`, `hears`, `isClosed`, `end`, `reset`. */
  async connect({ host, port }: Place = this.place): Promise<RawPeer> {
    const raw = await connectRaw(port, host);
    this.#closing.push(() => raw.reset());
    return raw;
  }

  async http1(): Promise<Http1Client> {
    return new Http1Client(await this.connect());
  }

  async http2(): Promise<Http2Client> {
    const http2 = await Http2Client.connect(this.place);
    this.#closing.push(() => http2.close());
    return http2;
  }

  /** One HTTP/1.1 request on a connection of its own. */
  async request(path: string, options: RequestOptions = {}): Promise<ClientResponse> {
    const connection = await this.http1();
    try {
      return await connection.request(path, options);
    } finally {
      connection.close();
    }
  }

  /** As `request`, but told when it is over how it went: a response, or the text of the error. */
  async outcome(path: string, options: RequestOptions = {}): Promise<ClientResponse | string> {
    return this.request(path, options).catch((thrown) => (thrown instanceof Error ? thrown.message : String(thrown)));
  }

  /** `count` requests at once, each on a connection of its own. */
  many(count: number, path: string, options: RequestOptions = {}): Promise<readonly ClientResponse[]> {
    return Promise.all(Array.from({ length: count }, () => this.request(path, options)));
  }

  /** `count` requests one after the other on one connection. */
  async inTurn(count: number, path: string, options: RequestOptions = {}): Promise<readonly ClientResponse[]> {
    const connection = await this.http1();
    const responses: ClientResponse[] = [];
    for (let i = 0; i < count; i++) responses.push(await connection.request(path, options));
    connection.close();
    return responses;
  }

  /** An open WebSocket, and what comes on it. */
  async webSocket(path: string): Promise<{ readonly socket: WebSocket; readonly messages: string[] }> {
    const socket = new WebSocket(`ws://${this.place.host}:${this.place.port}${path}`, {
      headers: { host: AUTHORITY },
    } as never);
    const messages: string[] = [];
    socket.onmessage = ({ data }) => messages.push(String(data));
    this.#closing.push(() => socket.terminate());
    await until(
      "the WebSocket opens",
      () => {
        if (socket.readyState > WebSocket.OPEN) throw new Error("the WebSocket was refused");
        return socket.readyState === WebSocket.OPEN;
      },
      WITHIN_MS,
    );
    return { socket, messages };
  }

  close(): void {
    for (const close of this.#closing.splice(0)) close();
  }
}
