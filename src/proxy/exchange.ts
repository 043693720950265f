// One request's life, from its head to its line in the log. Reads top to bottom: begin, route, attempt, response, end.

import { Alarm, Deadline, timers } from "../base/timer-wheel.ts";
import { isGrpcContent } from "../grpc/content.ts";
import { parseTimeout } from "../grpc/deadline.ts";
import { GRPC_STATUS, statusOfHttp } from "../grpc/status.ts";
import { getHeader, type HeaderList, setHeader } from "../http/headers.ts";
import {
  type ClientStream,
  type RequestHead,
  type ResetReason,
  ResponseHead,
  type ServerStream,
  type StreamListener,
} from "../http/stream.ts";
import type { PlainOperator } from "../table/format.ts";
import { type HeaderMutation, NO_MUTATION } from "../table/header-mutation.ts";
import { type AttemptFailure, retriesFailure, retriesResponse } from "../table/retry-policy.ts";
import { chooseRoute, chooseWeighted, type ForwardAction, type Route, type VirtualHost } from "../table/route.ts";
import { Attempt } from "./attempt.ts";
import { isoTime } from "./clock.ts";
import { applyFilters } from "./filter/chain.ts";
import { type FormatSource, formatValue } from "./format-value.ts";
import { MessageCounter } from "./grpc-messages.ts";
import { mutateHeaders } from "./header-operations.ts";
import type { HttpConnection } from "./http-connection.ts";
import { localReply } from "./local-reply.ts";
import { redirectLocation } from "./redirect.ts";
import { RequestBody } from "./request-body.ts";
import { prepareRequest } from "./request-headers.ts";
import { addFlag, NO_FLAGS, type ResponseFlag } from "./response-flags.ts";
import { prepareResponse } from "./response-headers.ts";
import { continueTrace } from "./trace.ts";
import { openTunnel } from "./tunnel.ts";
import type { Cluster } from "./upstream/cluster.ts";
import { destinationHost } from "./upstream/destination.ts";
import type { Host } from "./upstream/host.ts";

/**
 * - `routing`: no attempt was made yet.
 * - `attempting`: an attempt waits for its connection or its response.
 * - `backing-off`: the last attempt failed, the next one is due.
 * - `answering`: the response's head went to the client.
 * - `over`: nothing is heard or said any more; the log line is written.
 */
type Phase = "routing" | "attempting" | "backing-off" | "answering" | "over";

/** The deadline is the request's: the route's time-out, or the idle time-out of the stream, whichever comes first. */
export class Exchange extends Deadline implements StreamListener, FormatSource {
  readonly connection: HttpConnection;
  readonly head: RequestHead;
  readonly #stream: ServerStream;
  readonly #startedAt = performance.now();
  readonly #startedOn = Date.now();
  readonly #isGrpc: boolean;
  #phase: Phase = "routing";
  /** Claims of the caller about itself, moved out of the headers by the inbound filters; "" without. */
  peerMetadata = "";

  // The request
  readonly #body = new RequestBody();
  #requestEnded: boolean;
  #requestTrailers: HeaderList | undefined = undefined;
  #bytesReceived = 0;
  #requestMessages: MessageCounter | undefined;

  // Where it goes
  #route: Route | undefined = undefined;
  #virtualHost: VirtualHost | undefined = undefined;
  #action: ForwardAction | undefined = undefined;
  #clusterName = "-";
  #cluster: Cluster | undefined = undefined;
  #clusterHeaders: HeaderMutation = NO_MUTATION;
  #attempt: Attempt | undefined = undefined;
  #attempts = 0;
  #tried: Host[] | undefined = undefined;
  #upstream: ClientStream | undefined = undefined;
  #backoff: Alarm | undefined = undefined;

  // The response
  #response: ResponseHead | undefined = undefined;
  #responseStarted = false;
  #attemptStartedAt = 0;
  #bytesSent = 0;
  #responseMessages: MessageCounter | undefined;
  #grpcStatus = -1;
  #flags: string = NO_FLAGS;
  #details = "-";
  #transportFailure = "-";
  trailers: HeaderList | undefined = undefined;

  // Deadlines, on the timer wheel's clock; 0 is none
  #timeoutAt = 0;
  #idleTimeoutMs = 0;
  #lastActivity = 0;

