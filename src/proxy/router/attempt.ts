// One try of an exchange on one host: waits for a connection, sends the request, hears the response.

import { Deadline, TICK_MS, timers } from "../../base/timer-wheel.ts";
import { httpOfStatus, statusNumber } from "../../grpc/status.ts";
import { getHeader, type HeaderList } from "../../http/headers.ts";
import type { ClientStream, RequestHead, ResetReason, ResponseHead, ResponseListener } from "../../http/stream.ts";
import { matchesResponse } from "../../table/response-match.ts";
import type { AttemptFailure } from "../../table/retry-policy.ts";
import type { Breakers } from "../upstream/breakers.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import type { HttpPool, PooledConnection, PoolWaiter } from "../upstream/http-pool.ts";

/** Whose attempt it is: what to send, and who hears what came of it. */
export interface AttemptOwner {
  readonly head: RequestHead;
  /** True when the request is its head alone, so that it can be sent in one frame. */
  readonly requestIsHeadOnly: boolean;
  readonly isGrpc: boolean;
  /** The head was sent; what waits of the body may follow. */
  onUpstreamOpen(upstream: ClientStream, localAddress: string): void;
  onRequestWritable(): void;
  /** True: the attempt goes on all the same. */
  onPerTryTimeout(attempt: Attempt): boolean;
  onInform(status: number, headers: HeaderList): void;
  onResponse(attempt: Attempt, head: ResponseHead, end: boolean): void;
  onResponseData(chunk: Uint8Array): void;
  onResponseEnd(trailers: HeaderList | undefined): void;
  /** The attempt is over without a whole response. */
  onAttemptFailure(attempt: Attempt, failure: AttemptFailure, detail: string): void;
}

/** Who tells what became of an attempt (a span of its own). */
export interface AttemptObserver {
  connected(protocol: string): void;
  responded(head: ResponseHead): void;
  /** What came behind the body. */
  ended(trailers: HeaderList): void;
  failed(failure: AttemptFailure): void;
  end(): void;
}

/** The attempt's deadline is the per-try time-out, and the per-try idle time-out. */
export class Attempt extends Deadline implements ResponseListener, PoolWaiter {
  readonly host: Host;
  readonly cluster: Cluster;
  /** Undefined: nobody is told of it. */
  observer: AttemptObserver | undefined = undefined;
  readonly #owner: AttemptOwner;
  readonly #pool: HttpPool;
  /** Those that count it as a retry, until the response begins (Envoy: RetryStateImpl::resetRetry); undefined: it is none. */
  #retryBreakers: Breakers | undefined;
  /** On the clock of performance.now(); 0 is none. */
  #timeoutAt = 0;
  #idleMs = 0;
  /** When the request was sent, where latency is what the balancer goes by. */
  #startedAt = 0;
  #lastActivity = timers.now;
  #isAnswered = false;
  #isTimedOut = false;
  #hasReport = false;
  #state: "waiting" | "open" | "over" = "waiting";
  #stream: ClientStream | undefined = undefined;

  constructor(owner: AttemptOwner, cluster: Cluster, host: Host, pool: HttpPool, retryBreakers: Breakers | undefined) {
    super();
    this.#owner = owner;
    this.cluster = cluster;
    this.host = host;
    this.#pool = pool;
    this.#retryBreakers = retryBreakers;
    host.active++;
    host.stats.requests++;
  }

  /** Until the response begins, and between any two signs of life; 0 is none. */
  begin(timeoutMs: number, idleTimeoutMs: number): void {
    this.#idleMs = idleTimeoutMs;
    if (timeoutMs > 0) this.#timeoutAt = performance.now() + timeoutMs;
    if (timeoutMs > 0 || idleTimeoutMs > 0) this.#arm();
    this.#pool.acquire(this);
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  get stream(): ClientStream | undefined {
    return this.#stream;
  }

  #touch(): void {
    if (this.#idleMs > 0) this.#lastActivity = timers.now;
  }

  #arm(): void {
    const timeLeft = this.#timeoutAt === 0 ? Number.POSITIVE_INFINITY : this.#timeoutAt - performance.now();
    const idleLeft = this.#idleMs === 0 ? Number.POSITIVE_INFINITY : this.#lastActivity + this.#idleMs - timers.now;
    timers.arm(this, Math.min(timeLeft, idleLeft));
  }

