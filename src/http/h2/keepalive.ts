// PING after PING, so that a peer that vanished without a word is noticed (RFC 9113 6.7; Envoy's connection_keepalive).

import { Deadline, timers } from "../../base/timer-wheel.ts";

/** Told from other PINGs of ours by what comes back. */
export const KEEPALIVE_PING = Buffer.from("keepaliv", "latin1");

/** Envoy's interval_jitter: connections that were opened together do not stay in step. */
const JITTER = 0.15;

export interface KeepaliveOwner {
  /** Sends a PING with KEEPALIVE_PING. */
  ping(): void;
  /** Nothing came for the time-out. */
  onVanished(): void;
}

/** Its deadline is the next PING, or the answer to the last one. */
export class Keepalive extends Deadline {
  readonly #owner: KeepaliveOwner;
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  #awaiting = false;

  constructor(owner: KeepaliveOwner, intervalMs: number, timeoutMs: number) {
    super();
    this.#owner = owner;
    this.#intervalMs = intervalMs;
    this.#timeoutMs = timeoutMs;
    this.#rest();
  }

  #rest(): void {
    this.#awaiting = false;
    timers.arm(this, this.#intervalMs * (1 + Math.random() * JITTER));
  }

  onDeadline(): void {
    if (this.#awaiting) {
      this.#owner.onVanished();
      return;
    }
    this.#awaiting = true;
    this.#owner.ping();
    timers.arm(this, this.#timeoutMs);
  }

  /** Bytes came. The answer may stand behind megabytes of them, and who sends them is there. */
  heard(): void {
    if (this.#awaiting) timers.arm(this, this.#timeoutMs);
  }

  /** The answer came. */
  answered(): void {
    if (this.#awaiting) this.#rest();
  }

  stop(): void {
    timers.disarm(this);
  }
}
