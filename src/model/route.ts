// Routes: what clients' requests for a host turn into. A route is one written object for one kind of traffic; its rules are tried by rank.

import type { CorsPolicy } from "./cors.ts";
import type { Fault } from "./fault.ts";
import type { GatewayKey } from "./gateway.ts";
import type { HttpMatch, TcpMatch, TlsMatch } from "./match.ts";
import type { Authored, Origin } from "./origin.ts";
import type { Visibility } from "./visibility.ts";

/**
 * Place of a rule among the rules of a host: lists of numbers compared element by element, lower first.
 * Istio and Consul rank by position in the list; Gateway API by path, method, headers, then position; App Mesh by priority, then prefix length.
 */
export type Rank = readonly number[];

export function byRank(a: { readonly rank: Rank }, b: { readonly rank: Rank }): number {
  for (let i = 0; i < a.rank.length && i < b.rank.length; i++) {
    const difference = a.rank[i]! - b.rank[i]!;
    if (difference !== 0) return difference;
  }
  return a.rank.length - b.rank.length;
}

/** What all kinds of routes have in common. One written object may make a route of each kind. */
interface RouteBase extends Authored {
  readonly namespace: string;
  /** Hosts that it is for: fully qualified, in lower case, or `*.suffix`, or `*`. */
  readonly hosts: readonly string[];
  readonly visibility: Visibility;
  /** The Gateway that it is bound to; undefined: the clients' own proxies. */
  readonly gateway?: GatewayKey | undefined;
}

export interface HttpRoute extends RouteBase {
  readonly kind: "http";
  /** Sorted by rank. First match wins; no match is 404, never the service's default route. */
  readonly rules: readonly HttpRule[];
}

export interface TlsRoute extends RouteBase {
  readonly kind: "tls";
  readonly rules: readonly TlsRule[];
}

export interface TcpRoute extends RouteBase {
  readonly kind: "tcp";
  readonly rules: readonly TcpRule[];
}

export type Route = HttpRoute | TlsRoute | TcpRoute;

export interface HttpRule {
  /** Unique in the route when given; stands in access logs. */
  readonly name?: string | undefined;
  readonly rank: Rank;
  /** The object that the rule was written in: the route's own, or one that it delegates to. */
  readonly origin: Origin;
  /** Place in that object (`spec.http[0]`), for the source map. */
  readonly path: string;
  /** Any of them; empty matches every request. */
  readonly matches: readonly HttpMatch[];
  readonly action: HttpAction;
  /** Milliseconds for the whole exchange, retries included; undefined: none. */
  readonly timeoutMs?: number | undefined;
  /** Undefined: the mesh's default; attempts 0: never. */
  readonly retry?: RetryPolicy | undefined;
  readonly fault?: Fault | undefined;
  readonly cors?: CorsPolicy | undefined;
  readonly mirrors: readonly Mirror[];
  readonly requestHeaders: HeaderOperations;
  readonly responseHeaders: HeaderOperations;
}

/** A copy of each request, or of a share of them in percent, whose answer nobody waits for. */
export interface Mirror {
  readonly target: BackendTarget;
  readonly percent: number;
}

/** Where the requests of any of its rules may go. */
export function targetsOfRoute(route: Route): readonly BackendTarget[] {
  if (route.kind !== "http") return route.rules.flatMap(({ backends }) => backends.map(({ target }) => target));
  return route.rules.flatMap(({ action, mirrors }) =>
    action.kind === "forward" ? [...action.backends, ...mirrors].map(({ target }) => target) : [],
  );
}

export interface TlsRule {
  readonly rank: Rank;
  readonly origin: Origin;
  readonly path: string;
  readonly matches: readonly TlsMatch[];
  readonly backends: readonly WeightedBackend[];
}

export interface TcpRule {
  readonly rank: Rank;
  readonly origin: Origin;
  readonly path: string;
  /** Empty matches every connection. */
  readonly matches: readonly TcpMatch[];
  readonly backends: readonly WeightedBackend[];
}

export type HttpAction =
  | { readonly kind: "forward"; readonly backends: readonly WeightedBackend[]; readonly rewrite?: Rewrite | undefined }
  | { readonly kind: "redirect"; readonly redirect: Redirect }
  | { readonly kind: "direct"; readonly status: number; readonly body?: DirectBody | undefined };

export type DirectBody =
  | { readonly kind: "text"; readonly text: string }
  /** Base64. */
  | { readonly kind: "bytes"; readonly base64: string };

/** A share of the traffic. Weights are relative; none is 0 unless it is the only backend, whose weight does not count. */
export interface WeightedBackend {
  readonly target: BackendTarget;
  readonly weight: number;
  /** Host that the upstream sees, unless the rule says one; undefined: the client's. */
  readonly authority?: string | undefined;
  readonly requestHeaders: HeaderOperations;
  readonly responseHeaders: HeaderOperations;
}

/** Where a share goes. A target that does not exist is kept: its share is answered 503, flag NC, as Istio does. */
export interface BackendTarget {
  readonly kind: "service";
  /** Fully qualified. */
  readonly host: string;
  readonly subset?: string | undefined;
  /** Undefined: the service's only port, else the port that the client called (see `targetPort` in lookup.ts). */
  readonly port?: number | undefined;
  /** Place in the rule's object (`spec.http[0].route[1].destination`), for the source map. */
  readonly path: string;
}

/** What the upstream sees instead of what the client sent. */
export interface Rewrite {
  readonly authority?: string | undefined;
  readonly path?: PathRewrite | undefined;
}

/** `matched`: what the match's path matched is replaced, so all of it after an exact or a regex match. The query stays as it is. */
export type PathRewrite =
  | { readonly kind: "matched"; readonly replacement: string }
  /** RE2; `substitution` may have groups, `\\1`. */
  | { readonly kind: "regex"; readonly pattern: string; readonly substitution: string };

export interface Redirect {
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** The whole path, or what the match's path matched. */
  readonly path?: { readonly kind: "whole" | "matched"; readonly replacement: string } | undefined;
  readonly authority?: string | undefined;
  readonly scheme?: string | undefined;
  /** `request`: the one that the client called. Undefined: the scheme's. */
  readonly port?: number | "request" | undefined;
}

export interface Header {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

/** `remove`, then `set` (replaces), then `add` (appends). Each sorted by name. */
export interface HeaderOperations {
  readonly set: readonly Header[];
  readonly add: readonly Header[];
  readonly remove: readonly string[];
}

export const NO_HEADERS: HeaderOperations = { set: [], add: [], remove: [] };

export function changesHeaders(operations: HeaderOperations): boolean {
  return operations.set.length + operations.add.length + operations.remove.length > 0;
}

/** Envoy's names for what is worth another try (`x-envoy-retry-on`, `x-envoy-retry-grpc-on`). */
export const RETRY_CONDITIONS = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "envoy-ratelimited",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;
export type RetryCondition = (typeof RETRY_CONDITIONS)[number];

export interface RetryPolicy {
  /** Tries after the first; 0: none. */
  readonly attempts: number;
  readonly conditions: readonly RetryCondition[];
  /** Statuses that count as `retriable-status-codes`. */
  readonly statuses: readonly number[];
  /** Undefined: each try may take what is left of the timeout. */
  readonly perTryTimeoutMs?: number | undefined;
  /** Another endpoint than those tried before, while there is one. */
  readonly avoidPreviousHosts: boolean;
  /** Another locality than those tried before, while there is one. */
  readonly avoidPreviousLocalities: boolean;
  /** Base of the jittered exponential back-off; undefined: 25 ms, as Envoy. */
  readonly backoffMs?: number | undefined;
}
