// One request or call that tells a collector of spans or logs, on a connection of the collector's cluster.

import { frameMessage } from "../grpc/message.ts";
import { statusNumber } from "../grpc/status.ts";
import type { HeaderList } from "../http/headers.ts";
import { type ClientStream, RequestHead, type ResponseHead } from "../http/stream.ts";
import { Attempt, type AttemptOwner } from "./router/attempt.ts";
import type { Cluster } from "./upstream/cluster.ts";
import { NO_PREFERENCE } from "./upstream/load-balancer-context.ts";

export interface ReportContent {
  readonly authority: string;
  readonly path: string;
  /** Of the body; undefined: by gRPC. */
  readonly type: string | undefined;
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  /** Until the response begins; 0 is none. */
  readonly timeoutMs: number;
}

/** `refused`: the collector answered, and not that it took them. */
export type ReportOutcome = "taken" | "refused" | "failed";

export class CollectorReport implements AttemptOwner {
  readonly head: RequestHead;
  readonly requestIsHeadOnly = false;
  readonly isGrpc: boolean;
  readonly #cluster: Cluster;
  readonly #content: ReportContent;
  readonly #onOver: (outcome: ReportOutcome) => void;
  readonly #body: Uint8Array;
  #attempt: Attempt | undefined;
  #status = 0;
  #isOver = false;

  /** `onOver`: once, never before `send` has returned. */
  constructor(cluster: Cluster, content: ReportContent, onOver: (outcome: ReportOutcome) => void) {
    const { authority, path, type, headers, body } = content;
    this.#cluster = cluster;
    this.#content = content;
    this.#onOver = onOver;
    this.isGrpc = type === undefined;
    this.#body = this.isGrpc ? frameMessage(body) : body;
    const fields = type === undefined ? ["te", "trailers", "content-type", "application/grpc"] : ["content-type", type];
    this.head = new RequestHead(
      "POST",
      "http",
      authority,
      path,
      [...fields, "user-agent", "heddle", ...headers],
      this.isGrpc ? "HTTP/2" : "HTTP/1.1",
      this.isGrpc ? -1 : this.#body.length,
      undefined,
    );
  }

  send(): void {
    const cluster = this.#cluster;
    if (!cluster.breakers.admitRequest()) {
      queueMicrotask(() => this.#onOver("failed"));
      return;
    }
    const host = cluster.choose(NO_PREFERENCE);
    if (!host) {
      queueMicrotask(() => this.#end("failed"));
      return;
    }
    cluster.stats.requests++;
    const owner = cluster.ownerOf(host);
    const { protocol } = owner.table;
    const wanted = this.isGrpc || protocol === "http2" ? "http2" : "http1";
    this.#attempt = new Attempt(this, owner, host, owner.pool(host, wanted, "default"), undefined);
    this.#attempt.begin(this.#content.timeoutMs, 0);
  }

  onUpstreamOpen(upstream: ClientStream): void {
    upstream.write(this.#body);
    upstream.end();
  }

  onPerTryTimeout(): boolean {
    return false;
  }

  onRequestWritable(): void {}
  onInform(): void {}
  onResponseData(): void {}

  onResponse(_attempt: Attempt, head: ResponseHead, end: boolean): void {
    this.#status = head.status;
    if (end) this.#judge(head.headers);
  }

  onResponseEnd(trailers: HeaderList | undefined): void {
    this.#judge(trailers);
  }

  /** `fields`: trailers, or the head of a response that has nothing else. */
  #judge(fields: HeaderList | undefined): void {
    const isTaken = this.isGrpc
      ? this.#status === 200 && fields !== undefined && statusNumber(fields) === 0
      : this.#status >= 200 && this.#status < 300;
    this.#end(isTaken ? "taken" : "refused");
  }

  onAttemptFailure(): void {
    queueMicrotask(() => this.#end("failed"));
  }

  #end(outcome: ReportOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#attempt?.abandon();
    this.#cluster.breakers.releaseRequest();
    this.#onOver(outcome);
  }
}
