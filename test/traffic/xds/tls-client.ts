// A TLS client of its own before the proxy: any SNI, any ALPN, a hello in as many pieces as a case wants.

import { connect as connectTcp, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { until } from "../../../src/base/until-fixture.ts";
import { type Identity, ROOTS } from "./certificates.ts";
import type { Place } from "./message.ts";

export interface TlsOptions {
  readonly serverName?: string;
  readonly alpn?: readonly string[];
  readonly identity?: Identity;
  /** How many bytes of the hello go out at once. */
  readonly pieces?: number;
  /** Sent in the clear before the handshake. */
  readonly before?: Uint8Array;
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  /** Of key exchange; undefined: those of the library. */
  readonly curve?: string;
}

const PIECE_MS = 2;

/** Writes what comes first in pieces of `size` bytes. */
function inPieces(socket: Socket, size: number): Duplex {
  let first = true;
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      if (!first) {
        socket.write(chunk, () => done());
        return;
      }
      first = false;
      const next = (at: number): void => {
        if (at >= chunk.length) done();
        else socket.write(chunk.subarray(at, at + size), () => setTimeout(() => next(at + size), PIECE_MS));
      };
      next(0);
    },
    final(done) {
      socket.end(done);
    },
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk) => duplex.push(chunk));
  socket.on("end", () => duplex.push(null));
  socket.on("close", () => duplex.destroy());
  return duplex;
}

export class TlsClient {
  text = "";
  ended = false;
  readonly socket: TLSSocket;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.text += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.ended = true;
    });
  }

  /** @throws Error of the handshake. */
  static async connect(place: Place | { readonly path: string }, options: TlsOptions): Promise<TlsClient> {
    const tcp = connectTcp({ ...place });
    tcp.on("error", () => {});
    tcp.setNoDelay(true);
    if (options.before) tcp.write(options.before);
    const { identity } = options;
    const socket = connectTls({
      socket: options.pieces === undefined ? tcp : inPieces(tcp, options.pieces),
      rejectUnauthorized: false,
      ca: ROOTS,
      ...(options.serverName && { servername: options.serverName }),
      ...(options.alpn && { ALPNProtocols: [...options.alpn] }),
      ...(options.maxVersion && { maxVersion: options.maxVersion }),
      ...(options.curve && { ecdhCurve: options.curve }),
      ...(identity && { cert: identity.chain, key: identity.key }),
    });
    const client = new TlsClient(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket
      .once("secureConnect", resolve)
      .once("error", reject)
      .once("close", () => reject(new Error("closed")));
    await promise;
    return client;
  }

  /** The URI that the server's certificate is of. */
  get server(): string {
    return (this.socket.getPeerCertificate().subjectaltname ?? "").replace(/^URI:/, "");
  }

  get alpn(): string | false {
    return this.socket.alpnProtocol ?? false;
  }

  async hears(text: string): Promise<void> {
    await until(`${JSON.stringify(text)} after ${JSON.stringify(this.text.slice(-300))}`, () =>
      this.text.includes(text),
    );
  }

  /** The body of the answer to a GET. */
  async body(): Promise<string> {
    const before = this.text.length;
    this.socket.write("GET / HTTP/1.1\r\nhost: lab\r\n\r\n");
    const answer = () => this.text.slice(before);
    const length = () => Number(/content-length: (\d+)/.exec(answer())?.[1] ?? Number.NaN);
    const body = () => answer().split("\r\n\r\n")[1] ?? "";
    await until("an answer over TLS", () => body().length === length() || this.ended);
    return body();
  }

  close(): void {
    this.socket.destroy();
  }
}
