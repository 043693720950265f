// A downstream connection that speaks HTTP: chooses the codec, makes an exchange of every request, drains.

import { Alarm, timers } from "../base/timer-wheel.ts";
import { Http1ServerConnection } from "../http/h1/server-connection.ts";
import { Http2ServerConnection } from "../http/h2/server-connection.ts";
import { DEFAULT_LIMITS, type HttpLimits } from "../http/limits.ts";
import type {
  Connection,
  RequestHead,
  ServerConnectionListener,
  ServerStream,
  StreamListener,
} from "../http/stream.ts";
import type { ByteStream, SocketAddress } from "../net/byte-stream.ts";
import type { RequestEdge } from "../stats/request-edge.ts";
import type { HttpTable } from "../table/http.ts";
import type { DownstreamFacts } from "./connection-facts.ts";
import type { ProxyContext } from "./context.ts";
import type { BoundHttp, Downstream } from "./downstream.ts";
import { Exchange } from "./exchange.ts";
import { dropUnderscores, hasUnderscores } from "./underscores.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

/** Limits of the codecs from a connection manager's settings. */
export function httpLimits(table: HttpTable): HttpLimits {
  return {
    ...DEFAULT_LIMITS,
    maxHeadBytes: table.maxHeadBytes,
    maxHeaders: table.maxHeaders,
    headTimeoutMs: table.headTimeoutMs,
    idleTimeoutMs: table.idleTimeoutMs,
    maxConcurrentStreams: table.maxConcurrentStreams,
    streamWindowBytes: table.streamWindowBytes,
    connectionWindowBytes: table.connectionWindowBytes,
    keepaliveIntervalMs: table.keepaliveIntervalMs,
    keepaliveTimeoutMs: table.keepaliveTimeoutMs,
  };
}

/** The start of the HTTP/2 connection preface: no HTTP/1.1 request begins with it (RFC 9113 3.4). */
const PREFACE_START = 0x50; // "P", and then "RI": POST, PUT and PATCH differ in the second byte
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

function begins(chunk: Uint8Array, text: Buffer): boolean {
  const length = Math.min(chunk.length, text.length);
  for (let i = 0; i < length; i++) if (chunk[i] !== text[i]) return false;
  return length > 0;
}

/** Of a stream that is reset as soon as it came. */
const NOBODY: StreamListener = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };

export class HttpConnection implements ServerConnectionListener, Downstream {
  readonly context: ProxyContext;
  readonly http: BoundHttp;
  readonly facts: DownstreamFacts;
  /** Where the client was going when it was captured. */
  readonly destination: SocketAddress | undefined;
  scheme: "http" | "https" = "http";
  #codec: Connection | undefined;
  readonly #age = new Alarm(() => this.#grewOld());
  #requests = 0;
  #stream: ByteStream | undefined;
  #onClosed: (() => void) | undefined;
  #certificate: Uint8Array | undefined;
  #forwarded: string | undefined;
  // The caller's edge: one connection carries one caller's requests, mostly to one service.
  #edge: RequestEdge | undefined;
  #edgeMetadata = "";
  #edgeCluster: Cluster | undefined;
  #edgeProtocol = "";

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
    this.#certificate = stream.tls?.peerCertificate;
    const { table } = this.http;
    if (table.maxConnectionMs > 0) timers.arm(this.#age, table.maxConnectionMs);
    const alpn = stream.tls?.alpn ?? "";
    let codec: Connection;
    if (table.codec !== "auto") codec = this.#open(stream, table.codec);
    else if (alpn !== "") codec = this.#open(stream, alpn === "h2" ? "http2" : "http1");
    else if (first)
      codec = this.#open(stream, first[0] === PREFACE_START && begins(first, PREFACE) ? "http2" : "http1");
    else {
      // One listener for both: the first bytes tell. The codec sees them as if they had come to it.
      stream.listener = {
        receive: (chunk) =>
          this.#open(stream, chunk[0] === PREFACE_START && begins(chunk, PREFACE) ? "http2" : "http1").receive(chunk),
        drained() {},
        ended: () => stream.terminate(),
        closed: () => this.onClosed(),
      };
      return;
    }
    if (first) codec.receive(first);
  }

