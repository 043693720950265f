// The spans of one request: its own, and one of each attempt where the configuration wants them.

import { type Afterwork, afterTurn } from "../../base/end-of-turn.ts";
import { getHeader, type HeaderList, removeHeader, setHeader } from "../../http/headers.ts";
import type { RequestHead, ResponseHead } from "../../http/stream.ts";
import type { AttemptFailure } from "../../table/retry-policy.ts";
import type { Route } from "../../table/route.ts";
import type { RequestIdRules, Tracer, Tracing } from "../../table/tracing.ts";
import type { AccessRecord } from "../access-record.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import { decideTrace } from "./decision.ts";
import type { SpanExporter } from "./exporter.ts";
import { Span } from "./span.ts";
import { type Teller, tagAttempt, tagCustom, tagGrpcStatus, tagRequest } from "./span-tags.ts";
import { childContext, injectContext, receivedContext, type SpanContext, spanContext } from "./trace-context.ts";

/** The field by which two proxies tell each other what a request is called. */
const OPERATION = "x-envoy-decorator-operation";

/** A request, as far as it is traced. */
export interface TracedRequest {
  readonly head: RequestHead;
  readonly record: AccessRecord;
  readonly route: Route | undefined;
  /** Undefined: it is not sampled. */
  trace: RequestTrace | undefined;
  /** What its client is told that it is called; "" is nothing. */
  toldOperation: string;
}

/** Of a connection manager. */
export class ManagerTracing {
  readonly #tracing: Tracing;
  readonly #tracer: Tracer;
  readonly #rules: RequestIdRules;
  readonly #exporter: SpanExporter;
  readonly #teller: Teller;
  readonly #isEgress: boolean;

  constructor(
    tracing: Tracing,
    tracer: Tracer,
    rules: RequestIdRules,
    exporter: SpanExporter,
    teller: Teller,
    isEgress: boolean,
  ) {
    this.#tracing = tracing;
    this.#tracer = tracer;
    this.#rules = rules;
    this.#exporter = exporter;
    this.#teller = teller;
    this.#isEgress = isEgress;
  }

