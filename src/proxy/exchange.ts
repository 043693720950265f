// One request's life on the client's side, from its head to its line in the log (Envoy: ConnectionManagerImpl::ActiveStream). Reads top
// to bottom: begin, route, filters, act, the client, the answer, deadlines, end. What is forwarded is router/router.ts's.

import { isGrpcContent } from "../grpc/content.ts";
import { formatTimeout } from "../grpc/deadline.ts";
import { GRPC_STATUS, statusNumber, statusOfHttp } from "../grpc/status.ts";
import { getHeader, type HeaderList, removeHeader, setHeader } from "../http/headers.ts";
import {
  type RequestHead,
  type ResetReason,
  ResponseHead,
  type ServerStream,
  type StreamListener,
} from "../http/stream.ts";
import { NO_ROUTE_FILTERS, type RouteFilters } from "../table/filter/filter.ts";
import { NO_MUTATION } from "../table/header-mutation.ts";
import type { HttpTable } from "../table/http.ts";
import type { InternalRedirectPolicy } from "../table/internal-redirect.ts";
import type { FilterMetadata } from "../table/metadata.ts";
import { needsTls, redirectLocation } from "../table/redirect.ts";
import {
  chooseRoute,
  chooseWeighted,
  type ForwardAction,
  type Route,
  type VirtualHost,
  type WeightedCluster,
  weightedRandom,
} from "../table/route.ts";
import { writeLogs } from "./access-log.ts";
import { AccessRecord } from "./access-record.ts";
import { clientAddress } from "./client-address.ts";
import type { Downstream } from "./downstream.ts";
import { reportExchange } from "./exchange-report.ts";
import { ANSWERED, type HeldHead, PASSED } from "./filter/chain.ts";
import type { BodySink, FilteredRequest } from "./filter/filter.ts";
import { RequestStages } from "./filter/request-stages.ts";
import { MessageCounter } from "./grpc-messages.ts";
import { mutateHeaders } from "./header-operations.ts";
import { localReply } from "./local-reply.ts";
import { sheds } from "./overload/shed.ts";
import { RequestDeadline, streamDuration, type TimedRequest } from "./request-deadline.ts";
import { prepareRequest } from "./request-headers.ts";
import type { ResponseFlag } from "./response-flags.ts";
import { prepareResponse } from "./response-headers.ts";
import {
  admitsRoute,
  moveHead,
  NO_REDIRECTS,
  type RedirectHistory,
  type RedirectTarget,
} from "./router/internal-redirect.ts";
import { RequestBody } from "./router/request-body.ts";
import { type ForwardedRequest, Router } from "./router/router.ts";
import type { TapRecorder } from "./tap.ts";
import { continueTrace } from "./trace.ts";
import type { OverrideHost } from "./upstream/load-balancer-context.ts";

/**
 * - `filtering`: the filters have not all let it go on.
 * - `forwarding`: the router has it.
 * - `answering`: there is a response; its head went to the client unless a filter holds it.
 * - `over`: nothing is heard or said any more; the log line is written.
 */
type Phase = "filtering" | "forwarding" | "answering" | "over";

export class Exchange implements StreamListener, FilteredRequest, ForwardedRequest, TimedRequest {
  readonly connection: Downstream;
  readonly head: RequestHead;
  readonly record: AccessRecord;
  readonly isGrpc: boolean;
  readonly #stream: ServerStream;
  #phase: Phase = "filtering";

  // The request
  body: RequestBody | undefined;
  /** All of it has come through the stages of filters. */
  requestEnded: boolean;
  requestTrailers: HeaderList | undefined = undefined;
  peerMetadata = "";
  overrideHost: OverrideHost | undefined = undefined;

  // Where it goes
  route: Route | undefined = undefined;
  virtualHost: VirtualHost | undefined = undefined;
  routeFilters: RouteFilters = NO_ROUTE_FILTERS;
  #weighted: WeightedCluster | undefined = undefined;
  /** The filter that goes on when the one that waits is done. */
  #nextFilter = 0;
  redirects: RedirectHistory = NO_REDIRECTS;
  #router: Router | undefined = undefined;