  #open(stream: ByteStream, protocol: "http1" | "http2"): Connection {
    const codec =
      protocol === "http2"
        ? new Http2ServerConnection(stream, this, this.http.limits, this.scheme)
        : new Http1ServerConnection(stream, this, this.http.limits, this.scheme);
    this.#codec = codec;
    stream.listener = codec;
    if (this.context.draining) codec.shutdown();
    return codec;
  }

  get active(): number {
    return this.#codec?.active ?? 0;
  }

  /** A client that has not even begun to speak is not waited for. */
  #grewOld(): void {
    if (this.#codec) this.drain();
    else this.#stream?.terminate();
  }

  /** GOAWAY, or `connection: close` with the next response. */
  drain(): void {
    this.#codec?.shutdown();
  }

  terminate(): void {
    this.#stream?.terminate();
  }

  onRequest(stream: ServerStream, head: RequestHead, end: boolean): void {
    const { stats, table } = this.http;
    stats.requests++;
    stats.activeRequests++;
    this.#requests++;
    // Before the answer, so that it says `connection: close`.
    if (this.#requests === table.maxRequestsPerConnection) this.drain();
    if (table.underscores !== "allow" && !this.#admitsNames(stream, head, end)) return;
    new Exchange(this, stream, head, end).begin();
  }

  /** Envoy's rule: a request of HTTP/1.1 is answered 400 and its connection closed, a stream of HTTP/2 is reset. */
  #admitsNames(stream: ServerStream, head: RequestHead, end: boolean): boolean {
    if (!hasUnderscores(head.headers)) return true;
    if (this.http.table.underscores === "drop") {
      dropUnderscores(head.headers);
      return true;
    }
    this.http.stats.refused++;
    if (head.protocol === "HTTP/2") {
      this.http.stats.activeRequests--;
      stream.listener = NOBODY;
      stream.reset("protocol");
      return false;
    }
    this.drain();
    new Exchange(this, stream, head, end).reply(400, "", "http1.unexpected_underscore", "DPE");
    return false;
  }

  onRefused(): void {
    this.http.stats.refused++;
  }

  onClosed(): void {
    timers.disarm(this.#age);
    this.http.stats.active--;
    this.#onClosed?.();
    this.#onClosed = undefined;
  }

  /** This hop of x-forwarded-client-cert (Envoy's order of keys); "" when the peer proved nothing. Made once a connection. */
  get forwardedCertificate(): string {
    this.#forwarded ??= this.#describeCertificate();
    return this.#forwarded;
  }

  #describeCertificate(): string {
    const { principal } = this.facts;
    if (principal === "" || !this.#certificate) return "";
    const { subject, uri } = this.http.table.certificateDetails;
    const hash = new Bun.CryptoHasher("sha256").update(this.#certificate).digest("hex");
    // X.509-SVIDs of the mesh have no subject.
    return `By=${this.context.principal};Hash=${hash}${subject ? ';Subject=""' : ""}${uri ? `;URI=${principal}` : ""}`;
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
    if (!this.http.inbound)
      return cluster && host
        ? reporter.outbound(cluster, host, protocol)
        : reporter.outboundUnreached(cluster, authority, protocol);
    if (
      this.#edge &&
      this.#edgeMetadata === metadata &&
      this.#edgeCluster === cluster &&
      this.#edgeProtocol === protocol &&
      cluster !== undefined
    )
      return this.#edge;
    const caller = { principal: this.facts.principal, metadata, serverName: this.facts.serverName };
    this.#edge = reporter.inbound(caller, cluster, authority, protocol);
    this.#edgeMetadata = metadata;
    this.#edgeCluster = cluster;
    this.#edgeProtocol = protocol;
    return this.#edge;
  }
}
