// What both ends of an HTTP/1.1 connection do alike: gather bytes until they are a head, take bodies out of their framing, hold back
// what may not be read yet, and close without cutting off what was written.

import { atEndOfTurn, type Flushable } from "../../base/end-of-turn.ts";
import type { HttpLimits } from "../limits.ts";
import { Outbox, type OutboxOwner } from "../outbox.ts";
import type { Connection, ResetReason, StreamBytes, StreamListener } from "../stream.ts";
import type { Transport } from "../transport.ts";
import { BodyDecoder, type BodySink } from "./body-decoder.ts";
import { BodyEncoder } from "./body-encoder.ts";
import { HeadSearch } from "./head-search.ts";
import { PendingBytes } from "./pending-bytes.ts";
import type { Phase } from "./phase.ts";
import { REFUSED } from "./refusal.ts";
import { TimedConnection } from "./timed-connection.ts";

export abstract class Http1Connection extends TimedConnection implements Connection, OutboxOwner, Flushable, BodySink {
  protected readonly outbox: Outbox;
  protected readonly decoder: BodyDecoder;
  protected readonly encoder: BodyEncoder;
  protected phase: Phase;
  /** Bytes came behind the head or body that is in hand. */
  protected surplus = false;
  readonly #transport: Transport;
  readonly #pending = new PendingBytes();
  readonly #headSearch: HeadSearch;
  /** Of what the outbox was given, what is counted. */
  #counted = 0;
  #dropped = 0;
  #scheduled = false;
  #heldByCodec = false;
  #heldByOwner = false;
  #paused = false;
  #gone = false;
  /** The stream that was in progress when the codec gave the connection up, and why. */
  #orphan: StreamListener | undefined;
  #orphanReason: ResetReason = "closed";

  constructor(transport: Transport, limits: HttpLimits, side: "server" | "client") {
    super(limits);
    this.#transport = transport;
    this.outbox = new Outbox(transport, this, limits.highWaterBytes);
    this.decoder = new BodyDecoder(limits, this);
    this.encoder = new BodyEncoder(this.outbox);
    this.phase = side === "server" ? "head" : "idle";
    this.#headSearch = new HeadSearch(limits, side === "server");
    this.becomeIdle();
  }

  abstract get active(): number;
  abstract readonly exchange: StreamBytes | undefined;
  abstract shutdown(): void;
  abstract ended(): void;
  /** A whole head: `end` is the index of its empty line. */
  protected abstract onHead(bytes: Buffer, start: number, end: number): void;
  abstract onBody(bytes: Buffer): void;
  protected abstract onBodyEnd(): void;
  /** The codec or the stream's owner gave the connection up, and the turn is over. */
  protected abstract onTerminated(): void;
  /** The transport is gone. */
  protected abstract onClosed(): void;
  abstract onOutboxDrained(): void;

  get buffered(): number {
    return this.outbox.pending + this.#pending.length;
  }

  receive(chunk: Uint8Array): void {
    const bytes = chunk instanceof Buffer ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (this.#pending.length > 0) {
      this.#pending.append(bytes);
      this.#consumePending();
      return;
    }
    const used = this.#consume(bytes);
    if (used < bytes.length) this.#pending.append(bytes.subarray(used));
  }

  drained(): void {
    this.outbox.drained();
  }

  closed(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.phase = "closed";
    this.#pending.clear();
    this.outbox.discard();
    this.stopTime();
    this.#tellOrphan();
    this.onClosed();
  }

