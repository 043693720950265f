// Bytes that leave in an HTTP stream: asks the host for a tunnel and gives it on as a byte stream (Envoy: TcpProxy's HttpUpstream).

import type { HeaderList } from "../http/headers.ts";
import {
  type ClientStream,
  RequestHead,
  type ResetReason,
  type ResponseHead,
  type ResponseListener,
} from "../http/stream.ts";
import type { ByteStream, SocketAddress } from "../net/byte-stream.ts";
import type { Tunneling } from "../table/tcp.ts";
import { type FormatSource, formatValue } from "./format-value.ts";
import { mutateHeaders } from "./header-operations.ts";
import { HttpBytes } from "./http-bytes.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";
import type { HttpPool, PooledConnection, PoolWaiter } from "./upstream/http-pool.ts";

/** Exactly one of the first two is called, once, unless the dial is cancelled. */
export interface TunnelDialed {
  onConnected(stream: ByteStream, localLabel: string): void;
  onConnectFailure(failure: "connect-failure" | "overflow", detail: string): void;
}

export interface TunnelRequest {
  readonly tunneling: Tunneling;
  readonly source: FormatSource;
  /** What the stream shows as its ends. */
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

function requestHead({ tunneling, source }: TunnelRequest, isHttp2: boolean): RequestHead {
  const { hostname, postPath, headers: operations } = tunneling;
  const headers: HeaderList = [];
  mutateHeaders(headers, [], operations, source);
  const method = postPath === undefined ? "CONNECT" : "POST";
  const protocol = isHttp2 ? "HTTP/2" : "HTTP/1.1";
  return new RequestHead(
    method,
    "http",
    formatValue(hostname, source),
    postPath ?? "",
    headers,
    protocol,
    -1,
    undefined,
  );
}

export class TunnelDial implements PoolWaiter, ResponseListener {
  readonly #pool: HttpPool;
  readonly #cluster: Cluster;
  readonly #request: TunnelRequest;
  readonly #dialed: TunnelDialed;
  readonly #isHttp2: boolean;
  #state: "waiting" | "asked" | "open" | "over" = "waiting";
  #stream: ClientStream | undefined;
  #bytes: HttpBytes | undefined;
  #localLabel = "";

  constructor(cluster: Cluster, host: Host, request: TunnelRequest, dialed: TunnelDialed) {
    this.#cluster = cluster;
    this.#request = request;
    this.#dialed = dialed;
    const owner = cluster.ownerOf(host);
    this.#isHttp2 = owner.table.protocol === "http2";
    this.#pool = owner.pool(host, this.#isHttp2 ? "http2" : "http1", "default");
  }

  begin(): void {
    if (!this.#cluster.breakers.admitRequest()) {
      this.#state = "over";
      this.#dialed.onConnectFailure("overflow", "too many requests");
      return;
    }
    this.#pool.acquire(this);
  }

  onConnection(pooled: PooledConnection): void {
    this.#state = "asked";
    this.#localLabel = pooled.localLabel;
    this.#stream = pooled.connection.request(requestHead(this.#request, this.#isHttp2), false, this);
  }

  onPoolFailure(failure: "connect-failure" | "overflow", detail: string): void {
    this.#fail(failure, detail);
  }

  onInform(): void {}

  onResponse(head: ResponseHead, end: boolean): void {
    const { local, remote } = this.#request;
    const stream = this.#stream;
    if (!stream) return;
    if (head.status < 200 || head.status > 299 || end) {
      if (!end) stream.reset("cancelled");
      this.#fail("connect-failure", `tunnel refused with ${head.status}`);
      return;
    }
    this.#state = "open";
    this.#bytes = new HttpBytes(stream, local, remote);
    this.#dialed.onConnected(this.#bytes, this.#localLabel);
  }

  onData(chunk: Uint8Array): void {
    this.#bytes?.onData(chunk);
  }

  onEnd(): void {
    this.#bytes?.onEnd();
  }

  onWritable(): void {
    this.#bytes?.onWritable();
  }

  onReset(reason: ResetReason): void {
    if (this.#bytes) this.#bytes.onReset(reason);
    else this.#fail("connect-failure", `tunnel reset: ${reason}`);
  }

  /** The client has gone before the tunnel stood. */
  cancel(): void {
    if (this.#state === "waiting") this.#pool.cancel(this);
    else if (this.#state === "asked") this.#stream?.reset("cancelled");
    this.release();
  }

  /** The stream is over: it counts no longer. */
  release(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#cluster.breakers.releaseRequest();
  }

  #fail(failure: "connect-failure" | "overflow", detail: string): void {
    if (this.#state === "over") return;
    this.release();
    this.#dialed.onConnectFailure(failure, detail);
  }
}
