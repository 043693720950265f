// The times of an HTTP/1.1 connection, one at a time: without a request, for a head, for the rest of a body that nobody waits for, for a
// peer that has to go on reading. The connection is its own deadline, so that none of them costs it an object.

import { Deadline, timers } from "../../base/timer-wheel.ts";
import type { HttpLimits } from "../limits.ts";
import type { Outbox } from "../outbox.ts";
import type { Phase } from "./phase.ts";
import { REFUSED, type Refusal } from "./refusal.ts";

/** How long a peer may take to read the end and close, as nginx's lingering_time. */
const LINGER_MS = 30_000;

/** How long the rest of a body may take that nobody waits for, where heads have no time-out to go by. */
const DRAIN_MS = 10_000;

export abstract class TimedConnection extends Deadline {
  protected readonly limits: HttpLimits;
  protected abstract readonly outbox: Outbox;
  protected abstract phase: Phase;
  /** The armed deadline is the head's. */
  #headTimed = false;
  #flushing = false;
  #idleSince = 0;
  #idleTimeoutMs: number;
  #unsentAtDeadline = 0;

  constructor(limits: HttpLimits) {
    super();
    this.limits = limits;
    this.#idleTimeoutMs = limits.idleTimeoutMs;
  }

  protected abstract get isIdle(): boolean;
  /** Answers or reports what broke the protocol, and leaves in phase `linger` or `closed`. */
  protected abstract refuse(refusal: Refusal): void;
  /** Sends FIN behind what was written, and waits for the peer's. */
  protected abstract close(): void;
  /** Closes, dropping what was not written yet. */
  protected abstract terminate(): void;

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

  protected startHeadTime(): void {
    if (this.#headTimed || this.limits.headTimeoutMs === 0) return;
    this.#headTimed = true;
    timers.arm(this, this.limits.headTimeoutMs);
  }

  protected stopHeadTime(): void {
    if (!this.#headTimed) return;
    this.#headTimed = false;
    timers.disarm(this);
  }

  /** The rest of a body that nobody waits for has the time of a head. */
  protected startDrainTime(): void {
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

  protected startLingerTime(): void {
    this.#headTimed = false;
    this.#flushing = false;
    timers.arm(this, LINGER_MS);
  }

  protected stopTime(): void {
    this.#headTimed = false;
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
}
