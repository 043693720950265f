// A client that speaks HTTP/2 in the clear from its first byte.

import http2, { type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Http2Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly trailers?: Readonly<Record<string, string>>;
}

/** Resolves with the whole answer; rejects when the stream is reset or silent for 10 s. */
export function answerOn(stream: ClientHttp2Stream): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let headers: IncomingHttpHeaders & { ":status"?: number | undefined } = {};
    let trailers: IncomingHttpHeaders = {};
    const timer = setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), 10_000);
    stream.on("response", (fields) => {
      headers = fields;
    });
    stream.on("trailers", (fields) => {
      trailers = fields;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("end", () =>
      resolve({ status: headers[":status"] ?? 0, headers, trailers, body: Buffer.concat(chunks) }),
    );
    stream.on("close", () => clearTimeout(timer));
    stream.on("close", () => reject(new Error(`the stream closed with code ${stream.rstCode}`)));
  });
}

export class Http2Client {
  readonly session: ClientHttp2Session;

  /** `to`: a port of this machine, or the path of a Unix socket behind which the authority is asked for. */
  constructor(to: number | { readonly path: string; readonly authority: string }) {
    this.session =
      typeof to === "number"
        ? http2.connect(`http://127.0.0.1:${to}`)
        : http2.connect(`http://${to.authority}`, { createConnection: () => connect(to.path) });
    this.session.on("error", () => {}); // told by its streams
  }

  ask(path: string, { method = "GET", headers = {}, body, trailers }: Http2Request = {}): Promise<Http2Answer> {
    const stream = this.session.request(
      { ":method": method, ":path": path, ...headers },
      { endStream: body === undefined && trailers === undefined, waitForTrailers: trailers !== undefined },
    );
    const answer = answerOn(stream);
    if (trailers) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    if (body !== undefined || trailers) stream.end(body ?? Buffer.alloc(0));
    return answer;
  }

  close(): void {
    this.session.close();
  }
}
