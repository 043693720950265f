// An HTTP stream as a byte stream: what flows after a CONNECT was answered, seen from either end.

import type { ResetReason, StreamListener, StreamWriter } from "../http/stream.ts";
import {
  type ByteCounters,
  type ByteListener,
  type ByteStream,
  NOBODY,
  type SocketAddress,
  UNCOUNTED,
} from "../net/byte-stream.ts";

/** Whoever makes it sees to it that the stream's listener is, or calls, this. */
export class HttpBytes implements ByteStream, StreamListener {
  listener: ByteListener = NOBODY;
  readonly tls = undefined;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  counters: ByteCounters = UNCOUNTED;
  readonly #stream: StreamWriter;
  /** Bytes of the stream ended, bytes of ours ended: both make a closed stream. */
  #readEnded = false;
  #writeEnded = false;
  #closed = false;
  #congested = false;
  #discarding = false;

  constructor(stream: StreamWriter, local: SocketAddress, remote: SocketAddress) {
    this.#stream = stream;
    this.local = local;
    this.remote = remote;
  }

  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    if (this.#closed || this.#writeEnded) return -1;
    // An HTTP stream takes a whole chunk or asks to wait: over its high-water mark, nothing more is taken.
    if (this.#congested) return 0;
    this.#congested = !this.#stream.write(length === bytes.length ? bytes : bytes.subarray(start, start + length));
    this.counters.sent += length;
    return length;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Chunks are views of what the connection read. */
  claim(): boolean {
    return false;
  }

  end(): void {
    if (this.#writeEnded || this.#closed) return;
    this.#writeEnded = true;
    this.#stream.end();
    this.#closeWhenEnded();
  }

  /** The peer's end is waited for, or its next bytes: a reset at once could overtake what was written. */
  close(): void {
    this.#discarding = true;
    this.end();
  }

  terminate(): void {
    if (this.#closed) return;
    this.#stream.reset("closed");
    this.#close();
  }

  onData(chunk: Uint8Array): void {
    this.counters.received += chunk.length;
    if (this.#discarding) this.terminate();
    else this.listener.receive(chunk);
  }

  onEnd(): void {
    this.#readEnded = true;
    this.listener.ended();
    this.#closeWhenEnded();
  }

  onReset(_reason: ResetReason): void {
    this.#close();
  }

  onWritable(): void {
    this.#congested = false;
    this.listener.drained();
  }

  #closeWhenEnded(): void {
    if (this.#readEnded && this.#writeEnded) this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.listener.closed();
  }
}