  #consumePending(): void {
    this.#pending.drop(this.#consume(this.#pending.view));
  }

  /** Returns how many of the bytes are done with. */
  #consume(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length) {
      switch (this.phase) {
        case "head": {
          const next = this.#takeHead(bytes, at);
          if (next === at) return at;
          at = next;
          break;
        }
        case "body":
        case "drain":
          at = this.#takeBody(bytes, at);
          break;
        case "wait":
          this.#heldByCodec = true;
          this.#updatePaused();
          return at;
        case "tunnel":
          if (this.exchange) this.exchange.wireReceived += bytes.length - at;
          this.onBody(at === 0 ? bytes : bytes.subarray(at));
          return bytes.length;
        case "idle":
          this.refuse(REFUSED.notHttp);
          break;
        case "linger":
        case "closed":
          return bytes.length;
      }
    }
    return at;
  }

  /** Returns `start` when the head is incomplete. */
  #takeHead(bytes: Buffer, start: number): number {
    if (this.#headSearch.skips(bytes, start)) {
      this.stopHeadTime();
      this.becomeIdle();
      return start + 2;
    }
    const end = this.#headSearch.find(bytes, start);
    if (end === -1) {
      this.startHeadTime();
      return start;
    }
    if (typeof end !== "number") {
      this.refuse(end);
      return bytes.length;
    }
    this.stopHeadTime();
    this.surplus = end + 2 < bytes.length;
    this.onHead(bytes, start, end);
    return end + 2;
  }

  #takeBody(bytes: Buffer, start: number): number {
    const { exchange } = this;
    const next = this.decoder.decode(bytes, start);
    if (typeof next !== "number") {
      if (this.phase === "body" || this.phase === "drain") this.refuse(next); // else it was closed by who took the bytes before
      return bytes.length;
    }
    if (exchange) exchange.wireReceived += next - start;
    if (this.phase === "drain") this.#drop(next - start);
    if (this.decoder.complete) {
      if (exchange) exchange.headerReceived += this.decoder.trailerFieldBytes;
      this.surplus = next < bytes.length;
      this.onBodyEnd();
    }
    return next;
  }

  /** What was written since the last time is of the exchange in progress; `fieldBytes` of it are field lines. */
  protected countSent(fieldBytes: number): void {
    const { written } = this.outbox;
    if (this.exchange) {
      this.exchange.wireSent += written - this.#counted;
      this.exchange.headerSent += fieldBytes;
    }
    this.#counted = written;
  }

  #drop(count: number): void {
    this.#dropped += count;
    if (this.#dropped > this.limits.maxDrainBytes) this.close();
  }

  /** Stops and restarts the transport for the stream's owner. */
  protected holdForOwner(held: boolean): void {
    this.#heldByOwner = held;
    this.#updatePaused();
  }

  #updatePaused(): void {
    const paused = this.#heldByCodec || this.#heldByOwner;
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#transport.pause();
    else this.#transport.resume();
  }

  /** A head has begun to come. */
  protected get isReadingHead(): boolean {
    return this.phase === "head" && this.#pending.length > 0;
  }

  /** Has bytes that had to wait read at the end of this turn: never from within a call of the owner's. */
  protected readHeldBytes(): void {
    if (this.#heldByCodec) this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    atEndOfTurn(this);
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#gone) return;
    if (this.phase === "closed") {
      this.onTerminated();
      this.#tellOrphan();
      this.#transport.terminate();
      return;
    }
    this.#heldByCodec = false;
    this.#consumePending(); // may hold again
    this.#updatePaused();
  }

  /** Gives the rest of a body that nobody waits for the time of a head. */
  protected beginDrain(): void {
    this.phase = "drain";
    this.#dropped = 0;
    this.startDrainTime();
  }

  /** Sends FIN behind what was written, and waits for the peer's. */
  protected close(): void {
    if (this.phase === "linger" || this.phase === "closed") return;
    this.phase = "linger";
    this.#pending.clear();
    this.outbox.end();
    this.#heldByCodec = false;
    this.#heldByOwner = false;
    this.#updatePaused();
    this.startLingerTime();
  }

  /**
   * Closes at the end of the turn, dropping what was not written yet. A stream that its owner did not give up learns why then, and not
   * from within a call of the owner's.
   */
  protected terminate(orphan?: StreamListener, reason: ResetReason = "closed"): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.#orphan = orphan;
    this.#orphanReason = reason;
    this.#pending.clear();
    this.outbox.discard();
    this.stopTime();
    this.#schedule();
  }

  #tellOrphan(): void {
    const orphan = this.#orphan;
    this.#orphan = undefined;
    orphan?.onReset(this.#orphanReason);
  }
}
