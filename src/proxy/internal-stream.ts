// Two ends of a byte stream inside this process: what leads from a CONNECT tunnel to an internal listener (envoy_internal_address).

import { atEndOfTurn, type Flushable } from "../base/end-of-turn.ts";
import {
  type ByteCounters,
  type ByteListener,
  type ByteStream,
  NOBODY,
  type SocketAddress,
  UNCOUNTED,
} from "../net/byte-stream.ts";

/** Bytes that may wait for a paused reader before the writer is told to stop. */
const CAPACITY = 256 * 1024;

class InternalEnd implements ByteStream, Flushable {
  listener: ByteListener = NOBODY;
  readonly tls = undefined;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  counters: ByteCounters = UNCOUNTED;
  other!: InternalEnd;
  readonly #incoming: Buffer[] = [];
  #waiting = 0;
  #paused = false;
  #scheduled = false;
  /** What was promised to the reader after the bytes: nothing, the end of the direction, or the end of all. */
  #pending: "open" | "ended" | "closed" = "open";
  #closed = false;
  /** The directions that have ended: both make a closed stream. */
  #endSent = false;
  #endReceived = false;

  constructor(local: SocketAddress, remote: SocketAddress) {
    this.local = local;
    this.remote = remote;
  }

  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    if (this.#closed || this.other.#closed) return -1;
    const taken = this.other.#accept(bytes, start, length);
    this.counters.sent += taken;
    return taken;
  }

  #accept(bytes: Uint8Array, start: number, length: number): number {
    const taken = Math.min(length, CAPACITY - this.#waiting);
    if (taken === 0) return 0;
    this.#incoming.push(Buffer.from(bytes.subarray(start, start + taken)));
    this.#waiting += taken;
    this.#schedule();
    return taken;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  /** Chunks are copies, and nobody else's. */
  claim(): boolean {
    return true;
  }

  end(): void {
    if (this.#closed || this.#endSent) return;
    this.#endSent = true;
    this.other.#promise("ended");
    if (this.#endReceived) this.#promise("closed");
  }

  close(): void {
    if (this.#closed) return;
    this.end();
    this.#incoming.length = 0;
    this.#waiting = 0;
    this.#promise("closed");
  }

  terminate(): void {
    if (this.#closed) return;
    this.other.#promise("closed");
    this.#incoming.length = 0;
    this.#waiting = 0;
    this.#promise("closed");
  }

  #promise(what: "ended" | "closed"): void {
    if (this.#pending !== "closed") this.#pending = what;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    atEndOfTurn(this);
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    const full = this.#waiting === CAPACITY;
    while (!this.#paused || this.#pending === "closed") {
      const chunk = this.#incoming.shift();
      if (!chunk) break;
      this.#waiting -= chunk.length;
      this.counters.received += chunk.length;
      this.listener.receive(chunk);
    }
    if (full && this.#waiting < CAPACITY) this.other.listener.drained();
    if (this.#waiting > 0) return;
    if (this.#pending === "ended") {
      this.#pending = "open";
      this.#endReceived = true;
      this.listener.ended();
      if (this.#endSent) this.#promise("closed");
    } else if (this.#pending === "closed") {
      this.#closed = true;
      this.listener.closed();
      this.listener = NOBODY;
    }
  }
}

/** The connecting end and the accepting end; addresses are those of the connection that led here. */
export function internalStreams(
  source: SocketAddress,
  destination: SocketAddress,
): readonly [connecting: ByteStream, accepting: ByteStream] {
  const connecting = new InternalEnd(source, destination);
  const accepting = new InternalEnd(destination, source);
  connecting.other = accepting;
  accepting.other = connecting;
  return [connecting, accepting];
}
