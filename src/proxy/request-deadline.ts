// How long a request may take, and how long it may be silent: one deadline for both, whichever comes first.

import { Deadline, TICK_MS, timers } from "../base/timer-wheel.ts";
import { parseTimeout } from "../grpc/deadline.ts";
import { getHeader, type HeaderList } from "../http/headers.ts";
import type { ForwardAction } from "../table/route.ts";

export interface TimedRequest {
  /** The route's time is up. */
  onTimeout(): void;
  /** Nothing moved in either direction for the idle time. */
  onIdle(): void;
}

export class RequestDeadline extends Deadline {
  readonly #request: TimedRequest;
  /** On the clock of performance.now(); 0 is none. */
  #timeoutAt = 0;
  #idleMs = 0;
  #lastActivity = timers.now;

  constructor(request: TimedRequest) {
    super();
    this.#request = request;
  }

  /** 0 is none, and replaces what was. */
  setIdle(idleMs: number): void {
    this.#idleMs = idleMs;
    this.#lastActivity = timers.now;
    this.#arm();
  }

  setTimeout(timeoutMs: number): void {
    const now = performance.now();
    this.#timeoutAt = now + timeoutMs;
    this.#arm(now);
  }

  /** Bytes moved. Cheap: the deadline finds out when it rings. */
  touch(): void {
    this.#lastActivity = timers.now;
  }

  /** `now`: the clock, where it was just read. */
  #arm(now?: number): void {
    const idleLeft = this.#idleMs === 0 ? Number.POSITIVE_INFINITY : this.#lastActivity + this.#idleMs - timers.now;
    const timeLeft = this.#timeoutAt === 0 ? Number.POSITIVE_INFINITY : this.#timeoutAt - (now ?? performance.now());
    const left = Math.min(idleLeft, timeLeft);
    if (left === Number.POSITIVE_INFINITY) timers.disarm(this);
    else timers.arm(this, left);
  }

  onDeadline(): void {
    // A tick early is in time: the wheel rounds up, its clock down.
    if (this.#timeoutAt > 0 && performance.now() >= this.#timeoutAt - 1) this.#request.onTimeout();
    else if (this.#idleMs > 0 && timers.now - this.#lastActivity >= this.#idleMs - TICK_MS) this.#request.onIdle();
    else this.#arm();
  }

  end(): void {
    timers.disarm(this);
  }
}

/** The route's time-out, or the client's `grpc-timeout` where the route honours it (Envoy: FilterUtility::finalTimeout). 0 is none. */
export function requestTimeout(action: ForwardAction, grpc: boolean, headers: HeaderList): number {
  const cap = grpc ? action.grpcTimeoutMaxMs : undefined;
  const asked = cap === undefined ? undefined : parseTimeout(getHeader(headers, "grpc-timeout"));
  if (asked === undefined || cap === undefined) return action.timeoutMs;
  return cap === 0 ? asked : Math.min(asked, cap);
}
