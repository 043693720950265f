// A downstream connection that speaks HTTP: chooses the codec, makes an exchange of every request, drains.

import { atEndOfTurn, type Flushable } from "../base/end-of-turn.ts";
import { Alarm, TICK_MS, timers } from "../base/timer-wheel.ts";
import { Http1ServerConnection } from "../http/h1/server-connection.ts";
import { Http2ServerConnection } from "../http/h2/server-connection.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "../http/limits.ts";
import {
  type RequestHead,
  ResponseHead,
  type ServerConnection,
  type ServerConnectionListener,
  type ServerStream,
  type StreamListener,
} from "../http/stream.ts";
import type { ByteStream, SocketAddress } from "../net/byte-stream.ts";
import type { RequestEdge } from "../stats/request-edge.ts";
import type { HttpTable } from "../table/http.ts";
import { writeLogs } from "./access-log.ts";
import { AccessRecord } from "./access-record.ts";
import type { DownstreamFacts } from "./connection-facts.ts";
import type { ProxyContext } from "./context.ts";
import type { BoundHttp, Downstream } from "./downstream.ts";
import { Exchange } from "./exchange.ts";
import type { OverloadState } from "./overload/state.ts";
import { StreamAccount } from "./overload/stream-account.ts";
import { ProtocolDetector } from "./protocol-detector.ts";
import { dropUnderscores, hasUnderscores } from "./underscores.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

/** Limits of the codecs from a connection manager's settings. */
export function httpLimits(table: HttpTable, overload: OverloadState): HttpLimits {
  return {
    ...DEFAULT_LIMITS,
    maxHeadBytes: table.maxHeadBytes,
    maxHeaders: table.maxHeaders,
    headTimeoutMs: table.headTimeoutMs,
    idleTimeoutMs: table.idleTimeoutMs,
    get flushTimeoutMs() {
      return overload.timeout("stream-flush", table.streamIdleTimeoutMs);
    },
    maxConcurrentStreams: table.maxConcurrentStreams,
    streamWindowBytes: table.streamWindowBytes,
    connectionWindowBytes: table.connectionWindowBytes,
    keepaliveIntervalMs: table.keepaliveIntervalMs,
    keepaliveTimeoutMs: table.keepaliveTimeoutMs,
  };
}

/**
 * Requests that one connection begins in a turn of the event loop; the others wait for the next (Envoy: http.max_requests_per_io_cycle,
 * which it leaves unlimited). A read holds some 500 pairs of HEADERS and RST_STREAM: those that are reset while they wait cost no upstream
 * anything (CVE-2023-44487), and other connections get their turn.
 */
const REQUESTS_PER_TURN = 100;

/** How long a client that has not begun to speak is waited for when its connection is to close. */
const SILENCE_MS = 1_000;

/** Of a stream that is reset as soon as it came. */
const NOBODY: StreamListener = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };

export class HttpConnection implements ServerConnectionListener, Downstream, Flushable {
  readonly context: ProxyContext;
  readonly http: BoundHttp;
  readonly facts: DownstreamFacts;
  /** Where the client was going when it was captured. */
  readonly destination: SocketAddress | undefined;
  scheme: "http" | "https" = "http";
  #codec: ServerConnection | undefined;
  readonly #begunAt = timers.now;
  readonly #age = new Alarm(() => this.#onAge());
  #requests = 0;
  #draining = false;
  /** As of the look before, under overload: how many requests there had been, and since when there were no others. */
  #idleRequests = -1;
  #idleSince = 0;
  #stream: ByteStream | undefined;
  #onClosed: (() => void) | undefined;
  #forwarded: string | undefined;
  // The caller's edge: one connection carries one caller's requests, mostly to one service.
  #edge: RequestEdge | undefined;
  #edgeMetadata = "";
  #edgeCluster: Cluster | undefined;
  #edgeProtocol = "";
  /** Requests begun in this turn, and those that wait for the next. */
  #begun = 0;
  readonly #waiting: Exchange[] = [];

