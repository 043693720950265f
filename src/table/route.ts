// Which route a request takes: the decision itself, on tables that were built when the configuration came.

import { type HeaderMatch, matchesHeaders, matchesQuery, type QueryMatch } from "./header-match.ts";
import type { HeaderMutation } from "./header-mutation.ts";
import type { Origin } from "./origin.ts";
import type { RbacTable } from "./rbac.ts";
import { pathWithoutQuery, type RequestFacts } from "./request.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import { matchesString, type StringMatch } from "./string-match.ts";

/** `prefix` also matches inside a segment (`/foo` takes `/foobar`), `segments` does not. `connect` takes CONNECT requests alone. */
export type PathMatch =
  | { readonly kind: "prefix"; readonly text: string; readonly ignoreCase: boolean }
  | { readonly kind: "segments"; readonly text: string; readonly ignoreCase: boolean }
  | { readonly kind: "string"; readonly match: StringMatch }
  | { readonly kind: "connect" };

export interface RouteMatch {
  readonly path: PathMatch;
  readonly headers: readonly HeaderMatch[];
  readonly query: readonly QueryMatch[];
  /** Matches everything: `prefix: "/"` alone. The common case needs no look at the request. */
  readonly always: boolean;
}

export interface WeightedCluster {
  readonly name: string;
  readonly weight: number;
  /** Sum of the weights up to and with this one. */
  readonly upTo: number;
  readonly headers: HeaderMutation;
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

export interface RedirectAction {
  readonly kind: "redirect";
  readonly status: number;
  readonly scheme: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: { readonly kind: "full" | "prefix"; readonly text: string } | undefined;
  readonly stripQuery: boolean;
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
  readonly rbac: RbacTable | undefined;
  readonly origin: Origin | undefined;
}

export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  readonly attemptCountHeader: boolean;
  readonly attemptCountInResponse: boolean;
}

function matchesPath(match: PathMatch, request: RequestFacts): boolean {
  if (match.kind === "connect") return request.method === "CONNECT";
  if (request.path === "") return false; // a plain CONNECT has no path
  switch (match.kind) {
    case "prefix": {
      if (!match.ignoreCase) return request.path.startsWith(match.text);
      return request.path.slice(0, match.text.length).toLowerCase() === match.text;
    }
    case "segments": {
      const path = pathWithoutQuery(request.path);
      const head = match.ignoreCase ? path.slice(0, match.text.length).toLowerCase() : path.slice(0, match.text.length);
      return (
        head === match.text && (path.length === match.text.length || path.charCodeAt(match.text.length) === 47)
      ); /* / */
    }
    case "string":
      return matchesString(match.match, pathWithoutQuery(request.path));
  }
}

export function matchesRoute(match: RouteMatch, request: RequestFacts): boolean {
  if (match.always) return request.path !== "";
  return (
    matchesPath(match.path, request) &&
    matchesHeaders(match.headers, request) &&
    matchesQuery(match.query, request.path)
  );
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
