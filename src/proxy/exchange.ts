// One request's life, from its head to its line in the log. Reads top to bottom: begin, route, attempt, response, end.

import { Alarm, timers } from "../base/timer-wheel.ts";
import { isGrpcContent } from "../grpc/content.ts";
import { GRPC_STATUS, statusNumber, statusOfHttp } from "../grpc/status.ts";
import { getHeader, type HeaderList, setHeader } from "../http/headers.ts";
import {
  type ClientStream,
  type RequestHead,
  type ResetReason,
  ResponseHead,
  type ServerStream,
  type StreamListener,
} from "../http/stream.ts";
import { type HeaderMutation, NO_MUTATION } from "../table/header-mutation.ts";
import { type AttemptFailure, retriesFailure, retriesResponse } from "../table/retry-policy.ts";
import { chooseRoute, chooseWeighted, type ForwardAction, type Route, type VirtualHost } from "../table/route.ts";
import { AccessRecord } from "./access-record.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import type { Downstream } from "./downstream.ts";
import { applyFilters, type FilteredRequest } from "./filter/chain.ts";
import { MessageCounter } from "./grpc-messages.ts";
import { mutateHeaders } from "./header-operations.ts";
import { localReply } from "./local-reply.ts";
import { redirectLocation } from "./redirect.ts";
import { RequestBody } from "./request-body.ts";
import { RequestDeadline, requestTimeout, type TimedRequest } from "./request-deadline.ts";
import { prepareRequest } from "./request-headers.ts";
import type { ResponseFlag } from "./response-flags.ts";
import { prepareResponse } from "./response-headers.ts";
import { continueTrace } from "./trace.ts";
import { openTunnel, type TunnelOwner } from "./tunnel.ts";
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

export class Exchange implements StreamListener, AttemptOwner, FilteredRequest, TunnelOwner, TimedRequest {
  readonly connection: Downstream;
  readonly head: RequestHead;
  readonly #stream: ServerStream;
  readonly #record: AccessRecord;
  readonly #isGrpc: boolean;
  #phase: Phase = "routing";
  /** Claims of the caller about itself, moved out of the headers by the inbound filters; "" without. */
  peerMetadata = "";

  // The request
  readonly #body = new RequestBody();
  #requestEnded: boolean;
  #requestTrailers: HeaderList | undefined = undefined;
  #requestMessages: MessageCounter | undefined;

  // Where it goes
  #route: Route | undefined = undefined;
  #virtualHost: VirtualHost | undefined = undefined;
  #action: ForwardAction | undefined = undefined;
  #clusterHeaders: HeaderMutation = NO_MUTATION;
  #attempt: Attempt | undefined = undefined;
  #tried: Host[] | undefined = undefined;
  #upstream: ClientStream | undefined = undefined;
  #backoff: Alarm | undefined = undefined;

  // The response
  #responseStarted = false;
  #attemptStartedAt = 0;
  #responseMessages: MessageCounter | undefined;
  #grpcStatus = -1;

  #deadline: RequestDeadline | undefined = undefined;

  constructor(connection: Downstream, stream: ServerStream, head: RequestHead, end: boolean) {
    this.connection = connection;
    this.#record = new AccessRecord(connection.facts, head);
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
    this.#record.routeName = this.#route?.name ?? "";
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
    this.#record.details = "direct_response";
    this.#answer(head, true);
  }

  // ── forward ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #forward(route: Route, action: ForwardAction): void {
    this.#action = action;
    this.#chooseCluster(action);
    const cluster = this.connection.context.clusters.get(this.#record.clusterName);
    if (!cluster) {
      this.reply(action.clusterNotFoundStatus, "", "cluster_not_found", "NC");
      return;
    }
    this.#record.cluster = cluster;
    if (!cluster.breakers.admitRequest()) {
      this.#record.cluster = undefined;
      this.#overflow("too many requests");
      return;
    }
    cluster.stats.requests++;
    this.#rewrite(route, action);
    this.#armTimeout(action);
    if (!action.retry) this.#body.forgetWhenSent();
    if (this.#isTunnel && !action.terminateConnect) this.reply(403, "", "upgrade_failed");
    else this.#attemptOnHost(cluster);
  }

  #chooseCluster({ cluster }: ForwardAction): void {
    if (cluster.kind === "single") {
      this.#record.clusterName = cluster.name;
      return;
    }
    const chosen = chooseWeighted(cluster.clusters, cluster.total, Math.random());
    this.#record.clusterName = chosen.name;
    this.#clusterHeaders = chosen.headers;
  }

