// One request's life on the client's side, from its head to its line in the log (Envoy: ConnectionManagerImpl::ActiveStream). Reads top
// to bottom: begin, route, filters, act, the client, the answer, deadlines, end. What is forwarded is router/router.ts's, the way of the
// response client-response.ts's.

import { type Afterwork, afterTurn } from "../base/end-of-turn.ts";
import { isGrpcContent } from "../grpc/content.ts";
import { getHeader, type HeaderList, removeHeader } from "../http/headers.ts";
import {
  type RequestHead,
  type ResetReason,
  ResponseHead,
  type ServerStream,
  type StreamListener,
} from "../http/stream.ts";
import { detectClient } from "../table/client-address.ts";
import { NO_ROUTE_FILTERS, type RouteFilters } from "../table/filter/filter.ts";
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
import { ClientResponse, type RespondedRequest } from "./client-response.ts";
import { behindProxies } from "./connection-facts.ts";
import type { Downstream } from "./downstream.ts";
import { reportExchange } from "./exchange-report.ts";
import { ANSWERED, PASSED } from "./filter/chain.ts";
import type { BodySink } from "./filter/filter.ts";
import { RequestStages } from "./filter/request-stages.ts";
import { GrpcCall } from "./grpc-call.ts";
import { sheds } from "./overload/shed.ts";
import { RequestDeadline, streamDuration, type TimedRequest, tellDuration } from "./request-deadline.ts";
import { prepareRequest } from "./request-headers.ts";
import type { ResponseFlag } from "./response-flags.ts";
import type { ForwardedRequest } from "./router/forwarded-request.ts";
import {
  admitsRoute,
  moveHead,
  NO_REDIRECTS,
  type RedirectHistory,
  type RedirectTarget,
} from "./router/internal-redirect.ts";
import { RequestBody } from "./router/request-body.ts";
import { Router } from "./router/router.ts";
import type { TapRecorder } from "./tap.ts";
import { type RequestTimeout, timeoutReply } from "./timeout-reply.ts";
import { continueTrace } from "./trace.ts";
import type { RequestTrace, TracedRequest } from "./tracing/request-trace.ts";
import type { OverrideHost } from "./upstream/load-balancer-context.ts";

/**
 * - `filtering`: the filters have not all let it go on.
 * - `forwarding`: the router has it.
 * - `answering`: there is a response.
 * - `over`: nothing is heard or said any more; the log line is written when the turn has been flushed.
 */
type Phase = "filtering" | "forwarding" | "answering" | "over";

