// Which route a request takes: the decision itself, on tables that were built when the configuration came.

import type { RouteFilters } from "./filter/filter.ts";
import type { HashPolicy } from "./hash-policy.ts";
import type { HeaderMutation } from "./header-mutation.ts";
import type { HedgePolicy } from "./hedge-policy.ts";
import type { InternalRedirectPolicy } from "./internal-redirect.ts";
import type { FilterMetadata } from "./metadata.ts";
import type { MirrorPolicy } from "./mirror-policy.ts";
import type { Origin } from "./origin.ts";
import type { PathIndex } from "./path-index.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { RedirectAction } from "./redirect.ts";
import { type ConnectionFacts, headerValue, type RequestFacts } from "./request.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { HostRewrite, PathRewrite } from "./rewrite.ts";
import { type FoundMetadata, matchesRoute, type RouteMatch } from "./route-match.ts";
import type { SubsetMatch } from "./subset.ts";
import type { RouteTracing } from "./tracing.ts";

/** The metadata that hosts must have where a cluster is divided by it. */
export interface MetadataMatch {
  readonly single: SubsetMatch;
  /** Tried one after the other, where the cluster goes by them. */
  readonly list: readonly SubsetMatch[] | undefined;
}

export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
  /** Sum of the weights up to and with this one. */
  readonly upTo: number;
  readonly headers: HeaderMutation;
  /** Undefined: nothing of its own; else with what it inherits from the route. */
  readonly filters: RouteFilters | undefined;
  /** Where the route has none of its own. */
  readonly hostRewrite: HostRewrite | undefined;
  /** With what the route says, in place of it. */
  readonly metadataMatch: MetadataMatch | undefined;
}

export type ClusterChoice =
  | { readonly kind: "single"; readonly name: string }
  | {
      readonly kind: "weighted";
      readonly total: number;
      readonly clusters: readonly WeightedCluster[];
      /** A header whose number stands for the random one, so that every hop chooses alike. */
      readonly randomHeader: string | undefined;
    }
  /** The cluster that a request header names. */
  | { readonly kind: "header"; readonly header: string };

/** Of a byte stream, which has no headers. */
export type StreamClusterChoice = Exclude<ClusterChoice, { readonly kind: "header" }>;

export interface StreamDuration {
  /** 0 is none; undefined takes the connection manager's. */
  readonly maxMs: number | undefined;
  /** The `grpc-timeout` of a request in place of it: undefined is ignored; 0 is honoured without a cap. */
  readonly grpcMaxMs: number | undefined;
  /** Taken off a `grpc-timeout`, so that the caller hears of it before its own deadline. */
  readonly grpcOffsetMs: number;
}

export interface ForwardAction {
  readonly kind: "forward";
  readonly cluster: ClusterChoice;
  /** 0 is none. */
  readonly timeoutMs: number;
  /** 0 is none; undefined takes the connection manager's. */
  readonly idleTimeoutMs: number | undefined;
  /** The `grpc-timeout` of a request as the route's time-out (max_grpc_timeout): undefined is ignored; 0 is honoured without a cap. */
  readonly grpcTimeoutMaxMs: number | undefined;
  /** How long the whole exchange may last (max_stream_duration). */
  readonly duration: StreamDuration | undefined;
  readonly retry: RetryPolicy | undefined;
  readonly hostRewrite: HostRewrite | undefined;
  readonly pathRewrite: PathRewrite | undefined;
  /** The authority that a rewrite replaced is added to x-forwarded-host. */
  readonly appendForwardedHost: boolean;
  readonly mirrors: readonly MirrorPolicy[];
  readonly hash: readonly HashPolicy[];
  readonly metadataMatch: MetadataMatch | undefined;
  readonly hedge: HedgePolicy | undefined;
  readonly internalRedirect: InternalRedirectPolicy | undefined;
  readonly rateLimits: readonly RateLimit[];
  /** Those of the virtual host hold as well. */
  readonly includesVirtualHostLimits: boolean;
  /** Of the request's body that may be kept to be sent again; undefined takes the proxy's. */
  readonly bufferLimitBytes: number | undefined;
  /** Which of the cluster's circuit breakers counts it. */
  readonly priority: "default" | "high";
  /** What a missing cluster answers: 503 unless configured. */
  readonly clusterNotFoundStatus: number;
  /** CONNECT is ended here and its bytes go to the cluster. */
  readonly terminateConnect: boolean;
}

export interface DirectAction {
  readonly kind: "direct";
  readonly status: number;
  readonly body: string | Uint8Array;
}

export type RouteAction = ForwardAction | RedirectAction | DirectAction;

export interface Route {
  /** As `%ROUTE_NAME%` shows it; "" without one. */
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  /** Of the route, its virtual host and its configuration, merged in Envoy's order. */
  readonly headers: HeaderMutation;
  /** Of the route with what it inherits. */
  readonly filters: RouteFilters;
  /** `filter_metadata`, for `%METADATA(ROUTE:…)%`. */
  readonly metadata: FilterMetadata;
  readonly origin: Origin | undefined;
  /** Undefined: nothing of its own. */
  readonly tracing?: RouteTracing | undefined;
}

/** Routes in their order, be they there or made when they are asked for. */
export interface RouteList extends Iterable<Route> {
  readonly length: number;
  at(i: number): Route | undefined;
}

export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: RouteList;
  /** Which of them may take a path; undefined: all are asked. */
  readonly paths?: PathIndex | undefined;
  readonly rateLimits: readonly RateLimit[];
  readonly attemptCountHeader: boolean;
  readonly attemptCountInResponse: boolean;
  /** Whose plaintext requests are redirected to https: `external` are those that no proxy of the mesh has sent. */
  readonly requireTls: "none" | "external" | "all";
}

/** The first route that matches, in the order written; undefined: Envoy answers 404 with the flag NR. */
export function chooseRoute(
  host: VirtualHost,
  request: RequestFacts,
  connection: ConnectionFacts,
  random: number,
  found: FoundMetadata,
): Route | undefined {
  const { routes, paths } = host;
  for (let i = 0; i < routes.length; i++) {
    if (paths) {
      i = paths.next(request.path, i);
      if (i < 0) return undefined;
    }
    const route = routes.at(i)!;
    if (matchesRoute(route.match, request, connection, random, found)) return route;
  }
  return undefined;
}

/** The number that stands for a random one where the request brings it (`header_name`); else `random`. */
export function weightedRandom(
  { total, randomHeader }: ClusterChoice & { kind: "weighted" },
  request: RequestFacts,
  random: number,
): number {
  const value = randomHeader === undefined ? undefined : headerValue(request, randomHeader);
  return value !== undefined && /^\d{1,15}$/.test(value) ? (Number(value) % total) / total : random;
}

/** The cluster of a weighted choice for a random number from 0 (inclusive) to 1 (exclusive). */
export function chooseWeighted(clusters: readonly WeightedCluster[], total: number, random: number): WeightedCluster {
  const point = random * total;
  for (let i = 0; i < clusters.length - 1; i++) if (point < clusters[i]!.upTo) return clusters[i]!;
  return clusters[clusters.length - 1]!;
}
