// The forwarding of one request (Envoy: Router::Filter): its cluster, its attempts, their response. Reads top to bottom: forward,
// attempt, response, failure, retry, end.

import { statusNumber } from "../../grpc/status.ts";
import { type HeaderList, setHeader } from "../../http/headers.ts";
import type { ClientStream, RequestHead, ResponseHead, ServerStream } from "../../http/stream.ts";
import { hashRequest } from "../../table/hash-policy.ts";
import {
  type AttemptFailure,
  type RetryPolicy,
  retriesFailure,
  retriesRequest,
  retriesResponse,
} from "../../table/retry-policy.ts";
import type { ForwardAction, Route, VirtualHost, WeightedCluster } from "../../table/route.ts";
import type { AccessRecord } from "../access-record.ts";
import type { Downstream } from "../downstream.ts";
import { requestTimeout, tellTimeout } from "../request-deadline.ts";
import type { Breakers } from "../upstream/breakers.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { destinationHost } from "../upstream/destination.ts";
import type { Host } from "../upstream/host.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import { failureReply, LOOP, type NoHostReply, resetFlag, UNHEALTHY, UNRESOLVED } from "./failure-reply.ts";
import type { ForwardedRequest } from "./forwarded-request.ts";
import { hostPreference } from "./host-preference.ts";
import { followRedirect } from "./internal-redirect.ts";
import type { RequestBody } from "./request-body.ts";
import { RetryState } from "./retry-state.ts";
import { rewriteRequest, rewriteResponse, setAuthority } from "./rewrite.ts";
import { type RouterHeaders, retryPolicyAsked, takeRouterHeaders } from "./router-headers.ts";
import { beginShadows, type Shadow } from "./shadow.ts";
import { openTunnel, type TunnelOwner } from "./tunnel.ts";

export class Router implements AttemptOwner, TunnelOwner {
  readonly connection: Downstream;
  readonly head: RequestHead;
  readonly #request: ForwardedRequest;
  readonly #record: AccessRecord;
  readonly #route: Route;
  readonly #action: ForwardAction;
  readonly #virtualHost: VirtualHost;
  readonly #weighted: WeightedCluster | undefined;
  #attempt: Attempt | undefined = undefined;
  /** Where the request's body goes as it comes. */
  #upstream: ClientStream | undefined = undefined;
  #asked: RouterHeaders | undefined = undefined;
  #policy: RetryPolicy | undefined;
  #retry: RetryState | undefined = undefined;
  /** Attempts whose per-try time-out has rung, and that go on beside the newest. */
  #slow: readonly Attempt[] = [];
  #shadows: readonly Shadow[] = [];
  #hash: bigint | undefined = undefined;
  /** Lines of set-cookie that the balancer's choice is to be found by again. */
  #cookies: readonly string[] = [];
  #attemptStartedAt = 0;
  /** That count this request. */
  #breakers: Breakers | undefined = undefined;
  /** Whether Envoy's headers are added. */
  readonly #tells: boolean;
  /** That the route leads to; attempts are those of the cluster whose host it is. */
  #cluster: Cluster | undefined = undefined;
  #over = false;

  constructor(
    request: ForwardedRequest,
    route: Route,
    action: ForwardAction,
    virtualHost: VirtualHost,
    weighted: WeightedCluster | undefined,
  ) {
    this.connection = request.connection;
    this.head = request.head;
    this.#request = request;
    this.#record = request.record;
    this.#route = route;
    this.#action = action;
    this.#virtualHost = virtualHost;
    this.#weighted = weighted;
    this.#policy = action.retry;
    this.#tells = !request.connection.http.table.suppressesEnvoyHeaders;
  }

