// A connection from its first byte to its last: what the transport says, deadlines, and the ways in which it ends. What the bytes
// mean is connection.ts.

import { Alarm, timers } from "../../base/timer-wheel.ts";
import type { HttpLimits } from "../limits.ts";
import type { Connection, ResetReason } from "../stream.ts";
import type { Transport } from "../transport.ts";
import { writeGoaway, writePing } from "./control-frames.ts";
import { FloodGuard } from "./flood-guard.ts";
import { ERROR } from "./frame.ts";
import { KEEPALIVE_PING, Keepalive, type KeepaliveOwner } from "./keepalive.ts";
import { Http2Sender } from "./sender.ts";
import { VIOLATION, type Violation } from "./violation.ts";

/** After the last write: time for the peer to read it and close, as Envoy's delayed_close_timeout. */
const LINGER_MS = 1_000;
/** An idle connection is found by looking this often within its timeout: it is 25 % late at most, and a request costs nothing. */
const IDLE_LOOKS = 4;

/** `draining`: no new streams. `closing`: everything is written, what comes is dropped. `closed`: the transport is gone. */
type Phase = "open" | "draining" | "closing" | "closed";

export abstract class Http2Lifecycle implements Connection, KeepaliveOwner {
  readonly sender: Http2Sender;
  protected readonly limits: HttpLimits;
  protected readonly guard: FloodGuard;
  protected phase: Phase = "open";
  readonly #headAlarm = new Alarm(() => this.fail(VIOLATION.headTimeout));
  readonly #idleAlarm = new Alarm(() => this.#lookForIdleness());
  readonly #lingerAlarm = new Alarm(() => this.#judgeLingering());
  readonly #transport: Transport;
  readonly #keepalive: Keepalive | undefined;
  /** Frames after which no head was open: the one that is waited for may be another than before. */
  protected headsEnded = 0;
  #headsEnded = 0;
  #idleLooks = 0;
  #streamsBegun = 0;
  /** Bytes that waited for the peer when the connection was last looked at while closing. */
  #unsent = 0;

  constructor(transport: Transport, limits: HttpLimits) {
    this.#transport = transport;
    this.limits = limits;
    this.guard = new FloodGuard(limits);
    this.sender = new Http2Sender(transport, this.guard, limits);
    if (limits.headTimeoutMs > 0) timers.arm(this.#headAlarm, limits.headTimeoutMs);
    this.#armIdle();
    const { keepaliveIntervalMs, keepaliveTimeoutMs } = limits;
    this.#keepalive =
      keepaliveIntervalMs > 0 ? new Keepalive(this, keepaliveIntervalMs, keepaliveTimeoutMs) : undefined;
  }

  /** Streams begun and not finished. */
  abstract get active(): number;
  abstract get buffered(): number;
  abstract shutdown(): void;
  protected abstract read(bytes: Buffer): void;
  protected abstract stopReading(): void;
  /** A head has begun and is not complete, or SETTINGS have not come. */
  protected abstract get awaitsHead(): boolean;
  protected abstract abortStreams(reason: ResetReason): void;
  /** The last stream of the peer that was taken up, for GOAWAY. */
  protected abstract get lastStreamId(): number;
  /** A connection error; the streams are told after it. */
  protected abstract onFailed(violation: Violation): void;
  protected abstract onGone(): void;

  protected get isReading(): boolean {
    return this.phase === "open" || this.phase === "draining";
  }

  receive(chunk: Uint8Array): void {
    if (!this.isReading) return;
    this.#keepalive?.heard();
    this.read(chunk instanceof Buffer ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#watchHead();
  }

  #watchHead(): void {
    const waits = this.awaitsHead && this.isReading && this.limits.headTimeoutMs > 0;
    const isAnother = this.headsEnded !== this.#headsEnded;
    this.#headsEnded = this.headsEnded;
    if (waits === this.#headAlarm.armed && !(waits && isAnother)) return;
    if (waits) timers.arm(this.#headAlarm, this.limits.headTimeoutMs);
    else timers.disarm(this.#headAlarm);
  }

  drained(): void {
    this.sender.outbox.drained();
  }

  ended(): void {
    if (this.phase === "closed") return;
    this.close();
    this.abortStreams("closed");
  }

  closed(): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.#stop();
    timers.disarm(this.#lingerAlarm);
    this.sender.outbox.discard();
    this.abortStreams("closed");
    this.onGone();
  }

  /** Writes what is left and FIN; what the peer still sends is dropped. */
  protected close(): void {
    if (!this.isReading) return;
    this.phase = "closing";
    this.#stop();
    this.sender.outbox.end();
    this.#unsent = this.sender.outbox.pending;
    timers.arm(this.#lingerAlarm, LINGER_MS);
  }

  /** A slow reader of the last responses keeps its time as long as it goes on reading. */
  #judgeLingering(): void {
    const unsent = this.sender.outbox.pending;
    if (unsent === 0 || unsent === this.#unsent) {
      this.#transport.terminate();
      return;
    }
    this.#unsent = unsent;
    timers.arm(this.#lingerAlarm, LINGER_MS);
  }

  #stop(): void {
    this.stopReading();
    this.#keepalive?.stop();
    timers.disarm(this.#headAlarm);
    timers.disarm(this.#idleAlarm);
  }

  /** A connection error (RFC 9113 5.4.1). */
  protected fail(violation: Violation): void {
    if (!this.isReading) return;
    writeGoaway(this.sender.outbox, this.lastStreamId, violation.code, violation.detail);
    this.close();
    this.onFailed(violation);
    this.abortStreams(violation.code === ERROR.enhanceYourCalm ? "limit" : "protocol");
  }

  /** @internal of the keepalive */
  ping(): void {
    writePing(this.sender.outbox, KEEPALIVE_PING, 0, false);
  }

  /** @internal of the keepalive. There is nobody to say goodbye to, and no answer to wait for. */
  onVanished(): void {
    this.#transport.terminate();
  }

  protected onKeepaliveAnswered(): void {
    this.#keepalive?.answered();
  }

  protected streamBegun(): void {
    this.#streamsBegun++;
  }

  #armIdle(): void {
    if (this.limits.idleTimeoutMs > 0) timers.arm(this.#idleAlarm, this.limits.idleTimeoutMs / IDLE_LOOKS);
  }

  #lookForIdleness(): void {
    const idle = this.#streamsBegun === 0 && this.active === 0;
    this.#streamsBegun = 0;
    this.#idleLooks = idle ? this.#idleLooks + 1 : 0;
    if (this.#idleLooks < IDLE_LOOKS) this.#armIdle();
    else this.shutdown();
  }
}
