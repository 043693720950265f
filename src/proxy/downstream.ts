// The connection that a request came on, as far as the request needs it.

import type { HttpLimits } from "../http/limits.ts";
import type { ByteCounters, SocketAddress } from "../net/byte-stream.ts";
import type { RequestEdge } from "../stats/request-edge.ts";
import type { HttpTable } from "../table/http.ts";
import type { ChainMetrics } from "../table/metric-overrides.ts";
import type { BoundLog } from "./access-log.ts";
import type { DownstreamFacts } from "./connection-facts.ts";
import type { ProxyContext, RouteHolder } from "./context.ts";
import type { FilterChain } from "./filter/chain.ts";
import type { ManagerTracing } from "./tracing/request-trace.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { Host } from "./upstream/host.ts";

export interface HttpStats {
  connections: number;
  active: number;
  requests: number;
  activeRequests: number;
  refused: number;
  /** Finished requests by the hundreds of their status. */
  readonly classes: Float64Array;
  readonly bytes: ByteCounters;
}

/** A connection manager with what the proxy resolved for it when the listener came. */
export interface BoundHttp {
  readonly table: HttpTable;
  readonly limits: HttpLimits;
  readonly routes: RouteHolder;
  readonly filters: FilterChain;
  readonly logs: readonly BoundLog[];
  /** Undefined: nobody is told of spans. */
  readonly tracing: ManagerTracing | undefined;
  /** Inbound: the requests are reported as the server's. */
  readonly inbound: boolean;
  /** Undefined: requests are counted by the standard metrics. */
  readonly metrics?: ChainMetrics | undefined;
  /** URIs in the certificate that clients are shown at the moment. */
  ownNames(): readonly string[];
  readonly stats: HttpStats;
}

export interface Downstream {
  readonly context: ProxyContext;
  readonly http: BoundHttp;
  readonly facts: DownstreamFacts;
  /** `http` or `https`, as the client came. */
  readonly scheme: "http" | "https";
  /** Where the client was going when it was captured. */
  readonly destination: SocketAddress | undefined;
  /** This hop of x-forwarded-client-cert; "" when the peer showed no certificate. */
  readonly forwardedCertificate: string;
  /** Where a finished request is counted. `metadata`: the caller's claims about itself, "" without. */
  edge(
    cluster: Cluster | undefined,
    host: Host | undefined,
    metadata: string,
    authority: string,
    protocol: "http" | "grpc",
  ): RequestEdge;
}
