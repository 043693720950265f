// A client of HTTP/2 in the clear, with gRPC as one of its uses: many streams of one session, and another session when the peer has the
// one go.

import http2, { type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Exchange } from "../plan.ts";
import { Attending, headersOf, isFramed } from "./client.ts";
import type { Outcome, Place } from "./told.ts";

const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR } = http2.constants;
/** Before Node has asked for the stream at all. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  "ERR_HTTP2_GOAWAY_SESSION",
  "ERR_HTTP2_INVALID_SESSION",
  "ECONNREFUSED",
]);

export class Http2Client {
  readonly #place: Place;
  #session: ClientHttp2Session | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  #live(): ClientHttp2Session {
    const known = this.#session;
    if (known && !known.closed && !known.destroyed) return known;
    const session = http2.connect(`http://${this.#place.host}:${this.#place.port}`);
    session.on("error", () => {}); // told by its streams
    session.on("goaway", () => session.close());
    this.#session = session;
    return session;
  }

  run(exchange: Exchange): Promise<Outcome> {
    const session = this.#live();
    const grpc = isFramed(exchange) ? { "content-type": "application/grpc", te: "trailers" } : {};
    let stream: ClientHttp2Stream;
    const attending = new Attending(exchange, () => stream.close(NGHTTP2_CANCEL));
    try {
      const hasBody = exchange.method === "POST";
      stream = session.request(
        { ":method": exchange.method, ":path": exchange.path, ...headersOf(exchange), ...grpc },
        { endStream: !hasBody },
      );
      this.#attend(attending, stream, session.socket, hasBody);
    } catch (error) {
      attending.end("refused", String(error));
    }
    return attending.over;
  }

  #attend(attending: Attending, stream: ClientHttp2Stream, socket: Socket | undefined, hasBody: boolean): void {
    attending.localPort = socket?.localPort ?? 0;
    let error: (Error & { code?: string }) | undefined;
    let ended = false;
    stream.on("response", (fields) => {
      attending.status = Number(fields[":status"]);
      this.#status(attending, fields["grpc-status"]);
    });
    stream.on("trailers", (fields) => this.#status(attending, fields["grpc-status"]));
    stream.on("data", (chunk: Buffer) => attending.receives(chunk, stream));
    stream.on("error", (thrown) => {
      error = thrown;
    });
    stream.on("end", () => {
      ended = true;
    });
    stream.on("close", () => {
      const { rstCode } = stream;
      if (rstCode === NGHTTP2_REFUSED_STREAM || (error?.code && NEVER_SENT.has(error.code)))
        attending.end("refused", error?.code ?? "REFUSED_STREAM");
      else if (error || rstCode !== NGHTTP2_NO_ERROR || !ended)
        attending.breaks(error?.message ?? `closed with code ${rstCode}`);
      else attending.completes();
    });
    if (!hasBody) {
      if (attending.exchange.givesUp === 0) void attending.uploads(stream);
      return;
    }
    void attending.uploads(stream).then((sent) => {
      if (sent) stream.end();
    });
  }

  #status(attending: Attending, status: string | string[] | undefined): void {
    if (status !== undefined) attending.grpcStatus = Number(status);
  }

  close(): void {
    this.#session?.destroy();
  }
}
