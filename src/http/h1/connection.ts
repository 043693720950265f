// What both ends of an HTTP/1.1 connection do alike: gather bytes until they are a head, take bodies out of their framing, hold back
// what may not be read yet, keep time, and close without cutting off what was written.

import { atEndOfTurn, type Flushable } from "../../base/end-of-turn.ts";
import { Deadline, timers } from "../../base/timer-wheel.ts";
import type { HttpLimits } from "../limits.ts";
import { Outbox, type OutboxOwner } from "../outbox.ts";
import type { Connection, ResetReason, StreamBytes, StreamListener } from "../stream.ts";
import type { Transport } from "../transport.ts";
import { BodyDecoder, type BodySink } from "./body-decoder.ts";
import { BodyEncoder } from "./body-encoder.ts";
import { HeadSearch } from "./head-search.ts";
import { PendingBytes } from "./pending-bytes.ts";
import { REFUSED, type Refusal } from "./refusal.ts";

/**
 * What the bytes that come next are.
 * - `head`: a message's head. On a server also an idle connection.
 * - `body`: the body, for the stream. `drain`: the rest of a request's body that nobody waits for (server).
 * - `wait`: they are kept until it is known what they are (server): the next request, once this one is answered, or a tunnel's.
 * - `idle`: nothing may come (client).
 * - `tunnel`: not HTTP any more.
 * - `linger`: we sent FIN and drop what comes, since closing at once would reset the peer before it has read our last words. Bounded in
 *   time and not in bytes: a peer that sends more than that could as well send it in a request.
 * - `closed`: nothing any more.
 */
export type Phase = "head" | "body" | "drain" | "wait" | "idle" | "tunnel" | "linger" | "closed";

/** How long a peer may take to read the end and close, as nginx's lingering_time. */
const LINGER_MS = 30_000;

/** How long the rest of a body may take that nobody waits for, where heads have no time-out to go by. */
const DRAIN_MS = 10_000;

export abstract class Http1Connection extends Deadline implements Connection, OutboxOwner, Flushable, BodySink {
  protected readonly limits: HttpLimits;
  protected readonly outbox: Outbox;
  protected readonly decoder: BodyDecoder;
  protected readonly encoder: BodyEncoder;
  protected phase: Phase;
  /** Bytes came behind the head or body that is in hand. */
  protected surplus = false;
  readonly #transport: Transport;
  readonly #pending = new PendingBytes();
  readonly #headSearch: HeadSearch;
  /** The armed deadline is the head's. */
  #headTimed = false;
  #flushing = false;
  #idleSince = 0;
  #idleTimeoutMs: number;
  /** Of what the outbox was given, what is counted. */
  #counted = 0;
  #dropped = 0;
  #scheduled = false;
  #heldByCodec = false;
  #heldByOwner = false;
  #paused = false;
  #unsentAtDeadline = 0;
  #gone = false;
  /** The stream that was in progress when the codec gave the connection up, and why. */
  #orphan: StreamListener | undefined;
  #orphanReason: ResetReason = "closed";

  constructor(transport: Transport, limits: HttpLimits, side: "server" | "client") {
    super();
    this.#transport = transport;
    this.limits = limits;
    this.#idleTimeoutMs = limits.idleTimeoutMs;
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
  /** Answers or reports what broke the protocol, and leaves in phase `linger` or `closed`. */
  protected abstract refuse(refusal: Refusal): void;
  /** The codec or the stream's owner gave the connection up, and the turn is over. */
  protected abstract onTerminated(): void;
  /** The transport is gone. */
  protected abstract onClosed(): void;
  abstract onOutboxDrained(): void;
  protected abstract get isIdle(): boolean;

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
    timers.disarm(this);
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
      this.#stopHeadTime();
      this.becomeIdle();
      return start + 2;
    }
    const end = this.#headSearch.find(bytes, start);
    if (end === -1) {
      this.#startHeadTime();
      return start;
    }
    if (typeof end !== "number") {
      this.refuse(end);
      return bytes.length;
    }
    this.#stopHeadTime();
    this.surplus = end + 2 < bytes.length;
    this.onHead(bytes, start, end);
    return end + 2;
  }

  #stopHeadTime(): void {
    if (!this.#headTimed) return;
    this.#headTimed = false;
    timers.disarm(this);
  }

  #startHeadTime(): void {
    if (this.#headTimed || this.limits.headTimeoutMs === 0) return;
    this.#headTimed = true;
    timers.arm(this, this.limits.headTimeoutMs);
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

  /** Begins or goes on with the time without a request. One look at the clock: the deadline itself is armed once in that time. */
  protected becomeIdle(): void {
    if (this.#idleTimeoutMs === 0) return;
    if (!this.armed) timers.arm(this, this.#idleTimeoutMs);
    this.#idleSince = timers.now;
  }

  /** Of an idle connection: closes it unless something comes in that time. */
  protected closeWhenQuiet(withinMs: number): void {
    this.#idleTimeoutMs = withinMs;
    this.#idleSince = timers.now;
    timers.arm(this, withinMs);
  }

  /** Gives the rest of a body that nobody waits for the time of a head. */
  protected beginDrain(): void {
    this.phase = "drain";
    this.#dropped = 0;
    timers.arm(this, this.limits.headTimeoutMs || DRAIN_MS);
  }

  /** The peer has to go on reading before anything else happens. */
  protected beginFlush(): void {
    this.#flushing = true;
    this.#unsentAtDeadline = this.outbox.pending;
    timers.disarm(this);
    if (this.limits.flushTimeoutMs > 0) timers.arm(this, this.limits.flushTimeoutMs);
  }

  protected endFlush(): void {
    this.#flushing = false;
    timers.disarm(this);
  }

  onDeadline(): void {
    if (this.phase === "closed") return;
    if (this.#flushing) this.#judgeReader(this.limits.flushTimeoutMs);
    else if (this.#headTimed) this.refuse(REFUSED.headTimeout);
    else if (this.phase === "drain") this.close();
    else if (this.phase === "linger") this.#judgeReader(LINGER_MS);
    else if (this.isIdle) {
      const left = this.#idleTimeoutMs - (timers.now - this.#idleSince);
      if (left > 0) timers.arm(this, left);
      else this.close();
    }
  }

  /** A slow reader keeps its time as long as it goes on reading. */
  #judgeReader(timeMs: number): void {
    if (this.outbox.pending === 0 || this.outbox.pending === this.#unsentAtDeadline) {
      this.terminate();
      return;
    }
    this.#unsentAtDeadline = this.outbox.pending;
    timers.arm(this, timeMs);
  }

  /** Sends FIN behind what was written, and waits for the peer's. */
  protected close(): void {
    if (this.phase === "linger" || this.phase === "closed") return;
    this.phase = "linger";
    this.#headTimed = false;
    this.#flushing = false;
    this.#pending.clear();
    this.outbox.end();
    this.#heldByCodec = false;
    this.#heldByOwner = false;
    this.#updatePaused();
    timers.arm(this, LINGER_MS);
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
    this.#headTimed = false;
    this.#flushing = false;
    this.#pending.clear();
    this.outbox.discard();
    timers.disarm(this);
    this.#schedule();
  }

  #tellOrphan(): void {
    const orphan = this.#orphan;
    this.#orphan = undefined;
    orphan?.onReset(this.#orphanReason);
  }
}
