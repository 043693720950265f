// The body of a message on its way out: into the framing that its head announced, and never past it.

import type { HeaderList } from "../headers.ts";
import type { Outbox } from "../outbox.ts";
import { type BodyLength, CHUNKED } from "./framing.ts";
import { writeChunk, writeLastChunk } from "./head-writer.ts";

/**
 * - `length`: that many bytes are owed. `chunked`. `raw`: bytes as they are, to the end of the connection (HTTP/1.0, tunnels).
 * - `none`: the message has no body and what is written is dropped (HEAD, 204, 304).
 * - `done`: nothing more belongs to the message.
 */
type Mode = "length" | "chunked" | "raw" | "none" | "done";

export class BodyEncoder {
  readonly #outbox: Outbox;
  #mode: Mode = "done";
  #left = 0;
  /** Of the field lines behind the last chunk. */
  trailerFieldBytes = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  get done(): boolean {
    return this.#mode === "done";
  }

  /** The peer sees when an end comes too early. */
  get isFramed(): boolean {
    return this.#mode === "length" || this.#mode === "chunked";
  }

  begin(length: BodyLength): void {
    this.#left = length;
    this.trailerFieldBytes = 0;
    this.#mode = length === CHUNKED ? "chunked" : length >= 0 ? "length" : "raw";
  }

  beginNone(): void {
    this.#mode = "none";
    this.trailerFieldBytes = 0;
  }

  /** False when `chunk` is more than the head announced: it is not written, as its rest would be taken for another message. */
  write(chunk: Uint8Array): boolean {
    if (chunk.length === 0) return true;
    switch (this.#mode) {
      case "length":
        if (chunk.length > this.#left) return false;
        this.#left -= chunk.length;
        this.#outbox.write(chunk);
        return true;
      case "chunked":
        writeChunk(this.#outbox, chunk);
        return true;
      case "raw":
        this.#outbox.write(chunk);
        return true;
      default:
        return true;
    }
  }

  /** False when the head announced more than was written. Trailers are dropped where there is no place for them. */
  end(trailers: HeaderList | undefined): boolean {
    const whole = this.#mode !== "length" || this.#left === 0;
    if (this.#mode === "chunked") this.trailerFieldBytes = writeLastChunk(this.#outbox, trailers);
    this.#mode = "done";
    return whole;
  }
}
