// One exchange as its owner holds it. It outlives the exchange in the owner's hands, so every call asks whether it is still the one in
// progress.

import type { HeaderList } from "../headers.ts";
import type { ResetReason, ResponseHead, ServerStream, StreamBytes, StreamListener } from "../stream.ts";

/** What a stream asks of the connection that it belongs to. */
export interface ServerExchangeHost {
  readonly exchange: ServerStream | undefined;
  readonly unsent: number;
  inform(status: number, headers: HeaderList): void;
  respond(head: ResponseHead, end: boolean): void;
  send(chunk: Uint8Array): boolean;
  finish(trailers: HeaderList | undefined): void;
  abandon(): void;
  hold(held: boolean): void;
}

const NOBODY: StreamListener = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };

const NOTHING = new Uint8Array();

export class Http1ServerStream implements ServerStream, StreamBytes {
  listener: StreamListener = NOBODY;
  wireSent = 0;
  wireReceived = 0;
  headerSent = 0;
  headerReceived = 0;
  readonly #host: ServerExchangeHost;

  constructor(host: ServerExchangeHost) {
    this.#host = host;
  }

  get buffered(): number {
    return this.#host.exchange === this ? this.#host.unsent : 0;
  }

  inform(status: number, headers: HeaderList): void {
    if (this.#host.exchange === this) this.#host.inform(status, headers);
  }

  respond(head: ResponseHead, end: boolean): void {
    if (this.#host.exchange === this) this.#host.respond(head, end);
  }

  write(chunk: Uint8Array): boolean {
    return this.#host.exchange === this ? this.#host.send(chunk) : true;
  }

  offer(chunk: Uint8Array): number {
    if (!this.write(NOTHING)) return 0;
    this.write(chunk);
    return chunk.length;
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