  constructor(context: ProxyContext, http: BoundHttp, facts: DownstreamFacts, destination: SocketAddress | undefined) {
    this.context = context;
    this.http = http;
    this.facts = facts;
    this.destination = destination;
    http.stats.connections++;
    http.stats.active++;
  }

  /** Takes the stream over. `first`: bytes that sniffing has read already. */
  start(stream: ByteStream, first: Uint8Array | undefined, onClosed: () => void): void {
    this.#onClosed = onClosed;
    this.scheme = stream.tls ? "https" : "http";
    this.#stream = stream;
    stream.counters = this.http.stats.bytes;
    if (first) stream.counters.received += first.length;
    const { table, limits } = this.http;
    if (table.maxConnectionMs > 0) timers.arm(this.#age, this.#ageLeft());
    const alpn = stream.tls?.alpn ?? "";
    if (table.codec !== "auto") this.#open(stream, table.codec, first);
    else if (alpn !== "") this.#open(stream, alpn === "h2" ? "http2" : "http1", first);
    else {
      const detector = new ProtocolDetector(
        stream,
        limits,
        (protocol, bytes) => this.#open(stream, protocol, bytes),
        () => this.onClosed(),
      );
      if (first) detector.receive(first);
    }
  }

  /** `first`: bytes that came already; the codec sees them as if they had come to it. */
  #open(stream: ByteStream, protocol: "http1" | "http2", first: Uint8Array | undefined): void {
    const codec: ServerConnection =
      protocol === "http2"
        ? new Http2ServerConnection(stream, this, this.http.limits, this.scheme)
        : new Http1ServerConnection(stream, this, this.http.limits, this.scheme, this.http.table.preservesCase);
    this.#codec = codec;
    stream.listener = codec;
    if (this.context.draining || this.#draining) codec.shutdown();
    if (first) codec.receive(first);
  }

  get active(): number {
    return this.#codec?.active ?? 0;
  }

  get buffered(): number {
    return this.#codec?.buffered ?? 0;
  }

  get accounts(): readonly StreamAccount[] {
    return this.#codec?.openStreams().map((stream) => new StreamAccount(stream)) ?? [];
  }

  dropIfIdle(now: number): void {
    if (this.active > 0 || this.#requests !== this.#idleRequests) {
      this.#idleRequests = this.#requests;
      this.#idleSince = now;
      return;
    }
    const idleMs = this.context.overload.timeout("connection-idle", this.http.table.idleTimeoutMs);
    if (idleMs > 0 && now - this.#idleSince >= idleMs) this.#grewOld();
  }

  #ageLeft(): number {
    const { overload } = this.context;
    return overload.wait("connection-max", this.http.table.maxConnectionMs, timers.now - this.#begunAt);
  }

  /** Old, or silent while it drains. */
  #onAge(): void {
    const left = this.#draining ? 0 : this.#ageLeft();
    if (left > TICK_MS) timers.arm(this.#age, left);
    else this.#grewOld();
  }

  /** A client that has not even begun to speak is not waited for. */
  #grewOld(): void {
    if (this.#codec) this.drain();
    else this.#stream?.terminate();
  }

  /** GOAWAY, or `connection: close` with the next response. */
  drain(): void {
    this.#draining = true;
    if (this.#codec) this.#codec.shutdown();
    else timers.arm(this.#age, SILENCE_MS);
  }

  terminate(): void {
    this.#stream?.terminate();
  }

  /** After the request that is here. */
  #isToClose(): boolean {
    const { healthCheckFailed, overload } = this.context;
    if (healthCheckFailed) return true;
    return overload.disable_http_keepalive > 0 && overload.hits("disable_http_keepalive");
  }

  onRequest(stream: ServerStream, head: RequestHead, end: boolean): void {
    const { stats, table } = this.http;
    stats.requests++;
    stats.activeRequests++;
    this.#requests++;
    // Before the answer, so that it says `connection: close`.
    if (this.#requests === table.maxRequestsPerConnection || this.#isToClose()) this.drain();
    if (table.underscores !== "allow" && !this.#admitsNames(stream, head, end)) return;
    const exchange = new Exchange(this, stream, head, end);
    if (this.#begun++ === 0) atEndOfTurn(this);
    if (this.#begun <= REQUESTS_PER_TURN) exchange.begin();
    else this.#waiting.push(exchange);
  }

  /** A new turn. */
  flush(): void {
    this.#begun = 0;
    if (this.#waiting.length === 0) return;
    const due = this.#waiting.splice(0, REQUESTS_PER_TURN);
    this.#begun = due.length;
    atEndOfTurn(this);
    for (const exchange of due) exchange.begin();
  }

  /** Envoy's rule: a request of HTTP/1.1 is answered 400 and its connection closed, a stream of HTTP/2 is reset. */
  #admitsNames(stream: ServerStream, head: RequestHead, end: boolean): boolean {
    if (!hasUnderscores(head.headers)) return true;
    if (this.http.table.underscores === "drop") {
      dropUnderscores(head.headers);
      return true;
    }
    if (head.protocol === "HTTP/2") {
      this.http.stats.activeRequests--;
      this.onRefused(0, "http2.unexpected_underscore", false);
      stream.listener = NOBODY;
      stream.reset("protocol");
      return false;
    }
    this.http.stats.refused++;
    this.drain();
    new Exchange(this, stream, head, end).reply(400, "", "http1.unexpected_underscore", "DPE");
    return false;
  }

  /** What became no request has its line in the log too, unless one in progress ends by it and has one. */
  onRefused(status: number, detail: string, inProgress: boolean): void {
    this.http.stats.refused++;
    if (inProgress) return;
    const record = new AccessRecord(this.facts, undefined);
    if (status > 0) record.response = new ResponseHead(status, [], -1);
    record.details = detail;
    // Envoy's flag for what the codec cannot read; a missing host and a late head have none there.
    if (detail.startsWith("http1.") || detail.startsWith("http2.")) record.flag("DPE");
    record.end();
    writeLogs(this.http.logs, record);
  }

  onClosed(): void {
    timers.disarm(this.#age);
    this.http.stats.active--;
    this.#onClosed?.();
    this.#onClosed = undefined;
  }

  /** This hop of x-forwarded-client-cert (Envoy's order of keys); "" when the peer showed no certificate. Made once a connection. */
  get forwardedCertificate(): string {
    this.#forwarded ??= this.#describeCertificate();
    return this.#forwarded;
  }

  /** Envoy's order of keys: the proxy's own names, then what it is told to say of the peer. */
  #describeCertificate(): string {
    const peer = this.facts.peer ?? this.facts.unprovenPeer;
    if (!peer) return "";
    const { certificate, subject, uri, dns } = this.http.table.certificateDetails;
    return [
      ...this.http.ownNames().map((name) => `By=${name}`),
      `Hash=${peer.fingerprint("sha256")}`,
      ...(certificate ? [`Cert="${peer.pem}"`] : []),
      ...(subject ? [`Subject="${peer.subject ?? ""}"`] : []),
      ...(uri ? (peer.uris.length === 0 ? ["URI="] : peer.uris.map((name) => `URI=${name}`)) : []),
      ...(dns ? peer.dnsNames.map((name) => `DNS=${name}`) : []),
    ].join(";");
  }

  /** Where a finished request is counted. */
  edge(
    cluster: Cluster | undefined,
    host: Host | undefined,
    metadata: string,
    authority: string,
    protocol: "http" | "grpc",
  ): RequestEdge {
    const { reporter } = this.context;
    const overrides = this.http.metrics?.overrides;
    if (!this.http.inbound)
      return cluster && host
        ? reporter.outbound(cluster, host, protocol, overrides)
        : reporter.outboundUnreached(cluster, authority, protocol, overrides);
    if (
      this.#edge &&
      this.#edgeMetadata === metadata &&
      this.#edgeCluster === cluster &&
      this.#edgeProtocol === protocol &&
      cluster !== undefined
    )
      return this.#edge;
    const caller = { principal: this.facts.principal, metadata, serverName: this.facts.serverName };
    this.#edge = reporter.inbound(caller, cluster, authority, protocol, overrides);
    this.#edgeMetadata = metadata;
    this.#edgeCluster = cluster;
    this.#edgeProtocol = protocol;
    return this.#edge;
  }
}
