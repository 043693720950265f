// One StreamAccessLogs call on a connection of the service's cluster: it lasts for as long as both sides like.

import { Alarm, timers } from "../../base/timer-wheel.ts";
import { type ClientStream, RequestHead, type ResponseHead } from "../../http/stream.ts";
import type { LogService } from "../../table/streamed-log.ts";
import { Attempt, type AttemptOwner } from "../router/attempt.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { NO_PREFERENCE } from "../upstream/load-balancer-context.ts";

const PATH = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
export interface CallOwner {
  onWritable(): void;
  /** Once; it may be before `open` has returned. */
  onOver(): void;
}

type State = "opening" | "writable" | "full" | "ended" | "over";

export class EntryCall implements AttemptOwner {
  readonly head: RequestHead;
  readonly requestIsHeadOnly = false;
  readonly isGrpc = true;
  hasSpoken = false;
  readonly #cluster: Cluster;
  readonly #idleMs: number;
  readonly #owner: CallOwner;
  readonly #idle = new Alarm(() => this.#onIdle());
  #attempt: Attempt | undefined = undefined;
  #upstream: ClientStream | undefined = undefined;
  #state: State = "opening";

  /** The cluster's breakers have admitted it. */
  constructor(cluster: Cluster, { authority, headers }: LogService, idleMs: number, owner: CallOwner) {
    this.#cluster = cluster;
    this.#idleMs = idleMs;
    this.#owner = owner;
    const fields = ["te", "trailers", "content-type", "application/grpc", "user-agent", "heddle", ...headers];
    this.head = new RequestHead("POST", "http", authority, PATH, fields, "HTTP/2", -1, undefined);
  }

  open(): void {
    const cluster = this.#cluster;
    const host = cluster.choose(NO_PREFERENCE);
    if (!host) {
      this.#finish();
      return;
    }
    cluster.stats.requests++;
    const owner = cluster.ownerOf(host);
    this.#attempt = new Attempt(this, owner, host, owner.pool(host, "http2", "default"), undefined);
    this.#attempt.begin(0, 0);
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  get isWritable(): boolean {
    return this.#state === "writable";
  }

  write(frame: Uint8Array): void {
    this.hasSpoken = true;
    if (this.#idle.armed) timers.disarm(this.#idle);
    timers.arm(this.#idle, this.#idleMs);
    if (!this.#upstream?.write(frame) && this.#state === "writable") this.#state = "full";
  }

  /** The service has what was told, and may answer. */
  end(): void {
    if (this.#state === "opening") {
      this.#finish();
      return;
    }
    if (this.#state === "ended" || this.#state === "over") return;
    this.#state = "ended";
    this.#upstream?.end();
    this.#owner.onOver();
  }

  #onIdle(): void {
    if (this.#state === "ended") {
      this.#finish();
      return;
    }
    this.end();
    timers.arm(this.#idle, this.#idleMs);
  }

  onUpstreamOpen(upstream: ClientStream): void {
    this.#upstream = upstream;
    this.#state = "writable";
    this.#owner.onWritable();
  }

  onRequestWritable(): void {
    if (this.#state !== "full") return;
    this.#state = "writable";
    this.#owner.onWritable();
  }

  onPerTryTimeout(): boolean {
    return false;
  }

  onInform(): void {}
  onResponseData(): void {}

  onResponse(_attempt: Attempt, _head: ResponseHead, end: boolean): void {
    if (end) this.#finish();
  }

  onResponseEnd(): void {
    this.#finish();
  }

  onAttemptFailure(): void {
    this.#finish();
  }

  #finish(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    timers.disarm(this.#idle);
    this.#attempt?.abandon();
    this.#cluster.breakers.releaseRequest();
    this.#owner.onOver();
  }
}
