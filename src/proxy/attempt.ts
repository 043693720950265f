// One try of an exchange on one host: waits for a connection, sends the request, hears the response.

import { Deadline, timers } from "../base/timer-wheel.ts";
import type { HeaderList } from "../http/headers.ts";
import type { ClientStream, ResetReason, ResponseHead, ResponseListener } from "../http/stream.ts";
import type { Exchange } from "./exchange.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";
import type { HttpPool, PooledConnection, PoolWaiter } from "./upstream/http-pool.ts";

/** The attempt's deadline is the per-try time-out. */
export class Attempt extends Deadline implements ResponseListener, PoolWaiter {
  readonly host: Host;
  readonly cluster: Cluster;
  readonly #exchange: Exchange;
  readonly #pool: HttpPool;
  readonly #isRetry: boolean;
  #state: "waiting" | "open" | "over" = "waiting";
  #stream: ClientStream | undefined = undefined;
  /** Local end of the connection, for the log; "-" before there is one. */
  localAddress = "-";

  constructor(exchange: Exchange, cluster: Cluster, host: Host, pool: HttpPool, isRetry: boolean) {
    super();
    this.#exchange = exchange;
    this.cluster = cluster;
    this.host = host;
    this.#pool = pool;
    this.#isRetry = isRetry;
    host.active++;
    host.stats.requests++;
  }

  begin(perTryTimeoutMs: number): void {
    if (perTryTimeoutMs > 0) timers.arm(this, perTryTimeoutMs);
    this.#pool.acquire(this);
  }

  onConnection(pooled: PooledConnection): void {
    this.#state = "open";
    const { address, port } = pooled.stream.local;
    this.localAddress = `${address}:${port}`;
    const exchange = this.#exchange;
    this.#stream = pooled.connection.request(exchange.head, exchange.requestIsHeadOnly, this);
    exchange.onUpstreamOpen(this.#stream);
  }

  onPoolFailure(failure: "connect-failure" | "overflow", detail: string): void {
    this.#close();
    this.host.stats.errors++;
    this.#exchange.onAttemptFailure(failure, detail);
  }

  onInform(status: number, headers: HeaderList): void {
    this.#exchange.onInform(status, headers);
  }

  onResponse(head: ResponseHead, end: boolean): void {
    if (this.armed) timers.disarm(this);
    if (head.status >= 500) this.host.stats.errors++;
    if (end) this.#close();
    this.#exchange.onResponse(this, head, end);
  }

  onData(chunk: Uint8Array): void {
    this.#exchange.onResponseData(chunk);
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.#close();
    this.#exchange.onResponseEnd(trailers);
  }

  onWritable(): void {
    this.#exchange.onRequestWritable();
  }

  onReset(reason: ResetReason): void {
    if (this.#state === "over") return;
    this.#close();
    this.host.stats.errors++;
    this.#exchange.onAttemptFailure(reason === "refused" ? "refused" : "reset", detailOf(reason));
  }

  /** The per-try time-out. */
  onDeadline(): void {
    const { cluster } = this;
    cluster.stats.timeouts++;
    this.abandon();
    this.#exchange.onAttemptFailure("per-try-timeout", "per-try timeout");
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
    if (this.#isRetry) this.cluster.breakers.releaseRetry();
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
