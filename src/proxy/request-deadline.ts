// How long a request may take as a whole and to come, and how long it may be silent: one deadline for all, whichever comes first.

import { Deadline, TICK_MS, timers } from "../base/timer-wheel.ts";
import { formatTimeout, parseTimeout } from "../grpc/deadline.ts";
import { getHeader, type HeaderList, setHeader } from "../http/headers.ts";
import type { ForwardAction, StreamDuration } from "../table/route.ts";
import type { OverloadState } from "./overload/state.ts";
import type { RequestTimeout } from "./timeout-reply.ts";

const NEVER = Number.POSITIVE_INFINITY;

export interface TimedRequest {
  onTimeout(timeout: RequestTimeout): void;
}

export class RequestDeadline extends Deadline {
  readonly #request: TimedRequest;
  readonly #overload: OverloadState;
  /** On the clock of performance.now(); 0 is none. */
  #timeoutAt = 0;
  #receiptAt = 0;
  #durationAt = 0;
  #idleMs = 0;
  #lastActivity = timers.now;

  constructor(request: TimedRequest, overload: OverloadState) {
    super();
    this.#request = request;
    this.#overload = overload;
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

  setReceipt(receiptMs: number): void {
    const now = performance.now();
    this.#receiptAt = now + receiptMs;
    this.#arm(now);
  }

  setDuration(durationMs: number): void {
    const now = performance.now();
    this.#durationAt = now + durationMs;
    this.#arm(now);
  }

  /** The request is here as a whole; the deadline finds out when it rings. */
  received(): void {
    this.#receiptAt = 0;
  }

  /** Bytes moved. Cheap: the deadline finds out when it rings. */
  touch(): void {
    this.#lastActivity = timers.now;
  }

  /** `now`: the clock, where it was just read. */
  #arm(now?: number): void {
    const idleLeft = this.#idleMs === 0 ? NEVER : this.#idleLeft();
    const at = Math.min(this.#timeoutAt || NEVER, this.#receiptAt || NEVER, this.#durationAt || NEVER);
    const left = at === NEVER ? idleLeft : Math.min(idleLeft, at - (now ?? performance.now()));
    if (left === NEVER) timers.disarm(this);
    else timers.arm(this, left);
  }

  onDeadline(): void {
    // A tick early is in time: the wheel rounds up, its clock down.
    const now = performance.now() + 1;
    if (this.#timeoutAt > 0 && now >= this.#timeoutAt) this.#request.onTimeout("response");
    else if (this.#receiptAt > 0 && now >= this.#receiptAt) this.#request.onTimeout("receipt");
    else if (this.#durationAt > 0 && now >= this.#durationAt) this.#request.onTimeout("duration");
    else if (this.#idleMs > 0 && this.#idleLeft() <= TICK_MS) this.#request.onTimeout("idle");
    else this.#arm();
  }

  #idleLeft(): number {
    return this.#overload.wait("stream-idle", this.#idleMs, timers.now - this.#lastActivity);
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

/**
 * How long the exchange may last: what the client says by `grpc-timeout` where the route honours it, else what the route says, else the
 * connection manager (Envoy: ActiveStream::refreshDurationTimeout). 0 is none.
 */
export function streamDuration(duration: StreamDuration | undefined, otherwiseMs: number, headers: HeaderList): number {
  if (!duration) return otherwiseMs;
  const { maxMs, grpcMaxMs, grpcOffsetMs } = duration;
  const asked = grpcMaxMs === undefined ? undefined : parseTimeout(getHeader(headers, "grpc-timeout"));
  if (asked === undefined || grpcMaxMs === undefined) return maxMs ?? otherwiseMs;
  const capped = grpcMaxMs === 0 ? asked : Math.min(asked, grpcMaxMs);
  return grpcOffsetMs < capped ? capped - grpcOffsetMs : capped;
}

/** The application hears how long it really has, where the client said how long. */
export function tellDuration(duration: StreamDuration | undefined, durationMs: number, headers: HeaderList): void {
  if (duration?.grpcMaxMs === undefined || getHeader(headers, "grpc-timeout") === undefined) return;
  setHeader(headers, "grpc-timeout", formatTimeout(durationMs));
}

/**
 * Tells the upstream how long it has: a try's time or the request's, whichever is less (Envoy: FilterUtility::setTimeoutHeaders). 0 is
 * none. `grpc`: also as the deadline of the call; `tells`: in Envoy's header.
 */
export function tellTimeout(
  headers: HeaderList,
  timeoutMs: number,
  perTryMs: number,
  grpc: boolean,
  tells: boolean,
): void {
  const toldMs = perTryMs > 0 && (timeoutMs === 0 || perTryMs < timeoutMs) ? perTryMs : timeoutMs;
  if (toldMs === 0) return;
  if (tells) setHeader(headers, "x-envoy-expected-rq-timeout-ms", String(toldMs));
  if (grpc) setHeader(headers, "grpc-timeout", formatTimeout(toldMs));
}