  /** Stages of filters that the request's body goes through; undefined: there are none. */
  #requestStages: RequestStages | undefined = undefined;
  /** A filter has put another body in its place. */
  #bodyIsReplaced = false;
  #heldHead: HeldHead | undefined = undefined;
  /** Stages of filters that the response goes through; undefined: there are none. */
  #responseSink: BodySink | undefined = undefined;
  #requestMessages: MessageCounter | undefined = undefined;
  #responseMessages: MessageCounter | undefined = undefined;
  #grpcStatus = -1;
  #deadline: RequestDeadline | undefined = undefined;
  /** Undefined while nobody watches. */
  readonly #tap: TapRecorder | undefined;

  constructor(connection: Downstream, stream: ServerStream, head: RequestHead, end: boolean) {
    this.connection = connection;
    this.head = head;
    this.record = new AccessRecord(connection.facts, head);
    this.#stream = stream;
    this.requestEnded = end;
    if (end) this.record.requestOver();
    this.body = end ? undefined : new RequestBody();
    this.isGrpc = isGrpcContent(getHeader(head.headers, "content-type"));
    if (this.isGrpc) {
      this.#requestMessages = new MessageCounter();
      this.#responseMessages = new MessageCounter();
    }
    this.#tap = connection.context.taps.begin(head, connection.facts);
    stream.listener = this;
  }

  // ── begin ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  begin(): void {
    const { connection, head } = this;
    const { table } = connection.http;
    if (this.#phase === "over") return; // it had to wait for its turn, and was reset meanwhile
    if (sheds(this, connection.http.filters)) return;
    const refusal = prepareRequest(head, table, connection.facts, connection.forwardedCertificate);
    if (refusal) {
      this.reply(refusal.status, "", refusal.details, undefined, refusal.headers);
      return;
    }
    if (!table.proxiesContinue) this.#askForBody();
    if (table.tracing) continueTrace(head.headers, table.tracing.samplingPercent);
    this.setIdle(connection.context.overload.timeout("stream-idle", table.streamIdleTimeoutMs));
    this.#setReceiptTimeout(table);
    if (head.upgrade !== undefined && !table.upgrades.has(head.upgrade)) {
      this.reply(403, "", "upgrade_failed");
      return;
    }
    this.#chooseRoute();
    this.#setDuration(table, this.route);
    this.#runFilters(0);
  }