  constructor(connection: HttpConnection, stream: ServerStream, head: RequestHead, end: boolean) {
    super();
    this.connection = connection;
    this.head = head;
    this.#stream = stream;
    this.#requestEnded = end;
    this.#isGrpc = isGrpcContent(getHeader(head.headers, "content-type"));
    if (this.#isGrpc) {
      this.#requestMessages = new MessageCounter();
      this.#responseMessages = new MessageCounter();
    }
    stream.listener = this;
  }

  /** True when the request is its head alone, so that it can be sent in one frame. */
  get requestIsHeadOnly(): boolean {
    return this.#requestEnded && this.#body.isEmpty && this.#requestTrailers === undefined;
  }

  // ── begin ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  begin(): void {
    const { connection, head } = this;
    const { table } = connection.http;
    if (!prepareRequest(head, table, connection.facts, connection.forwardedCertificate)) {
      this.reply(400, "", "path_normalization_failed");
      return;
    }
    if (table.tracing) continueTrace(head.headers, table.tracing.samplingPercent);
    this.#armIdle(table.streamIdleTimeoutMs);
    if (head.upgrade !== undefined && !table.upgrades.has(head.upgrade)) {
      this.reply(403, "", "upgrade_failed");
      return;
    }
    this.#chooseRoute();
    if (!applyFilters(this, table.filters, this.#route)) return;
    this.#act();
  }

  #chooseRoute(): void {
    const routes = this.connection.http.routes.current;
    this.#virtualHost = routes?.virtualHosts.find(this.head.authority);
    this.#route = this.#virtualHost && chooseRoute(this.#virtualHost, this.head);
  }