  onConnection(pooled: PooledConnection): void {
    this.#state = "open";
    this.observer?.connected(pooled.protocol);
    const owner = this.#owner;
    if (this.host.latency) this.#startedAt = performance.now();
    this.host.monitor?.connected();
    this.#stream = pooled.connection.request(owner.head, owner.requestIsHeadOnly, this);
    owner.onUpstreamOpen(this.#stream, pooled.localLabel);
  }

  onPoolFailure(failure: "connect-failure" | "overflow", detail: string): void {
    this.observer?.failed(failure);
    this.#close();
    this.host.stats.errors++;
    // A full cluster says nothing of the host.
    if (failure === "connect-failure") this.host.monitor?.failed();
    this.#owner.onAttemptFailure(this, failure, detail);
  }

  onInform(status: number, headers: HeaderList): void {
    this.#owner.onInform(status, headers);
  }

  onResponse(head: ResponseHead, end: boolean): void {
    this.#timeoutAt = 0;
    if (this.armed && this.#idleMs === 0) timers.disarm(this);
    this.#touch();
    this.#endRetry();
    if (this.host.latency) this.host.latency.observe(performance.now() - this.#startedAt, performance.now());
    if (this.host.load) this.#hasReport = this.host.load.observe(head.headers, performance.now());
    if (head.status >= 500) this.host.stats.errors++;
    this.#isAnswered = true;
    this.observer?.responded(head);
    if (this.host.monitor) this.host.monitor.responded(this.#statusOf(head));
    if (this.host.session && getHeader(head.headers, "x-envoy-immediate-health-check-fail") !== undefined)
      this.host.session.failAtOnce();
    if (end) this.#close();
    this.#owner.onResponse(this, head, end);
  }

  /** What outlier detection makes of a response (Envoy: Router::Filter::onUpstreamHeaders). */
  #statusOf({ status, headers }: ResponseHead): number {
    const grpcStatus = this.#owner.isGrpc ? statusNumber(headers) : undefined;
    if (grpcStatus !== undefined) return httpOfStatus(grpcStatus);
    const { errorMatch } = this.cluster.table;
    if (!errorMatch) return status;
    return matchesResponse(errorMatch, status, headers) ? Math.max(status, 500) : 200;
  }

  onData(chunk: Uint8Array): void {
    this.#touch();
    this.#owner.onResponseData(chunk);
  }

  onEnd(trailers: HeaderList | undefined): void {
    if (trailers) this.observer?.ended(trailers);
    if (trailers && this.host.load && !this.#hasReport) this.host.load.observe(trailers, performance.now());
    this.#close();
    this.#owner.onResponseEnd(trailers);
  }

  onWritable(): void {
    this.#owner.onRequestWritable();
  }

  onReset(reason: ResetReason): void {
    if (this.#state === "over") return;
    const failure = reason === "refused" ? "refused" : "reset";
    this.observer?.failed(failure);
    this.#close();
    this.host.stats.errors++;
    this.host.monitor?.failed();
    this.#owner.onAttemptFailure(this, failure, detailOf(reason));
  }

  onDeadline(): void {
    // A tick early is in time: the wheel rounds up, its clock down.
    if (this.#timeoutAt > 0 && performance.now() >= this.#timeoutAt - 1) this.#onPerTryTimeout();
    else if (this.#idleMs > 0 && timers.now - this.#lastActivity >= this.#idleMs - TICK_MS)
      this.#timeOut("per-try-idle-timeout");
    else this.#arm();
  }

  #onPerTryTimeout(): void {
    this.#timeoutAt = 0;
    this.countTimeout();
    if (!this.#owner.onPerTryTimeout(this)) this.#timeOut("per-try-timeout");
    else if (this.#idleMs > 0) this.#arm();
  }

  #timeOut(failure: "per-try-timeout" | "per-try-idle-timeout"): void {
    this.cluster.stats.timeouts++;
    this.host.stats.timeouts++;
    if (failure === "per-try-idle-timeout") this.countTimeout();
    this.observer?.failed(failure);
    this.abandon();
    this.#owner.onAttemptFailure(this, failure, failure);
  }

  /** Its host did not answer in time: that is told once, and not when it has answered. */
  countTimeout(): void {
    if (this.#isAnswered || this.#isTimedOut || this.#state === "over") return;
    this.#isTimedOut = true;
    this.host.monitor?.timedOut();
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  /** Gives the attempt up: nothing of it is heard any more. */
  abandon(): void {
    if (this.#state === "over") return;
    if (this.#state === "waiting") this.#pool.cancel(this);
    else this.#stream?.reset("cancelled");
    this.#close();
  }

  #close(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    if (this.armed) timers.disarm(this);
    this.host.active--;
    this.observer?.end();
    this.#endRetry();
  }

  #endRetry(): void {
    if (!this.#retryBreakers) return;
    this.#retryBreakers.releaseRetry();
    this.#retryBreakers = undefined;
  }
}

/** Envoy's words for `%RESPONSE_CODE_DETAILS%` and the body of the local reply. */
function detailOf(reason: ResetReason): string {
  switch (reason) {
    case "refused":
      return "remote_refused_stream_reset";
    case "closed":
      return "connection_termination";
    case "protocol":
    case "limit":
      return "protocol_error";
    default:
      return "remote_reset";
  }
}