export class Exchange
  implements StreamListener, RespondedRequest, ForwardedRequest, TimedRequest, TracedRequest, Afterwork
{
  readonly connection: Downstream;
  readonly head: RequestHead;
  readonly record: AccessRecord;
  readonly grpc: GrpcCall | undefined;
  readonly #stream: ServerStream;
  #phase: Phase = "filtering";

  // The request
  /** As it comes through the stages of filters. */
  body: RequestBody | undefined;
  peerMetadata = "";
  trace: RequestTrace | undefined = undefined;
  toldOperation = "";
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
  readonly #response: ClientResponse;
  #deadline: RequestDeadline | undefined = undefined;
  /** Undefined while nobody watches. */
  readonly #tap: TapRecorder | undefined;

  constructor(connection: Downstream, stream: ServerStream, head: RequestHead, end: boolean) {
    this.connection = connection;
    this.head = head;
    this.record = new AccessRecord(connection.facts, head);
    this.record.downstream = stream;
    this.#stream = stream;
    if (end) this.record.requestOver();
    this.body = end ? undefined : new RequestBody();
    this.grpc = isGrpcContent(getHeader(head.headers, "content-type")) ? new GrpcCall() : undefined;
    this.#tap = connection.context.taps.begin(head, connection.facts);
    this.#response = new ClientResponse(this, stream, this.#tap);
    stream.listener = this;
  }

  // ── begin ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  begin(): void {
    const { connection, head } = this;
    const { table } = connection.http;
    if (this.#phase === "over") return; // it had to wait for its turn, and was reset meanwhile
    if (sheds(this, connection.http.filters)) return;
    const client = detectClient(head, table, connection.facts);
    if (typeof client === "object") this.record.facts = behindProxies(connection.facts, client.address);
    const refusal = prepareRequest(head, table, connection.facts, connection.forwardedCertificate, client);
    if (refusal) {
      this.reply(refusal.status, "", refusal.details, undefined, refusal.headers);
      return;
    }
    if (!table.proxiesContinue) this.#askForBody();
    if (table.tracing?.propagates && !connection.http.tracing)
      continueTrace(head.headers, table.tracing.sampling.random);
    this.setIdle(table.streamIdleTimeoutMs);
    this.#setReceiptTimeout(table);
    if (head.upgrade !== undefined && !table.upgrades.has(head.upgrade)) {
      this.reply(403, "", "upgrade_failed");
      return;
    }
    this.#chooseRoute();
    const { tracing } = connection.http;
    if (tracing) tracing.begin(this);
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
    const route = this.virtualHost && chooseRoute(this.virtualHost, this.head, this.record.facts, Math.random(), this);
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

  /** Bytes of the request that are kept. */
  get heldBytes(): number {
    return this.body?.heldBytes ?? 0;
  }

  get isGrpc(): boolean {
    return this.grpc !== undefined;
  }

  get isHeadOnly(): boolean {
    return this.body === undefined;
  }

  get remoteAddress(): string {
    return this.record.facts.remoteAddress;
  }

  get remotePort(): number {
    return this.record.facts.remotePort;
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
    const body = this.body!;
    const { ended, trailers } = body;
    const held = body.takeAll();
    const stage = this.#requestStages.append(wrap);
    for (const chunk of held) stage.data(chunk);
    if (ended) stage.end(trailers);
    return stage;
  }

  replaceRequestBody(bytes: Uint8Array): void {
    this.body ??= new RequestBody();
    this.body.drop();
    this.body.take(bytes, undefined);
    this.body.end(undefined, undefined);
    this.head.contentLength = bytes.length;
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
    const { scheme, authority, path } = target;
    const next = { method: head.method, scheme, authority, path, headers: head.headers };
    const virtualHost = connection.http.routes.current?.virtualHosts.find(authority);
    const route = virtualHost && chooseRoute(virtualHost, next, this.record.facts, Math.random(), this);
    const routes = new Set(this.redirects.routes).add(this.route?.name ?? "");
    if (!route || !admitsRoute(policy, routes, route.name)) return false;
    if (this.#bodyIsReplaced && !this.record.requestIsOver) return false;
    this.#router?.end();
    this.#router = undefined;
    this.#requestStages = undefined;
    this.#response.forgetStages();
    this.#bodyIsReplaced = false;
    this.redirects = { count: this.redirects.count + 1, routes };
    if (!moveHead(head, target)) this.body?.drop();
    this.#phase = "filtering";
    this.#weighted = undefined;
    this.#chooseRoute();
    this.#runFilters(0);
    return true;
  }

  // ── the client ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  get scheme(): string {
    return this.connection.scheme;
  }

  /** True when the request is its head alone, so that it can be sent in one frame. */
  get requestIsHeadOnly(): boolean {
    return this.body === undefined || this.body.isNothing;
  }

  onData(chunk: Uint8Array): void {
    this.record.bytesReceived += chunk.length;
    this.#tap?.requestBody.take(chunk);
    this.#deadline?.touch();
    this.grpc?.requests.feed(chunk);
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
    const body = this.body!;
    if (this.#router) this.#router.onRequestEnd(body, trailers);
    else body.end(trailers, undefined);
  }

  onWritable(): void {
    this.#router?.resumeResponse();
  }

  pauseRequest(): void {
    this.#stream.pause();
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

  get isCommitted(): boolean {
    return this.#response.isCommitted;
  }

  inform(status: number, headers: HeaderList): void {
    this.#stream.inform(status, headers);
  }

  respond(head: ResponseHead, end: boolean): void {
    this.#phase = "answering";
    this.#response.begin(head, end);
  }

  respondData(chunk: Uint8Array): boolean {
    this.#deadline?.touch();
    return this.#response.data(chunk);
  }

  respondEnd(trailers: HeaderList | undefined): void {
    this.#response.end(trailers);
  }

  continueResponse(withBody = false): void {
    this.#response.continue(withBody);
  }

  wrapResponseBody(wrap: (next: BodySink) => BodySink): void {
    this.#response.wrap(wrap);
  }

  pauseResponse(): void {
    this.#router?.pauseResponse();
  }

  resumeResponse(): void {
    this.#router?.resumeResponse();
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
    this.#phase = "answering";
    this.record.details = details;
    if (flag) this.record.flag(flag);
    // Of a cluster that is not there Envoy knows no name; where that is the failure, the explanation says it.
    if (flag !== "NC" && !this.record.cluster && !this.connection.context.clusters.has(this.record.clusterName))
      this.record.clusterName = "";
    this.#response.reply(status, body, headers, grpcStatus);
  }

  endForwarding(): void {
    this.#router?.end();
  }

  cutOff(flag: ResponseFlag | undefined, details: string, reason: ResetReason = "reset"): void {
    if (this.#phase === "over") return;
    if (flag) this.record.flag(flag);
    this.record.details = details;
    this.#stream.reset(reason);
    this.#finish();
  }

  onResponseOver(): void {
    this.#finish();
  }

  tunnelOpened(head: ResponseHead): void {
    this.#phase = "answering";
    this.#response.tunnelOpened(head);
  }

  tunnelOver(received: number, sent: number): void {
    this.record.bytesReceived = received;
    this.record.bytesSent = sent;
    this.record.upstream = { wireSent: received, wireReceived: sent, headerSent: 0, headerReceived: 0 };
    this.#finish();
  }

  // ── deadlines ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  setIdle(idleMs: number): void {
    if (idleMs !== 0 || this.#deadline) this.#timer().setIdle(idleMs);
  }

  setTimeout(timeoutMs: number): void {
    this.#timer().setTimeout(timeoutMs);
  }

  #setReceiptTimeout({ requestTimeoutMs }: HttpTable): void {
    if (this.body?.ended === false && requestTimeoutMs !== 0) this.#timer().setReceipt(requestTimeoutMs);
  }

  #setDuration({ maxStreamMs }: HttpTable, route: Route | undefined): void {
    const own = route?.action.kind === "forward" ? route.action.duration : undefined;
    const durationMs = streamDuration(own, maxStreamMs, this.head.headers);
    if (durationMs === 0) return;
    tellDuration(own, durationMs, this.head.headers);
    this.#timer().setDuration(durationMs);
  }

  #timer(): RequestDeadline {
    this.#deadline ??= new RequestDeadline(this, this.connection.context.overload);
    return this.#deadline;
  }

  onTimeout(timeout: RequestTimeout): void {
    if (timeout === "response") this.#router?.countTimeout();
    const { status, body, details, flag, grpcStatus } = timeoutReply(timeout, this.record.requestIsOver);
    if (this.isCommitted) this.cutOff(flag, details, "timeout");
    else this.reply(status, body, details, flag, [], grpcStatus);
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #finish(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#response.close();
    this.#deadline?.end();
    this.#router?.end();
    const { record, grpc } = this;
    if (grpc && grpc.status !== -1) record.grpcStatus = grpc.status;
    record.end();
    this.connection.http.filters.onEnd(this);
    afterTurn(this);
  }

  /** What is told of it: the client does not wait for that. */
  afterTurn(): void {
    const { connection, head, record, grpc } = this;
    reportExchange(connection, head, record, this.peerMetadata, grpc);
    writeLogs(connection.http.logs, record);
    this.trace?.finish(record);
    if (this.#tap) connection.context.taps.offer(this.#tap.over(this.body?.trailers, record.trailers));
  }
}
