// When a failed attempt may be made again (envoy.config.route.v3.RetryPolicy; Envoy: RetryStateImpl).

import type { HeaderMatch } from "./header-match.ts";
import { matchesHeader } from "./header-match.ts";
import { headerOf, type RequestFacts } from "./request.ts";

/** Envoy's and Istio's names of conditions that this policy language knows. */
export const RETRY_CONDITIONS = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "envoy-ratelimited",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;
export type RetryCondition = (typeof RETRY_CONDITIONS)[number];

/** gRPC status that each of the gRPC conditions stands for (Envoy's names). */
const GRPC_CONDITIONS: ReadonlyMap<number, RetryCondition> = new Map([
  [1, "cancelled"],
  [4, "deadline-exceeded"],
  [8, "resource-exhausted"],
  [13, "internal"],
  [14, "unavailable"],
]);

/** A header in which the upstream says when it may be asked again. */
export interface ResetHeader {
  readonly name: string;
  readonly format: "seconds" | "unix-timestamp";
}

export type HostPredicate =
  | { readonly kind: "previous-hosts" }
  | { readonly kind: "omit-canary-hosts" }
  /** Hosts whose metadata has every pair: value in JSON. */
  | { readonly kind: "omit-host-metadata"; readonly metadata: ReadonlyMap<string, string> };

export interface RetryPolicy {
  readonly on: ReadonlySet<RetryCondition>;
  /** Attempts beside the first. */
  readonly retries: number;
  /** 0 is none. */
  readonly perTryTimeoutMs: number;
  /** An attempt that is silent for so long is given up; 0 is none. */
  readonly perTryIdleTimeoutMs: number;
  readonly statusCodes: ReadonlySet<number>;
  /** Of the response: any of them. */
  readonly retriableHeaders: readonly HeaderMatch[];
  /** Of the request: where there are some, one must match, or nothing is tried again. */
  readonly retriableRequestHeaders: readonly HeaderMatch[];
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** The upstream's own word on when to come again; longer waits than `maxMs` are not believed. */
  readonly rateLimited: { readonly headers: readonly ResetHeader[]; readonly maxMs: number } | undefined;
  /** Hosts to avoid, for so many choices. */
  readonly hostPredicates: readonly HostPredicate[];
  readonly hostSelectionAttempts: number;
  /** Prefer priorities that were not tried, after so many attempts on those that were; undefined: no preference. */
  readonly previousPriorities: { readonly updateFrequency: number } | undefined;
}

/** What ended an attempt before a response. */
export type AttemptFailure =
  | "connect-failure"
  | "refused"
  | "reset"
  | "per-try-timeout"
  | "per-try-idle-timeout"
  | "overflow";

/** Envoy: `5xx` and `gateway-error` also cover what never answered; `reset-before-request` what the upstream certainly did not see. */
export function retriesFailure({ on }: RetryPolicy, failure: AttemptFailure): boolean {
  if (failure === "overflow") return false;
  if (on.has("5xx") || on.has("gateway-error") || on.has("reset")) return true;
  switch (failure) {
    case "connect-failure":
      return on.has("connect-failure") || on.has("reset-before-request");
    case "refused":
      return on.has("refused-stream");
    default:
      return false;
  }
}

function asFacts(headers: readonly string[]): RequestFacts {
  return { method: "", scheme: "", authority: "", path: "", headers };
}

/** `grpcStatus` is that of a trailers-only response, undefined otherwise. */
export function retriesResponse(
  policy: RetryPolicy,
  status: number,
  headers: readonly string[],
  grpcStatus: number | undefined,
): boolean {
  const { on } = policy;
  // A rate limit that an Envoy upstream has enforced is final unless the policy says otherwise.
  if (headerOf(headers, "x-envoy-ratelimited") !== undefined) return on.has("envoy-ratelimited");
  if (status >= 500 && on.has("5xx")) return true;
  if (status >= 502 && status <= 504 && on.has("gateway-error")) return true;
  if (status === 409 && on.has("retriable-4xx")) return true;
  if (on.has("retriable-status-codes") && policy.statusCodes.has(status)) return true;
  if (on.has("retriable-headers") && policy.retriableHeaders.some((match) => matchesHeader(match, asFacts(headers))))
    return true;
  if (grpcStatus === undefined) return false;
  const condition = GRPC_CONDITIONS.get(grpcStatus);
  return condition !== undefined && on.has(condition);
}

/** Whether requests like this one may be tried again at all. */
export function retriesRequest({ retriableRequestHeaders: matches }: RetryPolicy, request: RequestFacts): boolean {
  return matches.length === 0 || matches.some((match) => matchesHeader(match, request));
}

/** How long the upstream wants to be left alone, in ms; undefined: it does not say, or nobody would wait so long. */
export function rateLimitDelay(policy: RetryPolicy, headers: readonly string[], nowMs: number): number | undefined {
  const { rateLimited } = policy;
  if (!rateLimited) return undefined;
  for (const { name, format } of rateLimited.headers) {
    const value = headerOf(headers, name);
    if (value === undefined || !/^\d{1,12}$/.test(value)) continue;
    const delay = Number(value) * 1_000 - (format === "unix-timestamp" ? nowMs : 0);
    if (delay > 0 && delay <= rateLimited.maxMs) return delay;
  }
  return undefined;
}

/** The ceiling of the random wait before the attempt after `attempts`: doubled each time (Envoy: JitteredExponentialBackOffStrategy). */
export function backoffCeiling({ backoffBaseMs, backoffMaxMs }: RetryPolicy, attempts: number): number {
  return Math.min(backoffMaxMs, backoffBaseMs * 2 ** Math.min(attempts - 1, 30));
}