  /** Decides, and tells the next hop in the request's fields (Envoy: ActiveStream::traceRequest). */
  begin(request: TracedRequest): void {
    const { head, route, record } = request;
    const { headers } = head;
    const own = route?.tracing;
    const sampling = own?.sampling ?? this.#tracing.sampling;
    const reason = decideTrace(headers, sampling, this.#rules, Math.random());
    const operation = this.#operation(request, own?.operation ?? "", own?.propagates ?? false);
    const received = receivedContext(headers, this.#tracer);
    if (!received) return;
    const sampled = received.sampled ?? reason !== "not-traceable";
    const isServer = !this.#isEgress;
    const context = spanContext(received, this.#tracer, isServer);
    if (this.#tracing.propagates) injectContext(headers, this.#tracer, context, sampled);
    if (!sampled) return;
    const isClient = this.#isEgress && !this.#tracing.spansOfAttempts;
    const shared = context.id === received.spanId && context.id !== "";
    const name = operation || this.#nameOf(head);
    const span = new Span(context, name, isClient ? "client" : "server", record.startedAt, shared);
    request.trace = new RequestTrace(span, context, this.#tracing, this.#tracer, this.#exporter, this.#teller);
  }

  #nameOf({ authority }: RequestHead): string {
    if (this.#tracer.kind === "zipkin") return authority;
    return this.#isEgress ? `egress ${authority}` : "ingress";
  }

  /** At ingress the caller's name for it is the better one, and else the caller is told ours; at egress the server is. */
  #operation(request: TracedRequest, operation: string, propagates: boolean): string {
    const { headers } = request.head;
    if (this.#isEgress) {
      if (operation !== "" && propagates) setHeader(headers, OPERATION, operation);
      return operation;
    }
    const theirs = getHeader(headers, OPERATION);
    if (theirs !== undefined) removeHeader(headers, OPERATION);
    if (theirs) return theirs;
    if (propagates) request.toldOperation = operation;
    return operation;
  }

  /** A server's proxy says what the request is called; a client's takes the name and passes it to nobody. */
  onResponse({ headers }: ResponseHead, { trace, toldOperation }: TracedRequest): void {
    if (this.#isEgress) {
      const name = getHeader(headers, OPERATION);
      if (name === undefined) return;
      removeHeader(headers, OPERATION);
      if (name !== "") trace?.rename(name);
      return;
    }
    if (toldOperation !== "") setHeader(headers, OPERATION, toldOperation);
  }
}

export class RequestTrace {
  readonly #span: Span;
  readonly #context: SpanContext;
  readonly #tracing: Tracing;
  readonly #tracer: Tracer;
  readonly #exporter: SpanExporter;
  readonly #teller: Teller;

  constructor(
    span: Span,
    context: SpanContext,
    tracing: Tracing,
    tracer: Tracer,
    exporter: SpanExporter,
    teller: Teller,
  ) {
    this.#span = span;
    this.#context = context;
    this.#tracing = tracing;
    this.#tracer = tracer;
    this.#exporter = exporter;
    this.#teller = teller;
  }

  rename(name: string): void {
    this.#span.name = name;
  }

  /** Undefined where attempts have no spans. */
  beginAttempt(headers: HeaderList, cluster: Cluster, host: Host, record: AccessRecord): AttemptTrace | undefined {
    if (!this.#tracing.spansOfAttempts) return undefined;
    const context = childContext(this.#context);
    if (this.#tracing.propagates) injectContext(headers, this.#tracer, context, true);
    const name = `router ${cluster.table.statName} egress`;
    const span = new Span(context, name, "client", performance.now());
    if (record.attempts > 1) span.tag("retry.count", String(record.attempts - 1));
    return new AttemptTrace(span, cluster, host, record, this.#tracing, this.#exporter);
  }

  finish(record: AccessRecord): void {
    const span = this.#span;
    span.endedAt = record.startedAt + record.durationMs;
    tagRequest(span, this.#tracing, record, this.#teller);
    this.#exporter.take(span);
  }
}

/** Envoy's words for `error.reason`, and the flag of the attempt. */
const FAILURES: Readonly<Record<AttemptFailure, readonly [flag: string, reason: string]>> = {
  "connect-failure": ["UF", "remote connection failure"],
  overflow: ["UO", "overflow"],
  refused: ["UR", "remote refused stream reset"],
  reset: ["UR", "remote reset"],
  "per-try-timeout": ["UT", "local reset"],
  "per-try-idle-timeout": ["UT", "local reset"],
};

export class AttemptTrace implements Afterwork {
  readonly #span: Span;
  readonly #cluster: Cluster;
  readonly #host: Host;
  readonly #record: AccessRecord;
  readonly #tracing: Tracing;
  readonly #exporter: SpanExporter;
  #protocol = "";
  #status = 0;
  #flag = "-";
  #isOver = false;

  constructor(
    span: Span,
    cluster: Cluster,
    host: Host,
    record: AccessRecord,
    tracing: Tracing,
    exporter: SpanExporter,
  ) {
    this.#span = span;
    this.#cluster = cluster;
    this.#host = host;
    this.#record = record;
    this.#tracing = tracing;
    this.#exporter = exporter;
  }

  connected(protocol: string): void {
    this.#protocol = protocol;
  }

  responded({ status, headers }: ResponseHead): void {
    this.#status = status;
    tagGrpcStatus(this.#span, headers);
  }

  ended(trailers: HeaderList): void {
    tagGrpcStatus(this.#span, trailers);
  }

  failed(failure: AttemptFailure): void {
    const [flag, reason] = FAILURES[failure];
    this.#flag = flag;
    this.#span.tag("error.reason", reason);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#span.endedAt = performance.now();
    afterTurn(this);
  }

  /** The user's tags speak of the request, which has not heard yet what came of the attempt when that is over. */
  afterTurn(): void {
    const span = this.#span;
    tagAttempt(span, this.#cluster, this.#host.label, this.#protocol, this.#status, this.#flag);
    if (span.tags.has("error.reason")) span.tag("error", "true");
    tagCustom(span, this.#tracing, this.#record);
    this.#exporter.take(span);
  }
}
