// Two ends of a wire in memory, for tests of the codecs: bytes arrive in a later turn, as they do from a socket, and how many may be
// on their way is up to the test.

import type { Connection } from "./stream.ts";
import type { Transport } from "./transport.ts";

/** Bytes, FIN and reset that are on their way anywhere: `settle` waits for them. */
let moving = 0;

/**
 * One end. With a connection attached, what arrives goes to its `receive`, `ended` and `closed`, and what it could not write is asked
 * for with `drained`; without one, it is kept for `take`.
 */
export class MemoryTransport implements Transport {
  /** Bytes that this end may have on their way; `write` takes no more. */
  #capacity: number;
  #peer: MemoryTransport = this;
  #connection: Connection | undefined;
  readonly #incoming: Buffer[] = [];
  #incomingBytes = 0;
  #finOnItsWay = false;
  #scheduled = false;
  #starved = false;
  /** Reading was stopped by this end. */
  paused = false;
  /** This end sent FIN, or terminated. */
  ended = false;
  /** FIN arrived from the other end. */
  peerEnded = false;
  /** Both directions ended, or either end terminated. */
  closed = false;
  /** Calls of `write` that took bytes: a test of batching counts them. */
  writes = 0;

  private constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** A wire whose ends may each have `capacity` bytes under way. */
  static pair(capacity = Number.POSITIVE_INFINITY): [MemoryTransport, MemoryTransport] {
    const left = new MemoryTransport(capacity);
    const right = new MemoryTransport(capacity);
    left.#peer = right;
    right.#peer = left;
    return [left, right];
  }

  /** Has `connection` receive what arrives from now on; what arrived before goes to it first. */
  attach(connection: Connection): void {
    this.#connection = connection;
    this.#schedule();
  }

  /** Changes how many bytes this end may have under way. */
  setCapacity(capacity: number): void {
    this.#capacity = capacity;
    this.#offerRoom();
  }

  /** What arrived at an end without a connection, and was not taken before. */
  take(): Buffer {
    const bytes = Buffer.concat(this.#incoming);
    this.#incoming.length = 0;
    this.#incomingBytes = 0;
    this.#peer.#offerRoom();
    return bytes;
  }

  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    const peer = this.#peer;
    if (this.closed || this.ended) return -1;
    const taken = Math.max(0, Math.min(length, this.#capacity - peer.#incomingBytes));
    if (taken < length) this.#starved = true;
    if (taken === 0) return 0;
    this.writes++;
    peer.#incoming.push(Buffer.from(bytes.subarray(start, start + taken)));
    peer.#incomingBytes += taken;
    peer.#schedule();
    return taken;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.#schedule();
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#peer.#finOnItsWay = true;
    this.#peer.#schedule();
  }

  terminate(): void {
    this.ended = true;
    this.#close();
    this.#peer.#close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    moving++;
    setImmediate(() => {
      moving--;
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const connection = this.#connection;
    while (connection && !this.paused && !this.closed && this.#incoming.length > 0) {
      const chunk = this.#incoming.shift()!;
      this.#incomingBytes -= chunk.length;
      connection.receive(chunk);
      chunk.fill(0xaa); // views are valid only during the call: who kept one reads nonsense
    }
    this.#peer.#offerRoom();
    if (this.paused || this.closed || !this.#finOnItsWay) return;
    if (connection && this.#incoming.length > 0) return;
    this.#finOnItsWay = false;
    this.peerEnded = true;
    connection?.ended();
    this.#peer.#closeIfDone();
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.ended && this.peerEnded) this.#close();
  }

  /** Tells the connection in a turn of its own, as a socket does: never from within its own call. */
  #close(): void {
    if (this.closed) return;
    this.closed = true;
    moving++;
    setImmediate(() => {
      moving--;
      this.#connection?.closed();
    });
  }

  #offerRoom(): void {
    if (!this.#starved || this.closed || this.#peer.#incomingBytes >= this.#capacity) return;
    this.#starved = false;
    moving++;
    setImmediate(() => {
      moving--;
      if (!this.closed) this.#connection?.drained();
    });
  }
}

/** Lets event-loop turns pass until nothing has been on its way for three of them (a flush, its delivery, and the answer). */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (moving > 0) quiet = 0;
  }
}
