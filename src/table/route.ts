// Which route a request takes: the decision itself, on tables that were built when the configuration came.

import type { RouteFilters } from "./filter/filter.ts";
import type { HeaderMutation } from "./header-mutation.ts";
import type { Origin } from "./origin.ts";
import type { RedirectAction } from "./redirect.ts";
import type { RequestFacts } from "./request.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import { matchesRoute, type RouteMatch } from "./route-match.ts";

export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
  /** Sum of the weights up to and with this one. */
  readonly upTo: number;
  readonly headers: HeaderMutation;
  /** Undefined: nothing of its own; else with what it inherits from the route. */
  readonly filters: RouteFilters | undefined;
}

export type ClusterChoice =
  | { readonly kind: "single"; readonly name: string }
  | { readonly kind: "weighted"; readonly total: number; readonly clusters: readonly WeightedCluster[] };

export interface ForwardAction {
  readonly kind: "forward";
  readonly cluster: ClusterChoice;
  /** 0 is none. */
  readonly timeoutMs: number;
  /** 0 is none; undefined takes the connection manager's. */
  readonly idleTimeoutMs: number | undefined;
  /** The `grpc-timeout` of a request: undefined is ignored; 0 is honoured without a cap. */
  readonly grpcTimeoutMaxMs: number | undefined;
  readonly retry: RetryPolicy | undefined;
  readonly hostRewrite: string | undefined;
  readonly prefixRewrite: string | undefined;
  /** What a missing cluster answers: 503 unless configured. */
  readonly clusterNotFoundStatus: number;
  /** CONNECT is ended here and its bytes go to the cluster. */
  readonly terminateConnect: boolean;
}

export interface DirectAction {
  readonly kind: "direct";
  readonly status: number;
  readonly body: string;
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
  readonly origin: Origin | undefined;
}

export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  readonly attemptCountHeader: boolean;
  readonly attemptCountInResponse: boolean;
}

/** The first route that matches, in the order written; undefined: Envoy answers 404 with the flag NR. */
export function chooseRoute(host: VirtualHost, request: RequestFacts): Route | undefined {
  const { routes } = host;
  for (let i = 0; i < routes.length; i++) {
    const route = routes[i]!;
    if (matchesRoute(route.match, request)) return route;
  }
  return undefined;
}

/** The cluster of a weighted choice for a random number from 0 (inclusive) to 1 (exclusive). */
export function chooseWeighted(clusters: readonly WeightedCluster[], total: number, random: number): WeightedCluster {
  const point = random * total;
  for (let i = 0; i < clusters.length - 1; i++) if (point < clusters[i]!.upTo) return clusters[i]!;
  return clusters[clusters.length - 1]!;
}
