// A cluster: a set of endpoints and how to speak to them.

import type { EndpointSet } from "./endpoint.ts";
import type { Keepalive } from "./http.ts";
import type { FilterMetadata } from "./metadata.ts";
import type { Origin } from "./origin.ts";
import type { TcpKeepalive } from "./tcp-keepalive.ts";
import type { SocketMatch, UpstreamSocket } from "./transport-socket.ts";

export type Discovery =
  | { readonly kind: "static"; readonly endpoints: EndpointSet }
  | { readonly kind: "eds"; readonly serviceName: string }
  /** `logical`: one host, re-resolved for new connections; else every address is an endpoint. */
  | { readonly kind: "dns"; readonly logical: boolean; readonly endpoints: EndpointSet; readonly refreshMs: number }
  /** Where the connection was going before it was captured. */
  | { readonly kind: "original-destination" }
  /** Where the request's authority says, resolved by DNS. */
  | { readonly kind: "dynamic-forward-proxy" };

/** `downstream`: what the client speaks. */
export type UpstreamProtocol = "http1" | "http2" | "downstream";

export type BalancerPolicy =
  | { readonly kind: "round-robin" }
  | { readonly kind: "least-request"; readonly choices: number }
  | { readonly kind: "random" };

export interface CircuitBreakers {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** Overrides maxRetries: this share of the active requests, but at least `min` (Envoy's retry_budget). */
  readonly retryBudget: { readonly percent: number; readonly min: number } | undefined;
}

export interface Cluster extends Keepalive {
  readonly name: string;
  /** Name in statistics: alt_stat_name, else the name. */
  readonly statName: string;
  readonly discovery: Discovery;
  readonly protocol: UpstreamProtocol;
  readonly balancer: BalancerPolicy;
  readonly connectTimeoutMs: number;
  /** Of a byte stream that may wait for a slow upstream; undefined: the listener's. */
  readonly bufferLimitBytes: number | undefined;
  readonly socketMatches: readonly SocketMatch[];
  readonly socket: UpstreamSocket;
  readonly tcpKeepalive: TcpKeepalive | undefined;
  readonly breakers: CircuitBreakers;
  /** Of an upstream connection without requests; 0 is none. */
  readonly idleTimeoutMs: number;
  /** 0 is without limit. */
  readonly maxRequestsPerConnection: number;
  readonly maxConcurrentStreams: number;
  /** Below this percentage of healthy hosts, health is ignored. */
  readonly panicThreshold: number;
  /** Metadata `istio.services`: the service that the cluster stands for. */
  readonly service: { readonly host: string; readonly name: string; readonly namespace: string } | undefined;
  /** `filter_metadata`, for `%CLUSTER_METADATA(…)%`. */
  readonly metadata: FilterMetadata;
  readonly origin: Origin | undefined;
}