  #act(): void {
    const route = this.#route;
    if (!route) {
      this.reply(404, "", "route_not_found", "NR");
      return;
    }
    switch (route.action.kind) {
      case "direct":
        this.reply(route.action.status, route.action.body, "direct_response");
        return;
      case "redirect":
        this.#redirect(route);
        return;
      case "forward":
        this.#forward(route, route.action);
    }
  }

  #redirect(route: Route): void {
    const { action } = route;
    if (action.kind !== "redirect") return;
    const head = new ResponseHead(
      action.status,
      ["location", redirectLocation(action, this.head, route.match.path)],
      0,
    );
    this.#details = "direct_response";
    this.#answer(head, true);
  }

  // ── forward ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #forward(route: Route, action: ForwardAction): void {
    this.#action = action;
    this.#chooseCluster(action);
    const cluster = this.connection.context.clusters.get(this.#clusterName);
    if (!cluster) {
      this.reply(action.clusterNotFoundStatus, "", "cluster_not_found", "NC");
      return;
    }
    this.#cluster = cluster;
    if (!cluster.breakers.admitRequest()) {
      this.#cluster = undefined;
      this.#overflow("too many requests");
      return;
    }
    cluster.stats.requests++;
    this.#rewrite(route, action);
    this.#armTimeout(action);
    if (!action.retry) this.#body.forgetWhenSent();
    if (this.head.method === "CONNECT" && this.head.upgrade === undefined) this.#tunnel(action, cluster);
    else this.#attemptOnHost(cluster);
  }

  #chooseCluster({ cluster }: ForwardAction): void {
    if (cluster.kind === "single") {
      this.#clusterName = cluster.name;
      return;
    }
    const chosen = chooseWeighted(cluster.clusters, cluster.total, Math.random());
    this.#clusterName = chosen.name;
    this.#clusterHeaders = chosen.headers;
  }

  /** Envoy's order: the weighted cluster's operations first, then the route's with what it inherits, then the rewrites. */
  #rewrite(route: Route, action: ForwardAction): void {
    const { head } = this;
    const { headers } = head;
    if (this.#clusterHeaders !== NO_MUTATION)
      mutateHeaders(headers, this.#clusterHeaders.requestRemove, this.#clusterHeaders.requestSet, this);
    if (route.headers !== NO_MUTATION)
      mutateHeaders(headers, route.headers.requestRemove, route.headers.requestSet, this);
    if (action.hostRewrite !== undefined && action.hostRewrite !== head.authority) {
      setHeader(headers, "x-envoy-original-host", head.authority);
      head.authority = action.hostRewrite;
    }
    if (
      action.prefixRewrite !== undefined &&
      (route.match.path.kind === "prefix" || route.match.path.kind === "segments")
    ) {
      setHeader(headers, "x-envoy-original-path", head.path);
      head.path = action.prefixRewrite + head.path.slice(route.match.path.text.length);
    }
    if (this.#virtualHost?.attemptCountHeader) setHeader(headers, "x-envoy-attempt-count", "1");
  }

  #tunnel(action: ForwardAction, cluster: Cluster): void {
    if (!action.terminateConnect) {
      this.reply(403, "", "upgrade_failed");
      return;
    }
    this.#resolveHost(cluster, (host) => {
      this.#phase = "answering";
      openTunnel(this, this.#stream, cluster, host);
    });
  }

  #attemptOnHost(cluster: Cluster): void {
    this.#resolveHost(cluster, (host) => this.#startAttempt(cluster, host));
  }

  /** Calls `then` with a host, at once in all cases but an unknown name; or replies that there is none. */
  #resolveHost(cluster: Cluster, then: (host: Host) => void): void {
    const { discovery } = cluster.table;
    if (discovery.kind === "original-destination" || discovery.kind === "dynamic-forward-proxy") {
      destinationHost(cluster, this.connection, this.head, (host) => {
        if (this.#phase === "over") return;
        if (host) then(host);
        else this.reply(503, "DNS resolution failure", "dns_resolution_failure", "UF");
      });
      return;
    }
    const retry = this.#action?.retry;
    const host = cluster.choose(retry?.avoidPreviousHosts ? this.#tried : undefined, retry?.hostSelectionAttempts ?? 1);
    if (host) {
      then(host);
      return;
    }
    cluster.stats.noHost++;
    this.reply(503, "no healthy upstream", "no_healthy_upstream", "UH");
  }

  #startAttempt(cluster: Cluster, host: Host): void {
    this.#phase = "attempting";
    this.#attempts++;
    this.#attemptStartedAt = performance.now();
    if (this.#attempts > 1 && this.#virtualHost?.attemptCountHeader)
      setHeader(this.head.headers, "x-envoy-attempt-count", String(this.#attempts));
    const { protocol } = cluster.table;
    const wanted = protocol === "downstream" ? (this.head.protocol === "HTTP/2" ? "http2" : "http1") : protocol;
    const attempt = new Attempt(this, cluster, host, cluster.pool(host, wanted), this.#attempts > 1);
    this.#attempt = attempt;
    attempt.begin(this.#action?.retry?.perTryTimeoutMs ?? 0);
  }

  // ── the attempt reports ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The head was sent; what waited of the body follows. */
  onUpstreamOpen(upstream: ClientStream): void {
    this.#upstream = upstream;
    if (this.requestIsHeadOnly) return;
    const writable = this.#body.send(upstream);
    if (this.#requestEnded) upstream.end(this.#requestTrailers);
    else if (writable) this.#stream.resume();
  }

  onRequestWritable(): void {
    if (!this.#requestEnded) this.#stream.resume();
  }

  onInform(status: number, headers: HeaderList): void {
    if (this.#phase === "attempting") this.#stream.inform(status, headers);
  }

  onResponse(attempt: Attempt, head: ResponseHead, end: boolean): void {
    const retry = this.#action?.retry;
    if (retry && this.#attempts <= retry.retries && this.#mayRetry()) {
      const grpcStatus = this.#isGrpc && end ? readGrpcStatus(head.headers) : undefined;
      if (retriesResponse(retry, head.status, grpcStatus) && this.#scheduleRetry()) {
        attempt.abandon();
        return;
      }
    }
    this.#details = "via_upstream";
    if (this.#route && this.#route.headers !== NO_MUTATION)
      mutateHeaders(head.headers, this.#route.headers.responseRemove, this.#route.headers.responseSet, this);
    if (this.#clusterHeaders !== NO_MUTATION)
      mutateHeaders(head.headers, this.#clusterHeaders.responseRemove, this.#clusterHeaders.responseSet, this);
    setHeader(
      head.headers,
      "x-envoy-upstream-service-time",
      String(Math.round(performance.now() - this.#attemptStartedAt)),
    );
    if (this.#virtualHost?.attemptCountInResponse)
      setHeader(head.headers, "x-envoy-attempt-count", String(this.#attempts));
    this.#body.forget();
    this.#answer(head, end);
  }

  onResponseData(chunk: Uint8Array): void {
    if (this.#phase !== "answering") return;
    this.#bytesSent += chunk.length;
    this.#lastActivity = timers.now;
    this.#responseMessages?.feed(chunk);
    if (!this.#stream.write(chunk)) this.#attempt?.pause();
  }

  onResponseEnd(trailers: HeaderList | undefined): void {
    if (this.#phase !== "answering") return;
    this.trailers = trailers;
    if (trailers && this.#isGrpc) this.#grpcStatus = readGrpcStatus(trailers) ?? this.#grpcStatus;
    this.#stream.end(trailers);
    this.#finish();
  }

  /** The attempt is over without a whole response. */
  onAttemptFailure(failure: AttemptFailure, detail: string): void {
    if (this.#phase === "over") return;
    this.#upstream = undefined;
    if (this.#responseStarted) {
      this.#addFlag(failure === "refused" || detail === "remote_reset" ? "UR" : "UC");
      this.#details = `upstream_reset_after_response_started{${detail}}`;
      this.#stream.reset("reset");
      this.#finish();
      return;
    }
    const retry = this.#action?.retry;
    if (retry && retriesFailure(retry, failure)) {
      if (this.#attempts <= retry.retries && this.#mayRetry() && this.#scheduleRetry()) return;
      if (this.#attempts > retry.retries) this.#addFlag("URX");
    }
    this.#replyFailure(failure, detail);
  }

  #replyFailure(failure: AttemptFailure, detail: string): void {
    switch (failure) {
      case "connect-failure": {
        this.#transportFailure = detail;
        const reason = detail === "connect timeout" ? "connection timeout" : "remote connection failure";
        const body = `upstream connect error or disconnect/reset before headers. reset reason: ${reason}, transport failure reason: ${detail}`;
        this.reply(
          503,
          body,
          `upstream_reset_before_response_started{${reason.replaceAll(" ", "_")}|${detail.replaceAll(" ", "_")}}`,
          "UF",
        );
        return;
      }
      case "overflow":
        this.#overflow(detail);
        return;
      case "per-try-timeout":
        this.reply(504, "upstream request timeout", "upstream_per_try_timeout", "UT");
        return;
      default: {
        const flag: ResponseFlag =
          detail === "connection_termination" ? "UC" : detail === "protocol_error" ? "UPE" : "UR";
        const body = `upstream connect error or disconnect/reset before headers. reset reason: ${detail.replaceAll("_", " ")}`;
        this.reply(flag === "UPE" ? 502 : 503, body, `upstream_reset_before_response_started{${detail}}`, flag);
      }
    }
  }

  #overflow(detail: string): void {
    this.#transportFailure = detail;
    this.reply(
      503,
      "upstream connect error or disconnect/reset before headers. reset reason: overflow",
      "upstream_reset_before_response_started{overflow}",
      "UO",
      ["x-envoy-overloaded", "true"],
    );
  }

  // ── retries ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What was sent of the body is still here, and nobody else is told yet. */
  #mayRetry(): boolean {
    return !this.#responseStarted && this.#body.isWhole;
  }

  /** False when the cluster's budget of retries is spent. */
  #scheduleRetry(): boolean {
    const retry = this.#action?.retry;
    const cluster = this.#cluster;
    if (!retry || !cluster?.breakers.admitRetry()) return false;
    cluster.stats.retries++;
    const { host } = this.#attempt!;
    if (this.#tried) this.#tried.push(host);
    else this.#tried = [host];
    this.#phase = "backing-off";
    this.#upstream = undefined;
    const ceiling = Math.min(retry.backoffMaxMs, retry.backoffBaseMs * (2 ** this.#attempts - 1));
    this.#backoff ??= new Alarm(() => this.#attemptOnHost(cluster));
    timers.arm(this.#backoff, Math.random() * ceiling);
    return true;
  }

  // ── the client ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onData(chunk: Uint8Array): void {
    this.#bytesReceived += chunk.length;
    this.#lastActivity = timers.now;
    this.#requestMessages?.feed(chunk);
    if (!this.#body.take(chunk, this.#upstream)) this.#stream.pause();
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.#requestEnded = true;
    this.#requestTrailers = trailers;
    this.#upstream?.end(trailers);
  }

  onWritable(): void {
    this.#attempt?.resume();
  }

  onReset(reason: ResetReason): void {
    if (this.#phase === "over") return;
    if (reason === "protocol" || reason === "limit") {
      this.#addFlag("DPE");
      this.#details = "codec_error";
    } else {
      this.#addFlag("DC");
      this.#details = "downstream_remote_disconnect";
    }
    this.#attempt?.abandon();
    this.#finish();
  }

  // ── deadlines ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #armIdle(timeoutMs: number): void {
    this.#idleTimeoutMs = timeoutMs;
    if (timeoutMs === 0) return;
    this.#lastActivity = timers.now;
    timers.arm(this, timeoutMs);
  }

  #armTimeout(action: ForwardAction): void {
    if (action.idleTimeoutMs !== undefined && action.idleTimeoutMs !== this.#idleTimeoutMs)
      this.#armIdle(action.idleTimeoutMs);
    const timeoutMs = requestTimeout(action, this.#isGrpc, this.head.headers);
    if (timeoutMs === 0) return;
    this.#timeoutAt = performance.now() + timeoutMs;
    timers.arm(this, this.#idleTimeoutMs === 0 ? timeoutMs : Math.min(timeoutMs, this.#idleTimeoutMs));
    setHeader(this.head.headers, "x-envoy-expected-rq-timeout-ms", String(timeoutMs));
  }

  onDeadline(): void {
    const now = performance.now();
    if (this.#timeoutAt > 0 && now >= this.#timeoutAt - 1) {
      if (this.#cluster) this.#cluster.stats.timeouts++;
      this.#giveUp(
        504,
        "upstream request timeout",
        this.#responseStarted ? "upstream_max_stream_duration_reached" : "upstream_response_timeout",
        "UT",
      );
      return;
    }
    const idleFor = timers.now - this.#lastActivity;
    if (this.#idleTimeoutMs > 0 && idleFor >= this.#idleTimeoutMs - 10) {
      this.#giveUp(this.#requestEnded ? 504 : 408, "stream timeout", "stream_idle_timeout", "SI");
      return;
    }
    const idleLeft = this.#idleTimeoutMs === 0 ? Number.POSITIVE_INFINITY : this.#idleTimeoutMs - idleFor;
    const left = this.#timeoutAt === 0 ? idleLeft : Math.min(idleLeft, this.#timeoutAt - now);
    timers.arm(this, left);
  }

  #giveUp(status: number, body: string, details: string, flag: ResponseFlag): void {
    this.#attempt?.abandon();
    if (!this.#responseStarted) {
      this.reply(status, body, details, flag);
      return;
    }
    this.#addFlag(flag);
    this.#details = details;
    this.#stream.reset("timeout");
    this.#finish();
  }

  // ── the answer ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A response of the proxy's own. `details` are Envoy's, for the log. */
  reply(status: number, body: string, details: string, flag?: ResponseFlag, headers: HeaderList = []): void {
    if (this.#phase === "over" || this.#responseStarted) return;
    this.#details = details;
    if (flag) this.#addFlag(flag);
    const grpc = this.#isGrpc && status !== 200;
    if (grpc) this.#grpcStatus = GRPC_STATUS[statusOfHttp(status).code];
    const { head, bytes } = localReply(status, body, headers, grpc, this.head.method === "HEAD");
    const route = this.#route;
    if (route && route.headers !== NO_MUTATION)
      mutateHeaders(head.headers, route.headers.responseRemove, route.headers.responseSet, this);
    this.#answer(head, bytes === undefined);
    if (bytes === undefined) return;
    this.#bytesSent = bytes.length;
    this.#stream.write(bytes);
    this.#stream.end();
    this.#finish();
  }

  #answer(head: ResponseHead, end: boolean): void {
    this.#phase = "answering";
    this.#responseStarted = true;
    this.#response = head;
    if (this.#isGrpc && end) this.#grpcStatus = readGrpcStatus(head.headers) ?? this.#grpcStatus;
    prepareResponse(head, this.connection);
    this.#stream.respond(head, end);
    if (end) this.#finish();
  }

  /** Bytes that a tunnel moved, told when it is over. */
  onTunnelOver(received: number, sent: number, failure: string | undefined): void {
    this.#bytesReceived = received;
    this.#bytesSent = sent;
    if (failure !== undefined) {
      this.#phase = "routing";
      this.#replyFailure("connect-failure", failure);
      return;
    }
    this.#finish();
  }

  /** The tunnel stands: the client was told so with this head. */
  onTunnelOpen(head: ResponseHead): void {
    this.#responseStarted = true;
    this.#response = head;
    this.#details = "via_upstream";
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #addFlag(flag: ResponseFlag): void {
    this.#flags = addFlag(this.#flags, flag);
  }

  #finish(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    if (this.armed) timers.disarm(this);
    if (this.#backoff?.armed) timers.disarm(this.#backoff);
    this.#attempt?.abandon();
    this.#cluster?.breakers.releaseRequest();
    this.#report();
    const { logs } = this.connection.http;
    for (let i = 0; i < logs.length; i++) logs[i]!.file.append(formatValue(logs[i]!.format, this));
    this.connection.onExchangeOver();
  }

  #report(): void {
    const { connection } = this;
    const protocol = this.#isGrpc ? "grpc" : "http";
    const edge = connection.edge(this.#cluster, this.#attempt?.host, this.peerMetadata, this.head.authority, protocol);
    const status = this.#response?.status ?? 0;
    const grpcStatus = this.#isGrpc ? this.#grpcStatus : -1;
    const response = this.#response?.wireBytes ?? 0;
    edge.record(
      status,
      grpcStatus,
      this.#flags,
      performance.now() - this.#startedAt,
      this.head.wireBytes + this.#bytesReceived,
      response + this.#bytesSent,
    );
    if (this.#isGrpc) edge.messages(this.#requestMessages!.count, this.#responseMessages!.count);
  }

  // ── what logs and header operations read ───────────────────────────────────────────────────────────────────────────────────────

  get request(): RequestHead {
    return this.head;
  }

  get responseHeaders(): HeaderList | undefined {
    return this.#response?.headers;
  }

  operator(name: PlainOperator): string {
    const { facts } = this.connection;
    switch (name) {
      case "START_TIME":
        return isoTime(this.#startedOn);
      case "PROTOCOL":
        return this.head.protocol;
      case "RESPONSE_CODE":
        return String(this.#response?.status ?? 0);
      case "RESPONSE_FLAGS":
        return this.#flags;
      case "RESPONSE_CODE_DETAILS":
        return this.#details;
      case "CONNECTION_TERMINATION_DETAILS":
        return "-";
      case "UPSTREAM_TRANSPORT_FAILURE_REASON":
        return this.#transportFailure;
      case "BYTES_RECEIVED":
        return String(this.#bytesReceived);
      case "BYTES_SENT":
        return String(this.#bytesSent);
      case "DURATION":
        return String(Math.round(performance.now() - this.#startedAt));
      case "RESPONSE_DURATION":
        return this.#response ? (getHeader(this.#response.headers, "x-envoy-upstream-service-time") ?? "-") : "-";
      case "UPSTREAM_HOST":
        return this.#attempt?.host.label ?? "-";
      case "UPSTREAM_CLUSTER":
        return this.#cluster?.table.statName ?? this.#clusterName;
      case "UPSTREAM_CLUSTER_RAW":
        return this.#clusterName;
      case "UPSTREAM_LOCAL_ADDRESS":
        return this.#attempt?.localAddress ?? "-";
      case "UPSTREAM_REQUEST_ATTEMPT_COUNT":
        return String(this.#attempts);
      case "DOWNSTREAM_LOCAL_ADDRESS":
        return this.connection.localLabel;
      case "DOWNSTREAM_REMOTE_ADDRESS":
        return this.connection.remoteLabel;
      case "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":
        return facts.remoteAddress;
      case "DOWNSTREAM_PEER_URI_SAN":
        return facts.principal || "-";
      case "REQUESTED_SERVER_NAME":
        return facts.serverName || "-";
      case "ROUTE_NAME":
        return this.#route?.name || "-";
      case "HOSTNAME":
        return process.env.HOSTNAME ?? "-";
    }
  }
}

function readGrpcStatus(headers: HeaderList): number | undefined {
  const status = getHeader(headers, "grpc-status");
  return status !== undefined && /^\d{1,2}$/.test(status) ? Number(status) : undefined;
}

/** The route's time-out, or the client's `grpc-timeout` where the route honours it (Envoy: FilterUtility::finalTimeout). 0 is none. */
function requestTimeout(action: ForwardAction, grpc: boolean, headers: HeaderList): number {
  const asked =
    grpc && action.grpcTimeoutMaxMs !== undefined ? parseTimeout(getHeader(headers, "grpc-timeout")) : undefined;
  if (asked === undefined) return action.timeoutMs;
  return action.grpcTimeoutMaxMs === 0 ? asked : Math.min(asked, action.grpcTimeoutMaxMs!);
}
