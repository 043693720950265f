// The body of a request on its way to an attempt: kept while it may have to be sent again, and no longer.

import type { HeaderList } from "../../http/headers.ts";
import type { ClientStream } from "../../http/stream.ts";

/** Bodies up to this can be retried (Envoy's per_request_buffer_limit_bytes falls back to the connection's buffer, 1 MiB; sidecars carry many). */
const REPLAY_BYTES = 64 * 1024;
/** Bytes that may wait for a connection before the client is paused. */
const HELD_BYTES = 256 * 1024;

export class RequestBody {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #limit = REPLAY_BYTES;
  /** Nothing will be sent again. */
  #replayable = true;
  /** Something that was sent is no longer here. */
  #lost = false;
  /** All of it has come; `trailers` are here then. */
  ended = false;
  trailers: HeaderList | undefined = undefined;

  /** Bytes that are here. */
  get heldBytes(): number {
    return this.#bytes;
  }

  /** It has come to its end, and there was nothing to send. */
  get isNothing(): boolean {
    return this.ended && this.#bytes === 0 && !this.#lost && this.trailers === undefined;
  }

  /** Everything that the client sent so far is here. */
  get isWhole(): boolean {
    return !this.#lost;
  }

  /** There will be no other attempt: what is sent need not be kept. */
  forgetWhenSent(): void {
    this.#replayable = false;
  }

  /** Bodies up to this can be sent again. */
  limit(bytes: number): void {
    this.#limit = bytes;
  }

  /** Gives away what has come: somebody else will say what of it is to be sent, and when it ends. */
  takeAll(): readonly Buffer[] {
    const chunks = this.#chunks;
    this.drop();
    this.ended = false;
    return chunks;
  }

  /** Nothing of it is to be sent at all. */
  drop(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }

  /** The response began: nothing is sent again. */
  forget(): void {
    this.#replayable = false;
    if (this.#bytes === 0) return;
    this.#chunks = [];
    this.#bytes = 0;
    this.#lost = true;
  }

  /** Passes a chunk on, or holds it while there is no upstream. False: the client should pause. */
  take(chunk: Uint8Array, upstream: ClientStream | undefined): boolean {
    if (!upstream) {
      this.#keep(chunk);
      return this.#bytes < HELD_BYTES;
    }
    if (this.#replayable && this.#bytes + chunk.length <= this.#limit) this.#keep(chunk);
    else if (this.#bytes > 0) this.forget();
    else this.#lost = true;
    return upstream.write(chunk);
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
  }

  /** Passes its end on, too, or holds it as `take` does. */
  end(trailers: HeaderList | undefined, upstream: ClientStream | undefined): void {
    this.ended = true;
    this.trailers = trailers;
    upstream?.end(trailers);
  }

  /** Sends what is held, and the end if it has come. False: the upstream is above its high-water mark. */
  send(upstream: ClientStream): boolean {
    let writable = true;
    for (const chunk of this.#chunks) writable = upstream.write(chunk);
    if (!this.#replayable || this.#bytes > this.#limit) this.forget();
    if (this.ended) upstream.end(this.trailers);
    return writable;
  }
}