  /** Envoy's order: the weighted cluster's operations first, then the route's with what it inherits, then the rewrites. */
  #rewrite(route: Route, action: ForwardAction): void {
    const { head } = this;
    const { headers } = head;
    if (this.#clusterHeaders !== NO_MUTATION)
      mutateHeaders(headers, this.#clusterHeaders.requestRemove, this.#clusterHeaders.requestSet, this.#record);
    if (route.headers !== NO_MUTATION)
      mutateHeaders(headers, route.headers.requestRemove, route.headers.requestSet, this.#record);
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

  /** A CONNECT whose bytes, and not a request, go to the host. */
  get #isTunnel(): boolean {
    return this.head.method === "CONNECT" && this.head.upgrade === undefined;
  }

  /** Goes to a host, at once in all cases but an unknown name; or replies that there is none. */
  #attemptOnHost(cluster: Cluster): void {
    const { discovery } = cluster.table;
    if (discovery.kind === "original-destination" || discovery.kind === "dynamic-forward-proxy") {
      this.#attemptOnDestination(cluster);
      return;
    }
    const retry = this.#action?.retry;
    const host = cluster.choose(retry?.avoidPreviousHosts ? this.#tried : undefined, retry?.hostSelectionAttempts ?? 1);
    if (host) {
      this.#goTo(cluster, host);
      return;
    }
    cluster.stats.noHost++;
    this.reply(503, "no healthy upstream", "no_healthy_upstream", "UH");
  }

  #attemptOnDestination(cluster: Cluster): void {
    destinationHost(cluster, this.connection, this.head, (host) => {
      if (this.#phase === "over") return;
      if (host) this.#goTo(cluster, host);
      else this.reply(503, "DNS resolution failure", "dns_resolution_failure", "UF");
    });
  }

  #goTo(cluster: Cluster, host: Host): void {
    if (!this.#isTunnel) {
      this.#startAttempt(cluster, host);
      return;
    }
    this.#phase = "answering";
    openTunnel(this, this.#stream, cluster, host);
  }

  #startAttempt(cluster: Cluster, host: Host): void {
    this.#phase = "attempting";
    this.#record.attempts++;
    this.#attemptStartedAt = performance.now();
    if (this.#record.attempts > 1 && this.#virtualHost?.attemptCountHeader)
      setHeader(this.head.headers, "x-envoy-attempt-count", String(this.#record.attempts));
    const { protocol } = cluster.table;
    const wanted = protocol === "downstream" ? (this.head.protocol === "HTTP/2" ? "http2" : "http1") : protocol;
    const attempt = new Attempt(this, cluster, host, cluster.pool(host, wanted), this.#record.attempts > 1);
    this.#attempt = attempt;
    this.#record.host = host;
    attempt.begin(this.#action?.retry?.perTryTimeoutMs ?? 0);
  }

  // ── the attempt reports ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The head was sent; what waited of the body follows. */
  onUpstreamOpen(upstream: ClientStream, localAddress: string): void {
    this.#record.upstreamLocal = localAddress;
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
    if (this.#retriesInstead(head, end)) {
      attempt.abandon();
      return;
    }
    this.#record.details = "via_upstream";
    if (this.#route && this.#route.headers !== NO_MUTATION)
      mutateHeaders(head.headers, this.#route.headers.responseRemove, this.#route.headers.responseSet, this.#record);
    if (this.#clusterHeaders !== NO_MUTATION)
      mutateHeaders(head.headers, this.#clusterHeaders.responseRemove, this.#clusterHeaders.responseSet, this.#record);
    setHeader(
      head.headers,
      "x-envoy-upstream-service-time",
      String(Math.round(performance.now() - this.#attemptStartedAt)),
    );
    if (this.#virtualHost?.attemptCountInResponse)
      setHeader(head.headers, "x-envoy-attempt-count", String(this.#record.attempts));
    this.#body.forget();
    this.#answer(head, end);
  }

  /** True when another attempt is due in place of this response. */
  #retriesInstead({ status, headers }: ResponseHead, end: boolean): boolean {
    const retry = this.#action?.retry;
    if (!retry || !retriesResponse(retry, status, this.#isGrpc && end ? statusNumber(headers) : undefined))
      return false;
    if (this.#record.attempts <= retry.retries) return this.#mayRetry() && this.#scheduleRetry();
    this.#record.flag("URX");
    return false;
  }

  onResponseData(chunk: Uint8Array): void {
    if (this.#phase !== "answering") return;
    this.#record.bytesSent += chunk.length;
    this.#deadline?.touch();
    this.#responseMessages?.feed(chunk);
    if (!this.#stream.write(chunk)) this.#attempt?.pause();
  }

  onResponseEnd(trailers: HeaderList | undefined): void {
    if (this.#phase !== "answering") return;
    this.#record.trailers = trailers;
    if (trailers && this.#isGrpc) this.#grpcStatus = statusNumber(trailers) ?? this.#grpcStatus;
    this.#stream.end(trailers);
    this.#finish();
  }

  /** The attempt is over without a whole response. */
  onAttemptFailure(failure: AttemptFailure, detail: string): void {
    if (this.#phase === "over") return;
    this.#upstream = undefined;
    if (this.#responseStarted) {
      this.#record.flag(failure === "refused" || detail === "remote_reset" ? "UR" : "UC");
      this.#record.details = `upstream_reset_after_response_started{${detail}}`;
      this.#stream.reset("reset");
      this.#finish();
      return;
    }
    const retry = this.#action?.retry;
    if (retry && retriesFailure(retry, failure)) {
      if (this.#record.attempts <= retry.retries && this.#mayRetry() && this.#scheduleRetry()) return;
      if (this.#record.attempts > retry.retries) this.#record.flag("URX");
    }
    this.#replyFailure(failure, detail);
  }

  #replyFailure(failure: AttemptFailure, detail: string): void {
    switch (failure) {
      case "connect-failure": {
        this.#record.transportFailure = detail;
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
    this.#record.transportFailure = detail;
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
    const cluster = this.#record.cluster;
    if (!retry || !cluster) return false;
    if (!cluster.breakers.admitRetry()) {
      this.#record.flag("UO");
      return false;
    }
    cluster.stats.retries++;
    const { host } = this.#attempt!;
    if (this.#tried) this.#tried.push(host);
    else this.#tried = [host];
    this.#phase = "backing-off";
    this.#upstream = undefined;
    const ceiling = Math.min(retry.backoffMaxMs, retry.backoffBaseMs * (2 ** this.#record.attempts - 1));
    this.#backoff ??= new Alarm(() => {
      // An update may have put another in its place, which shares its breakers; the old one has no hosts any more.
      const current = this.connection.context.clusters.get(cluster.table.name);
      this.#attemptOnHost(current?.breakers === cluster.breakers ? current : cluster);
    });
    timers.arm(this.#backoff, Math.random() * ceiling);
    return true;
  }

  // ── the client ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onData(chunk: Uint8Array): void {
    this.#record.bytesReceived += chunk.length;
    this.#deadline?.touch();
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
    if (this.#phase === "over") {
      this.#upstream?.reset("cancelled"); // the response was whole, the request was not
      return;
    }
    if (reason === "protocol" || reason === "limit") {
      this.#record.flag("DPE");
      this.#record.details = "codec_error";
    } else {
      this.#record.flag("DC");
      this.#record.details = "downstream_remote_disconnect";
    }
    this.#attempt?.abandon();
    this.#finish();
  }

  // ── deadlines ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #armIdle(idleMs: number): void {
    if (idleMs === 0 && !this.#deadline) return;
    this.#deadline ??= new RequestDeadline(this);
    this.#deadline.setIdle(idleMs);
  }

  #armTimeout(action: ForwardAction): void {
    if (action.idleTimeoutMs !== undefined) this.#armIdle(action.idleTimeoutMs);
    const timeoutMs = requestTimeout(action, this.#isGrpc, this.head.headers);
    if (timeoutMs === 0) return;
    this.#deadline ??= new RequestDeadline(this);
    this.#deadline.setTimeout(timeoutMs);
    setHeader(this.head.headers, "x-envoy-expected-rq-timeout-ms", String(timeoutMs));
  }

  onTimeout(): void {
    if (this.#record.cluster) this.#record.cluster.stats.timeouts++;
    const details = this.#responseStarted ? "upstream_max_stream_duration_reached" : "upstream_response_timeout";
    this.#giveUp(504, "upstream request timeout", details, "UT");
  }

  onIdle(): void {
    this.#giveUp(this.#requestEnded ? 504 : 408, "stream timeout", "stream_idle_timeout", "SI");
  }

  #giveUp(status: number, body: string, details: string, flag: ResponseFlag): void {
    this.#attempt?.abandon();
    if (!this.#responseStarted) {
      this.reply(status, body, details, flag);
      return;
    }
    this.#record.flag(flag);
    this.#record.details = details;
    this.#stream.reset("timeout");
    this.#finish();
  }

  // ── the answer ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A response of the proxy's own. `details` are Envoy's, for the log. */
  reply(status: number, body: string, details: string, flag?: ResponseFlag, headers: HeaderList = []): void {
    if (this.#phase === "over" || this.#responseStarted) return;
    this.#record.details = details;
    if (flag) this.#record.flag(flag);
    const grpc = this.#isGrpc && status !== 200;
    if (grpc) this.#grpcStatus = GRPC_STATUS[statusOfHttp(status).code];
    const { head, bytes } = localReply(status, body, headers, grpc, this.head.method === "HEAD");
    const route = this.#route;
    if (route && route.headers !== NO_MUTATION)
      mutateHeaders(head.headers, route.headers.responseRemove, route.headers.responseSet, this.#record);
    this.#answer(head, bytes === undefined);
    if (bytes === undefined) return;
    this.#record.bytesSent = bytes.length;
    this.#stream.write(bytes);
    this.#stream.end();
    this.#finish();
  }

  #answer(head: ResponseHead, end: boolean): void {
    this.#phase = "answering";
    this.#responseStarted = true;
    this.#record.response = head;
    if (this.#isGrpc && end) this.#grpcStatus = statusNumber(head.headers) ?? this.#grpcStatus;
    prepareResponse(head, this.connection);
    this.#stream.respond(head, end);
    if (end) this.#finish();
  }

  /** Bytes that a tunnel moved, told when it is over. */
  onTunnelOver(received: number, sent: number, failure: string | undefined): void {
    this.#record.bytesReceived = received;
    this.#record.bytesSent = sent;
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
    this.#record.response = head;
    this.#record.details = "via_upstream";
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #finish(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#deadline?.end();
    if (this.#backoff?.armed) timers.disarm(this.#backoff);
    this.#attempt?.abandon();
    this.#record.cluster?.breakers.releaseRequest();
    this.#record.end();
    this.#report();
    const { logs } = this.connection.http;
    for (let i = 0; i < logs.length; i++) logs[i]!.file.append(logs[i]!.format, this.#record);
  }

  #report(): void {
    const { connection } = this;
    const protocol = this.#isGrpc ? "grpc" : "http";
    const edge = connection.edge(
      this.#record.cluster,
      this.#attempt?.host,
      this.peerMetadata,
      this.head.authority,
      protocol,
    );
    const status = this.#record.response?.status ?? 0;
    const grpcStatus = this.#isGrpc ? this.#grpcStatus : -1;
    const response = this.#record.response?.wireBytes ?? 0;
    edge.record(
      status,
      grpcStatus,
      this.#record.flags,
      this.#record.durationMs,
      this.head.wireBytes + this.#record.bytesReceived,
      response + this.#record.bytesSent,
    );
    if (this.#isGrpc) edge.messages(this.#requestMessages!.count, this.#responseMessages!.count);
  }
}
