// A connection for calls to one server: opened when it is needed, opened again when it is gone.

import { Backoff } from "../base/backoff.ts";
import { logger } from "../base/log.ts";
import type { ClientConnection } from "../http/stream.ts";
import { type CallListener, type CallOptions, ClientCall } from "./client.ts";
import type { GrpcStatus } from "./status.ts";

const log = logger("grpc");

/** 0.1 s at first: a control plane that restarts is back in a second; 15 s at most. */
const BACKOFF_BASE_MS = 100;
const BACKOFF_MAX_MS = 15_000;

/** Opens an HTTP/2 connection; `onClosed` once when it is gone. Rejects with the reason. */
export type Connector = (onClosed: () => void) => Promise<ClientConnection>;

/** A call that is begun again as long as its owner wants it: ADS and SDS streams. */
export interface StreamOwner {
  /** The call stands: send what begins it. */
  onOpen(call: ClientCall): void;
  onMessage(message: Buffer): void;
  onWritable(): void;
  /** It will be begun again after a while. */
  onLost(status: GrpcStatus): void;
}

export class LastingStream {
  readonly #connector: Connector;
  readonly #path: string;
  readonly #options: CallOptions;
  readonly #owner: StreamOwner;
  readonly #backoff = new Backoff(BACKOFF_BASE_MS, BACKOFF_MAX_MS);
  #call: ClientCall | undefined;
  #connection: ClientConnection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(connector: Connector, path: string, options: CallOptions, owner: StreamOwner) {
    this.#connector = connector;
    this.#path = path;
    this.#options = options;
    this.#owner = owner;
  }

  open(): void {
    if (this.#closed) return;
    this.#connector(() => {
      this.#connection = undefined;
    }).then(
      (connection) => this.#begin(connection),
      (error) => this.#lost({ code: "UNAVAILABLE", message: error instanceof Error ? error.message : String(error) }),
    );
  }

  #begin(connection: ClientConnection): void {
    if (this.#closed) {
      connection.shutdown();
      return;
    }
    this.#connection = connection;
    const listener: CallListener = {
      onMessage: (message) => {
        this.#backoff.reset();
        this.#owner.onMessage(message);
      },
      onWritable: () => this.#owner.onWritable(),
      onStatus: (status) => {
        this.#call = undefined;
        this.#connection?.shutdown();
        this.#lost(status);
      },
    };
    this.#call = new ClientCall(connection, this.#path, this.#options, listener);
    this.#owner.onOpen(this.#call);
  }

  #lost(status: GrpcStatus): void {
    if (this.#closed) return;
    this.#owner.onLost(status);
    const delay = this.#backoff.next();
    log.debug("stream lost", {
      path: this.#path,
      code: status.code,
      message: status.message,
      retryMs: Math.round(delay),
    });
    this.#timer = setTimeout(() => this.open(), delay);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#call?.cancel();
    this.#connection?.shutdown();
  }
}
