// The connection that HTTP checks of one host go through, kept from one check to the next.

import { Http1ClientConnection } from "../../../http/h1/client-connection.ts";
import { Http2ClientConnection } from "../../../http/h2/client-connection.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "../../../http/limits.ts";
import type { ClientConnection, ClientConnectionListener } from "../../../http/stream.ts";
import type { ByteStream } from "../../../net/byte-stream.ts";
import type { CheckTarget } from "./prober.ts";

/** The check has a time-out of its own. */
const LIMITS: HttpLimits = { ...DEFAULT_LIMITS, idleTimeoutMs: 0, headTimeoutMs: 0 };
const ALPN = { http1: ["http/1.1"], http2: ["h2"] } as const;

export class CheckConnection {
  readonly #target: CheckTarget;
  readonly #protocol: "http1" | "http2";
  readonly #alpn: readonly string[];
  #open: { readonly connection: ClientConnection; readonly stream: ByteStream } | undefined;
  /** What is dialled for an earlier number comes too late. */
  #dials = 0;

  /** `alpn`: in place of the protocol's own, where it is not empty. */
  constructor(target: CheckTarget, protocol: "http1" | "http2", alpn: readonly string[]) {
    this.#target = target;
    this.#protocol = protocol;
    this.#alpn = alpn.length > 0 ? alpn : ALPN[protocol];
  }

  /** Calls one of the two, once, unless `close` comes before. */
  use(ready: (connection: ClientConnection) => void, failed: () => void): void {
    if (this.#open && this.#open.connection.available > 0) {
      ready(this.#open.connection);
      return;
    }
    this.close();
    const dial = this.#dials;
    this.#target.dial(this.#alpn, {
      onConnected: (stream) => {
        if (dial === this.#dials) ready(this.#opened(stream));
        else stream.terminate();
      },
      onConnectFailure: () => {
        if (dial === this.#dials) failed();
      },
    });
  }

  #opened(stream: ByteStream): ClientConnection {
    const listener: ClientConnectionListener = {
      onAvailable() {},
      onDraining() {},
      onClosed: () => {
        if (this.#open?.stream === stream) this.#open = undefined;
      },
    };
    const connection =
      this.#protocol === "http2"
        ? new Http2ClientConnection(stream, listener, LIMITS)
        : new Http1ClientConnection(stream, listener, LIMITS);
    stream.listener = connection;
    this.#open = { connection, stream };
    return connection;
  }

  /** Closes when what it carries is over. */
  release(): void {
    this.#open?.connection.shutdown();
    this.#open = undefined;
  }

  close(): void {
    this.#dials++;
    const open = this.#open;
    this.#open = undefined;
    open?.stream.terminate();
  }
}