  // ── forward ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `stream`: the client's, for a tunnel to take over. */
  forward(stream: ServerStream): void {
    const request = this.#request;
    const action = this.#action;
    const cluster = this.connection.context.clusters.get(this.#record.clusterName);
    if (!cluster) {
      request.reply(action.clusterNotFoundStatus, "", "cluster_not_found", "NC");
      return;
    }
    const breakers = cluster.breakersOf(action.priority);
    if (!breakers.admitRequest()) {
      this.#replyFailure("overflow", "too many requests");
      return;
    }
    this.#breakers = breakers;
    this.#cluster = cluster;
    this.#record.cluster = cluster;
    cluster.stats.requests++;
    this.#readCommands();
    rewriteRequest(this.head, this.#route, action, this.#weighted, this.#record, this.#tells);
    if (this.#virtualHost.attemptCountHeader) setHeader(this.head.headers, "x-envoy-attempt-count", "1");
    this.#setDeadlines();
    if (request.body) this.#limitBody(request.body);
    if (action.hash.length > 0) this.#hashRequest();
    if (action.mirrors.length > 0)
      this.#shadows = beginShadows(this, action.mirrors, this.connection.context.clusters, action.timeoutMs);
    if (!this.#isTunnel) this.#chooseHost(cluster, undefined);
    else if (action.terminateConnect) this.#chooseHost(cluster, stream);
    else request.reply(403, "", "upgrade_failed");
  }

  /** What a trusted caller asks for stands over what the route says. */
  #readCommands(): void {
    const asked = takeRouterHeaders(this.head.headers);
    if (asked) {
      this.#asked = asked;
      this.#policy = retryPolicyAsked(this.#policy, asked);
    }
    if (this.#policy && !retriesRequest(this.#policy, this.head)) this.#policy = undefined;
  }

  /** What may have to be sent again is kept, and no more than may be. */
  #limitBody(body: RequestBody): void {
    const { internalRedirect, bufferLimitBytes } = this.#action;
    if (!this.#policy && !internalRedirect) body.forgetWhenSent();
    else if (bufferLimitBytes !== undefined) body.limit(bufferLimitBytes);
  }

  #hashRequest(): void {
    const { hash, cookies } = hashRequest(this.#action.hash, this.head, this.#record);
    this.#hash = hash;
    this.#cookies = cookies;
  }

  #setDeadlines(): void {
    const { idleTimeoutMs } = this.#action;
    if (idleTimeoutMs !== undefined) this.#request.setIdle(idleTimeoutMs);
    const timeoutMs = this.#asked?.timeoutMs ?? requestTimeout(this.#action, this.#request.isGrpc, this.head.headers);
    if (timeoutMs > 0) this.#request.setTimeout(timeoutMs);
    // A hedged try is not given up when its time is over.
    const perTryMs = this.#hedges ? 0 : (this.#policy?.perTryTimeoutMs ?? 0);
    const tellsGrpc = this.#request.isGrpc && this.#action.grpcTimeoutMaxMs !== undefined;
    tellTimeout(this.head.headers, timeoutMs, perTryMs, tellsGrpc, this.#tells);
  }

  get #hedges(): boolean {
    return this.#asked?.hedge ?? this.#action.hedge?.onPerTryTimeout ?? false;
  }

  /** A CONNECT whose bytes, and not a request, go to the host. */
  get #isTunnel(): boolean {
    return this.head.method === "CONNECT" && this.head.upgrade === undefined;
  }

  // ── the host ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** An attempt on a host, or the tunnel to it: at once in all cases but an unknown name; or a reply that there is none. */
  #chooseHost(cluster: Cluster, tunnel: ServerStream | undefined): void {
    const { kind } = cluster.table.discovery;
    if (kind === "original-destination" || kind === "dynamic-forward-proxy") {
      destinationHost(cluster, this.connection, this.head, (host) => {
        if (this.#over) return;
        if (host === "loop") this.#replyNoHost(LOOP);
        else if (host !== "unknown") this.#begin(cluster, host, tunnel);
        else if (kind === "dynamic-forward-proxy") this.#replyNoHost(UNRESOLVED);
        else this.#replyUnhealthy(cluster);
      });
      return;
    }
    const match = (this.#weighted ?? this.#action).metadataMatch;
    const host = cluster.choose(hostPreference(this.#hash, match, this.#request.overrideHost, this.#retry));
    if (host) this.#begin(cluster, host, tunnel);
    else this.#replyUnhealthy(cluster);
  }

  #replyUnhealthy(cluster: Cluster): void {
    cluster.stats.noHost++;
    this.#replyNoHost(UNHEALTHY);
  }

  #replyNoHost({ status, body, details, flag }: NoHostReply): void {
    this.#request.reply(status, body, details, flag);
  }

  #begin(cluster: Cluster, host: Host, tunnel: ServerStream | undefined): void {
    if (!tunnel) {
      this.#startAttempt(cluster, host);
      return;
    }
    this.#record.host = host;
    openTunnel(this, tunnel, cluster, host);
  }

  // ── attempt ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #startAttempt(cluster: Cluster, host: Host): void {
    const owner = cluster.ownerOf(host);
    const record = this.#record;
    record.attempts++;
    record.host = host;
    this.#attemptStartedAt = performance.now();
    if (record.attempts > 1 && this.#virtualHost.attemptCountHeader)
      setHeader(this.head.headers, "x-envoy-attempt-count", String(record.attempts));
    if ((this.#action.hostRewrite ?? this.#weighted?.hostRewrite)?.kind === "endpoint" && host.hostname !== "")
      setAuthority(this.head, host.hostname, this.#action.appendForwardedHost, this.#tells);
    const { protocol } = owner.table;
    const wanted = protocol === "downstream" ? (this.head.protocol === "HTTP/2" ? "http2" : "http1") : protocol;
    record.upstreamProtocol = wanted === "http2" ? "HTTP/2" : "HTTP/1.1";
    const attempt = new Attempt(
      this,
      owner,
      host,
      owner.pool(host, wanted, this.#action.priority, this.head.authority),
      record.attempts > 1 ? this.#breakers : undefined,
    );
    if (this.#request.trace)
      attempt.observer = this.#request.trace.beginAttempt(this.head.headers, owner, host, record);
    this.#attempt = attempt;
    attempt.begin(this.#policy?.perTryTimeoutMs ?? 0, this.#policy?.perTryIdleTimeoutMs ?? 0);
  }

  get isGrpc(): boolean {
    return this.#request.isGrpc;
  }

  get requestIsHeadOnly(): boolean {
    return this.#request.requestIsHeadOnly;
  }

  onUpstreamOpen(upstream: ClientStream, localAddress: string): void {
    const { body, requestIsHeadOnly } = this.#request;
    this.#record.upstreamLocal = localAddress;
    this.#record.sending(requestIsHeadOnly);
    this.#record.sendBy(upstream);
    this.#upstream = upstream;
    if (!body || requestIsHeadOnly) return;
    const writable = body.send(upstream);
    if (body.ended) this.#record.sent();
    else if (writable) this.#request.resumeRequest();
  }

  onRequestWritable(): void {
    if (this.#request.body?.ended === false) this.#request.resumeRequest();
  }

  // ── the request goes on ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** False: the client should pause. */
  onRequestData(body: RequestBody, chunk: Uint8Array): boolean {
    for (let i = 0; i < this.#shadows.length; i++) this.#shadows[i]!.onRequestData(chunk);
    for (let i = 0; i < this.#slow.length; i++) this.#slow[i]!.stream?.write(chunk);
    return body.take(chunk, this.#upstream);
  }

  onRequestEnd(body: RequestBody, trailers: HeaderList | undefined): void {
    for (let i = 0; i < this.#shadows.length; i++) this.#shadows[i]!.onRequestEnd(trailers);
    for (let i = 0; i < this.#slow.length; i++) this.#slow[i]!.stream?.end(trailers);
    body.end(trailers, this.#upstream);
    if (this.#upstream) this.#record.sent();
  }

  pauseResponse(): void {
    this.#attempt?.pause();
  }

  /** The client takes bytes again. */
  resumeResponse(): void {
    this.#attempt?.resume();
  }

  // ── response ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onInform(status: number, headers: HeaderList): void {
    if (!this.#request.responseStarted) this.#request.inform(status, headers);
  }

  onResponse(attempt: Attempt, head: ResponseHead, end: boolean): void {
    const record = this.#record;
    if (this.#passesOver(attempt, head, end)) {
      attempt.abandon();
      return;
    }
    if (this.#slow.length > 0 || attempt !== this.#attempt) this.#settleOn(attempt);
    if (this.#redirects(head)) return;
    record.responded();
    if (end) record.upstreamOver();
    record.details = "via_upstream";
    record.response = head; // what the operators of header operations say
    rewriteResponse(head.headers, this.#route.headers, this.#weighted, record);
    if (this.#tells) {
      const serviceTime = Math.round(performance.now() - this.#attemptStartedAt);
      setHeader(head.headers, "x-envoy-upstream-service-time", String(serviceTime));
    }
    if (this.#virtualHost.attemptCountInResponse)
      setHeader(head.headers, "x-envoy-attempt-count", String(record.attempts));
    for (let i = 0; i < this.#cookies.length; i++) head.headers.push("set-cookie", this.#cookies[i]!);
    this.#request.body?.forget();
    this.#request.respond(head, end);
  }

  /** True when the request goes where the response points, in place of the client. */
  #redirects(head: ResponseHead): boolean {
    const policy = this.#action.internalRedirect;
    const { body, redirects, scheme } = this.#request;
    if (!policy || (body && !(body.ended && body.isWhole))) return false;
    const target = followRedirect(policy, redirects, this.head, head, scheme);
    return target !== undefined && this.#request.redirectTo(target, policy);
  }

  /** True when another attempt is due, or under way, in place of this response. */
  #passesOver(attempt: Attempt, { status, headers }: ResponseHead, end: boolean): boolean {
    const policy = this.#policy;
    if (!policy) return false;
    const grpcStatus = this.#request.isGrpc && end ? statusNumber(headers) : undefined;
    if (!retriesResponse(policy, status, headers, grpcStatus)) {
      if (this.#record.attempts > 1) attempt.cluster.stats.retrySuccesses++;
      return false;
    }
    if (this.#leaveToOthers(attempt)) return true;
    if (this.#record.attempts <= policy.retries) return this.#mayRetry && this.#scheduleRetry(attempt, headers);
    this.#exceeded(attempt);
    return false;
  }

  onResponseData(chunk: Uint8Array): void {
    if (!this.#request.respondData(chunk)) this.#attempt?.pause();
  }

  onResponseEnd(trailers: HeaderList | undefined): void {
    this.#record.upstreamOver();
    this.#request.respondEnd(trailers);
  }

  // ── failure ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The attempt is over without a whole response. */
  onAttemptFailure(attempt: Attempt, failure: AttemptFailure, detail: string): void {
    if (this.#over || this.#leaveToOthers(attempt)) return;
    this.#upstream = undefined;
    if (this.#request.responseStarted) {
      const flag = resetFlag(detail);
      this.#request.cutOff(flag, `upstream_reset_after_response_started{${detail}}`);
      return;
    }
    const policy = this.#policy;
    if (policy && retriesFailure(policy, failure)) {
      if (this.#record.attempts <= policy.retries && this.#mayRetry && this.#scheduleRetry(attempt)) return;
      if (this.#record.attempts > policy.retries) this.#exceeded(attempt);
    }
    this.#replyFailure(failure, detail);
  }

  #replyFailure(failure: AttemptFailure, detail: string): void {
    if (failure === "connect-failure" || failure === "overflow") this.#record.transportFailure = detail;
    const { status, body, details, flag, headers } = failureReply(failure, detail);
    this.#request.reply(status, body, details, flag, this.#tells ? headers : []);
  }

  // ── retry ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What was sent of the body is still here, and nobody else is told yet. */
  get #mayRetry(): boolean {
    return !this.#request.responseStarted && (this.#request.body?.isWhole ?? true);
  }

  /** It has had all its retries. */
  #exceeded({ cluster }: Attempt): void {
    this.#record.flag("URX");
    cluster.stats.retryLimits++;
  }

  /** False when the cluster's budget of retries is spent. */
  #scheduleRetry({ cluster, host }: Attempt, headers?: HeaderList, atOnce = false): boolean {
    const policy = this.#policy;
    if (!policy) return false;
    if (!this.#breakers?.admitRetry()) {
      this.#record.flag("UO");
      return false;
    }
    cluster.stats.retries++;
    this.#upstream = undefined;
    this.#retry ??= new RetryState(policy, () => this.#attemptAgain(this.#cluster ?? cluster));
    if (atOnce) this.#retry.scheduleNow(host);
    else this.#retry.schedule(host, this.#record.attempts, headers);
    return true;
  }

  /** An update may have put another cluster in its place, which shares its breakers; the old one has no hosts any more. */
  #attemptAgain(cluster: Cluster): void {
    const current = this.connection.context.clusters.get(cluster.table.name);
    this.#chooseHost(current?.breakers === cluster.breakers ? current : cluster, undefined);
  }

  // ── hedging ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** True: the attempt goes on, and another is made beside it (Envoy: Filter::onSoftPerTryTimeout). */
  onPerTryTimeout(attempt: Attempt): boolean {
    const policy = this.#policy;
    if (!policy || !this.#hedges || !this.#mayRetry) return false;
    if (this.#record.attempts > policy.retries) this.#exceeded(attempt);
    else if (this.#scheduleRetry(attempt, undefined, true)) this.#slow = [...this.#slow, attempt];
    return true;
  }

  /** True when there are other attempts that may still bring a good response: this one is out. */
  #leaveToOthers(attempt: Attempt): boolean {
    if (this.#slow.length === 0) return false;
    const wasSlow = this.#slow.includes(attempt);
    if (wasSlow) this.#slow = this.#slow.filter((other) => other !== attempt);
    else this.#upstream = undefined;
    const current = this.#attempt;
    const isCurrentAlive = current !== undefined && current !== attempt && !current.isOver;
    return this.#slow.length > 0 || isCurrentAlive || (this.#retry?.isWaiting ?? false);
  }

  /** Its response is the one: all others are given up. */
  #settleOn(attempt: Attempt): void {
    this.#retry?.cancel();
    for (const other of this.#slow) if (other !== attempt) other.abandon();
    if (this.#attempt !== attempt) this.#attempt?.abandon();
    this.#slow = [];
    this.#attempt = attempt;
    this.#upstream = attempt.stream;
    this.#record.host = attempt.host;
  }

  // ── tunnel ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onTunnelOpen(head: ResponseHead): void {
    this.#record.details = "via_upstream";
    this.#request.tunnelOpened(head);
  }

  onTunnelOver(received: number, sent: number, failure: string | undefined): void {
    if (failure === undefined) this.#request.tunnelOver(received, sent);
    else this.#replyFailure("connect-failure", failure);
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The route's time-out rang. */
  countTimeout(): void {
    if (this.#record.cluster) this.#record.cluster.stats.timeouts++;
    if (this.#record.host) this.#record.host.stats.timeouts++;
    this.#attempt?.countTimeout();
    for (const attempt of this.#slow) attempt.countTimeout();
  }

  /** The response was whole, the request was not, and now never will be. */
  cancelRequest(): void {
    this.#upstream?.reset("cancelled");
  }

  /** Nothing more is wanted. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#retry?.cancel();
    for (let i = 0; i < this.#shadows.length; i++) this.#shadows[i]!.onOriginalOver();
    this.#attempt?.abandon();
    for (const attempt of this.#slow) attempt.abandon();
    this.#breakers?.releaseRequest();
  }
}