  /** Meets the client's expectation here; the upstream hears nothing of it (Envoy: ActiveStream::decodeHeaders). */
  #askForBody(): void {
    if (getHeader(this.head.headers, "expect")?.toLowerCase() !== "100-continue") return;
    removeHeader(this.head.headers, "expect");
    this.#stream.inform(100, []);
  }

  // ── route ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #chooseRoute(): void {
    const routes = this.connection.http.routes.current;
    this.virtualHost = routes?.virtualHosts.find(this.head.authority);
    const route = this.virtualHost && chooseRoute(this.virtualHost, this.head, this.connection.facts, Math.random());
    this.route = route;
    if (!route) return;
    this.routeFilters = route.filters;
    this.record.route = route;
    if (route.action.kind === "forward") this.#chooseCluster(route.action);
  }

  /** Before the filters, because a weighted cluster may say something of them. */
  #chooseCluster({ cluster }: ForwardAction): void {
    if (cluster.kind === "single") {
      this.record.clusterName = cluster.name;
      return;
    }
    if (cluster.kind === "header") {
      this.record.clusterName = getHeader(this.head.headers, cluster.header) ?? "";
      return;
    }
    const random = cluster.clusters.length === 1 ? 0 : weightedRandom(cluster, this.head, Math.random());
    const chosen = chooseWeighted(cluster.clusters, cluster.total, random);
    this.record.clusterName = chosen.name;
    this.#weighted = chosen;
    if (chosen.filters) this.routeFilters = chosen.filters;
  }

  // ── filters ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #runFilters(from: number): void {
    const result = this.connection.http.filters.onRequest(this, from);
    if (result === PASSED) this.#act();
    else if (result !== ANSWERED) this.#nextFilter = result;
  }

  continueRequest(): void {
    if (this.#phase === "filtering") this.#runFilters(this.#nextFilter);
  }

  get isHeadOnly(): boolean {
    return this.body === undefined;
  }

  get remoteAddress(): string {
    return clientAddress(this.head.headers, this.connection.http.table, this.connection.facts);
  }

  metadata(of: "dynamic" | "route"): FilterMetadata | undefined {
    return this.record.metadata(of);
  }

  refreshRoute(): void {
    this.#weighted = undefined;
    this.routeFilters = NO_ROUTE_FILTERS;
    this.#chooseRoute();
  }

  wrapRequestBody<Stage extends BodySink>(wrap: (next: BodySink) => Stage): Stage {
    this.#requestStages ??= new RequestStages({
      data: (chunk) => this.#passData(chunk),
      end: (trailers) => this.#passEnd(trailers),
    });
    const ended = this.requestEnded;
    const held = this.body?.takeAll() ?? [];
    this.requestEnded = false;
    const stage = this.#requestStages.append(wrap);
    for (const chunk of held) stage.data(chunk);
    if (ended) stage.end(this.requestTrailers);
    return stage;
  }

  replaceRequestBody(bytes: Uint8Array): void {
    this.body ??= new RequestBody();
    this.body.drop();
    this.body.take(bytes, undefined);
    this.head.contentLength = bytes.length;
    this.requestEnded = true;
    this.requestTrailers = undefined;
    this.#bodyIsReplaced = true;
  }

  // ── act ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #act(): void {
    const { route, head } = this;
    if (this.virtualHost && needsTls(this.virtualHost.requireTls, head)) {
      this.#redirect(301, `https://${head.authority}${head.path}`);
      return;
    }
    if (!route) {
      this.reply(404, "", "route_not_found", "NR");
      return;
    }
    switch (route.action.kind) {
      case "direct":
        this.reply(route.action.status, route.action.body, "direct_response");
        return;
      case "redirect":
        this.#redirect(route.action.status, redirectLocation(route.action, head, route.match.path));
        return;
      case "forward":
        this.#phase = "forwarding";
        this.#router = new Router(this, route, route.action, this.virtualHost!, this.#weighted);
        this.#router.forward(this.#stream);
    }
  }

  #redirect(status: number, location: string): void {
    this.record.details = "direct_response";
    this.respond(new ResponseHead(status, ["location", location], 0), true);
  }

  // ── internal redirect ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Begins the request anew at another place, filters included (Envoy: recreateStream). */
  redirectTo(target: RedirectTarget, policy: InternalRedirectPolicy): boolean {
    const { head, connection } = this;
    const { scheme, authority, path, status } = target;
    const next = { method: head.method, scheme, authority, path, headers: head.headers };
    const virtualHost = connection.http.routes.current?.virtualHosts.find(authority);
    const route = virtualHost && chooseRoute(virtualHost, next, connection.facts, Math.random());
    const routes = new Set(this.redirects.routes).add(this.route?.name ?? "");
    if (!route || !admitsRoute(policy, routes, route.name)) return false;
    if (this.#bodyIsReplaced && !this.record.requestIsOver) return false;
    this.#router?.end();
    this.#router = undefined;
    this.#requestStages = undefined;
    this.#responseSink = undefined;
    this.#bodyIsReplaced = false;
    this.redirects = { count: this.redirects.count + 1, routes };
    moveHead(head, target);
    if (status === 303 && head.method !== "GET" && head.method !== "HEAD") this.#becomeGet();
    this.#phase = "filtering";
    this.#weighted = undefined;
    this.#chooseRoute();
    this.#runFilters(0);
    return true;
  }

  /** RFC 9110 15.4.4: what a 303 points to is read. */
  #becomeGet(): void {
    this.head.method = "GET";
    this.head.contentLength = -1;
    this.body?.drop();
    removeHeader(this.head.headers, "content-type");
  }

  // ── the client ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  get scheme(): string {
    return this.connection.scheme;
  }

  /** True when the request is its head alone, so that it can be sent in one frame. */
  get requestIsHeadOnly(): boolean {
    return this.requestEnded && (this.body?.isEmpty ?? true) && this.requestTrailers === undefined;
  }

  onData(chunk: Uint8Array): void {
    this.record.bytesReceived += chunk.length;
    this.#tap?.requestBody.take(chunk);
    this.#deadline?.touch();
    this.#requestMessages?.feed(chunk);
    const writable = this.#requestStages ? this.#requestStages.data(chunk) : this.#passData(chunk);
    if (!writable) this.#stream.pause();
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.record.requestOver();
    this.#deadline?.received();
    if (this.#requestStages) this.#requestStages.end(trailers);
    else this.#passEnd(trailers);
  }

  #passData(chunk: Uint8Array): boolean {
    if (this.#bodyIsReplaced) return true;
    const body = this.body!;
    return this.#router ? this.#router.onRequestData(body, chunk) : body.take(chunk, undefined);
  }

  #passEnd(trailers: HeaderList | undefined): void {
    if (this.#bodyIsReplaced) return;
    this.requestEnded = true;
    this.requestTrailers = trailers;
    this.#router?.onRequestEnd(trailers);
  }

  onWritable(): void {
    this.#router?.resumeResponse();
  }

  resumeRequest(): void {
    this.#stream.resume();
  }

  onReset(reason: ResetReason): void {
    if (this.#phase === "over") {
      this.#router?.cancelRequest();
      return;
    }
    if (reason === "protocol" || reason === "limit") {
      this.record.flag("DPE");
      this.record.details = "codec_error";
    } else {
      this.record.flag("DC");
      this.record.details = "downstream_remote_disconnect";
    }
    this.#finish();
  }

  // ── the answer ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  get responseStarted(): boolean {
    return this.record.response !== undefined;
  }

  /** The client has heard of it. */
  get isCommitted(): boolean {
    return this.responseStarted && this.#heldHead === undefined;
  }

  inform(status: number, headers: HeaderList): void {
    this.#stream.inform(status, headers);
  }

  respond(head: ResponseHead, end: boolean): void {
    this.#phase = "answering";
    this.record.response = head;
    this.#filterResponse(head, end, 0);
  }

  #filterResponse(head: ResponseHead, end: boolean, from: number): void {
    const next = this.connection.http.filters.onResponse(this, head, end, from);
    if (next === PASSED) this.#sendHead(head, end);
    else this.#heldHead = { head, end, next };
  }

  continueResponse(withBody = false): void {
    const held = this.#heldHead;
    if (!held || this.#phase !== "answering") return;
    this.#heldHead = undefined;
    this.#filterResponse(held.head, held.end && !withBody, held.next);
  }

  #sendHead(head: ResponseHead, end: boolean): void {
    this.record.answered();
    if (this.isGrpc && end) this.#grpcStatus = statusNumber(head.headers) ?? this.#grpcStatus;
    prepareResponse(head, this.connection);
    this.#tap?.answered(head.status, head.headers);
    this.#stream.respond(head, end);
    if (!end) return;
    this.record.isWhole = true;
    this.#finish();
  }

  respondData(chunk: Uint8Array): boolean {
    if (this.#phase !== "answering") return true;
    this.#deadline?.touch();
    return this.#responseSink ? this.#responseSink.data(chunk) : this.#sendData(chunk);
  }

  respondEnd(trailers: HeaderList | undefined): void {
    if (this.#phase !== "answering") return;
    if (this.#responseSink) this.#responseSink.end(trailers);
    else this.#sendEnd(trailers);
  }

  wrapResponseBody(wrap: (next: BodySink) => BodySink): void {
    const next = this.#responseSink ?? {
      data: (chunk: Uint8Array) => this.#sendData(chunk),
      end: (trailers: HeaderList | undefined) => this.#sendEnd(trailers),
    };
    this.#responseSink = wrap(next);
  }

  resumeResponse(): void {
    this.#router?.resumeResponse();
  }

  #sendData(chunk: Uint8Array): boolean {
    if (this.#phase !== "answering") return true;
    this.record.bytesSent += chunk.length;
    this.#tap?.responseBody.take(chunk);
    this.#responseMessages?.feed(chunk);
    return this.#stream.write(chunk);
  }

  #sendEnd(trailers: HeaderList | undefined): void {
    if (this.#phase !== "answering") return;
    this.record.trailers = trailers;
    if (trailers && this.isGrpc) this.#grpcStatus = statusNumber(trailers) ?? this.#grpcStatus;
    this.#stream.end(trailers);
    this.record.isWhole = true;
    this.#finish();
  }

  cutOff(flag: ResponseFlag | undefined, details: string): void {
    if (this.#phase === "over") return;
    if (flag) this.record.flag(flag);
    this.record.details = details;
    this.#stream.reset("reset");
    this.#finish();
  }

  /** A response of the proxy's own. */
  reply(
    status: number,
    body: string | Uint8Array,
    details: string,
    flag?: ResponseFlag,
    headers: HeaderList = [],
    grpcStatus?: number,
  ): void {
    if (this.#phase === "over" || this.isCommitted) return;
    this.record.details = details;
    if (flag) this.record.flag(flag);
    const grpc = this.isGrpc && (status !== 200 || grpcStatus !== undefined);
    if (grpc) this.#grpcStatus = grpcStatus ?? GRPC_STATUS[statusOfHttp(status).code];
    const { head, bytes } = localReply(
      status,
      body,
      headers,
      grpc ? this.#grpcStatus : undefined,
      this.head.method === "HEAD",
    );
    const { route } = this;
    this.record.response = head; // what the operators of header operations say
    if (route && route.headers !== NO_MUTATION)
      mutateHeaders(head.headers, route.headers.responseRemove, route.headers.responseSet, this.record);
    if (this.#heldHead) this.#replaceHeld(head, bytes === undefined);
    else this.respond(head, bytes === undefined);
    if (this.#heldHead) this.#router?.end(); // what it may still bring comes too late
    if (bytes === undefined || this.#phase !== "answering") return;
    this.respondData(bytes);
    this.respondEnd(undefined);
  }

  /** The filters have seen a response already; the client gets this one in its place. */
  #replaceHeld(head: ResponseHead, end: boolean): void {
    this.#router?.end();
    this.#heldHead = undefined;
    this.#responseSink = undefined;
    this.record.response = head;
    this.#sendHead(head, end);
  }

  tunnelOpened(head: ResponseHead): void {
    this.#phase = "answering";
    this.record.response = head;
    this.#tap?.answered(head.status, head.headers);
  }

  tunnelOver(received: number, sent: number): void {
    this.record.bytesReceived = received;
    this.record.bytesSent = sent;
    this.#finish();
  }

  // ── deadlines ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  setIdle(idleMs: number): void {
    if (idleMs === 0 && !this.#deadline) return;
    this.#deadline ??= new RequestDeadline(this);
    this.#deadline.setIdle(idleMs);
  }

  #setReceiptTimeout({ requestTimeoutMs }: HttpTable): void {
    if (this.requestEnded || requestTimeoutMs === 0) return;
    this.#deadline ??= new RequestDeadline(this);
    this.#deadline.setReceipt(requestTimeoutMs);
  }

  #setDuration({ maxStreamMs }: HttpTable, route: Route | undefined): void {
    const own = route?.action.kind === "forward" ? route.action.duration : undefined;
    const durationMs = streamDuration(own, maxStreamMs, this.head.headers);
    if (durationMs === 0) return;
    // The application hears how long it really has.
    if (own?.grpcMaxMs !== undefined && getHeader(this.head.headers, "grpc-timeout") !== undefined)
      setHeader(this.head.headers, "grpc-timeout", formatTimeout(durationMs));
    this.#deadline ??= new RequestDeadline(this);
    this.#deadline.setDuration(durationMs);
  }

  setTimeout(timeoutMs: number): void {
    this.#deadline ??= new RequestDeadline(this);
    this.#deadline.setTimeout(timeoutMs);
  }

  onTimeout(): void {
    this.#router?.countTimeout();
    this.#giveUp(504, "upstream request timeout", "response_timeout", "UT");
  }

  onReceiptTimeout(): void {
    this.#giveUp(408, "request timeout", "request_overall_timeout", undefined);
  }

  onMaxDuration(): void {
    const status = this.record.requestIsOver ? 504 : 408;
    const { DEADLINE_EXCEEDED } = GRPC_STATUS;
    this.#giveUp(status, "downstream duration timeout", "max_duration_timeout", undefined, DEADLINE_EXCEEDED);
  }

  onIdle(): void {
    this.#giveUp(this.record.requestIsOver ? 504 : 408, "stream timeout", "stream_idle_timeout", "SI");
  }

  #giveUp(status: number, body: string, details: string, flag: ResponseFlag | undefined, grpcStatus?: number): void {
    if (!this.isCommitted) {
      this.reply(status, body, details, flag, [], grpcStatus);
      return;
    }
    if (flag) this.record.flag(flag);
    this.record.details = details;
    this.#stream.reset("timeout");
    this.#finish();
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #finish(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#deadline?.end();
    this.#router?.end();
    if (this.isGrpc && this.#grpcStatus !== -1) this.record.grpcStatus = this.#grpcStatus;
    this.record.end();
    this.#report();
    const { filters, logs } = this.connection.http;
    filters.onEnd(this);
    writeLogs(logs, this.record);
    if (this.#tap) this.connection.context.taps.offer(this.#tap.over(this.requestTrailers, this.record.trailers));
  }

  #report(): void {
    const requests = this.#requestMessages;
    const responses = this.#responseMessages;
    const grpc = requests && responses && { status: this.#grpcStatus, requests, responses };
    reportExchange(this.connection, this.head, this.record, this.peerMetadata, grpc);
  }
}
