// One request as its owner holds it; like the server's, it asks on every call whether it is still the one in progress.

import type { HeaderList } from "../headers.ts";
import type { ClientStream, ResetReason, ResponseListener } from "../stream.ts";

/** What a stream asks of the connection that it belongs to. */
export interface ClientExchangeHost {
  readonly exchange: ClientStream | undefined;
  send(chunk: Uint8Array): boolean;
  finish(trailers: HeaderList | undefined): void;
  abandon(): void;
  hold(held: boolean): void;
}

export class Http1ClientStream implements ClientStream {
  readonly listener: ResponseListener;
  wireSent = 0;
  wireReceived = 0;
  headerSent = 0;
  headerReceived = 0;
  readonly #host: ClientExchangeHost;

  constructor(host: ClientExchangeHost, listener: ResponseListener) {
    this.#host = host;
    this.listener = listener;
  }

  write(chunk: Uint8Array): boolean {
    return this.#host.exchange === this ? this.#host.send(chunk) : true;
  }

  end(trailers?: HeaderList): void {
    if (this.#host.exchange === this) this.#host.finish(trailers);
  }

  reset(_reason: ResetReason): void {
    if (this.#host.exchange === this) this.#host.abandon();
  }

  pause(): void {
    if (this.#host.exchange === this) this.#host.hold(true);
  }

  resume(): void {
    if (this.#host.exchange === this) this.#host.hold(false);
  }
}
