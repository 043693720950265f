// A cluster: a set of endpoints and how to speak to them.

import type { Balancing } from "./balancing.ts";
import type { EndpointSet, Health } from "./endpoint.ts";
import type { HealthCheck } from "./health-check.ts";
import type { Keepalive } from "./http.ts";
import type { FilterMetadata } from "./metadata.ts";
import type { Origin } from "./origin.ts";
import type { OutlierDetection } from "./outlier-detection.ts";
import type { ResponseMatch } from "./response-match.ts";
import type { TcpKeepalive } from "./tcp-keepalive.ts";
import type { SocketMatch, UpstreamSocket } from "./transport-socket.ts";

export interface DnsRefresh {
  readonly everyMs: number;
  /** However short a TTL is. */
  readonly leastMs: number;
  /** An answer is asked for again when it says so itself. */
  readonly respectTtl: boolean;
  /** After a failure, growing up to `maxMs`. */
  readonly failureMs: number;
  readonly failureMaxMs: number;
  /** Up to so much is added to what comes after a success. */
  readonly jitterMs: number;
}

/** `auto`: IPv6, and IPv4 where there is none; `v4-preferred` the other way round. */
export type DnsFamily = "auto" | "v4" | "v6" | "v4-preferred" | "all";

export type Discovery =
  | { readonly kind: "static"; readonly endpoints: EndpointSet }
  /** `fetchTimeoutMs`: how long a new cluster waits for its endpoints; 0 is for ever. */
  | { readonly kind: "eds"; readonly serviceName: string; readonly fetchTimeoutMs: number }
  | {
      readonly kind: "dns";
      /** One host, the first address; else every address is an endpoint. */
      readonly logical: boolean;
      readonly endpoints: EndpointSet;
      readonly refresh: DnsRefresh;
      readonly family: DnsFamily;
      /** `127.0.0.1:53`; none: the system's. */
      readonly resolvers: readonly string[];
    }
  /** Where the connection was going before it was captured. */
  | {
      readonly kind: "original-destination";
      /** A request header that says it instead; undefined: nobody may. */
      readonly header: string | undefined;
      /** In place of the destination's own; undefined keeps it. */
      readonly port: number | undefined;
      /** Destinations that nobody asked for within such a time, and that no connection leads to, are forgotten. */
      readonly cleanupMs: number;
    }
  /** The hosts of other clusters, one cluster after the other. */
  | { readonly kind: "aggregate"; readonly clusters: readonly string[] }
  /** Where the request's authority says, resolved by DNS. */
  | { readonly kind: "dynamic-forward-proxy" };

/** `downstream`: what the client speaks. */
export type UpstreamProtocol = "http1" | "http2" | "downstream";

export interface CircuitBreakers {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** Connections to one host (per_host_thresholds). */
  readonly maxConnectionsPerHost: number;
  /**
   * Overrides maxRetries: this share of the active requests, or of those that began within the interval if that is not 0, but at least
   * `min` (Envoy's retry_budget).
   */
  readonly retryBudget: { readonly percent: number; readonly min: number; readonly intervalMs: number } | undefined;
  /** What is left until the limits is told in statistics (track_remaining). */
  readonly tracksRemaining: boolean;
}

/** `auto_sni` and `auto_san_validation`: the server name that is sent, and a name that the certificate must have. */
export interface NamedByRequest {
  readonly serverName: boolean;
  readonly certificate: boolean;
}

export interface Cluster extends Keepalive {
  readonly name: string;
  /** Name in statistics: alt_stat_name, else the name. */
  readonly statName: string;
  readonly discovery: Discovery;
  readonly protocol: UpstreamProtocol;
  readonly balancing: Balancing;
  readonly connectTimeoutMs: number;
  /** Of a byte stream that may wait for a slow upstream; undefined: the listener's. */
  readonly bufferLimitBytes: number | undefined;
  readonly socketMatches: readonly SocketMatch[];
  readonly socket: UpstreamSocket;
  readonly tcpKeepalive: TcpKeepalive | undefined;
  /** By the priority of routes. */
  readonly breakers: { readonly default: CircuitBreakers; readonly high: CircuitBreakers };
  readonly outlierDetection: OutlierDetection | undefined;
  /** Responses that outlier detection takes for errors, of status 500 at least, and all others for 200; undefined: it goes by their statuses. */
  readonly errorMatch: ResponseMatch | undefined;
  readonly healthCheck: HealthCheck | undefined;
  /** Hosts that endpoints no longer name go at once, healthy or not. */
  readonly ignoresHealthOnRemoval: boolean;
  /** Of an upstream connection without requests; 0 is none. */
  readonly idleTimeoutMs: number;
  /** 0 is without limit. */
  readonly maxRequestsPerConnection: number;
  /** After which an upstream connection takes no more requests; 0 is never. */
  readonly maxConnectionDurationMs: number;
  /** HTTP/1.1: names of a response's fields go on in the letters that they came in. */
  readonly preservesCase: boolean;
  /** What TLS takes of the host that a request names; undefined: nothing, and all requests share connections. */
  readonly namedByRequest: NamedByRequest | undefined;
  /** Connections to a host are opened ahead of the requests for them when above 1. */
  readonly preconnectRatio: number;
  readonly maxConcurrentStreams: number;
  /** A session stays with its host while the host is in one of these. */
  readonly sessionHealth: ReadonlySet<Health>;
  /** New hosts do not count before their first health check, where there are checks. */
  readonly ignoreNewHostsUntilFirstCheck: boolean;
  /** Metadata `istio.services`: the service that the cluster stands for. */
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string } | undefined;
  /** `filter_metadata`, for `%CLUSTER_METADATA(…)%`. */
  readonly metadata: FilterMetadata;
  readonly origin: Origin | undefined;
}
