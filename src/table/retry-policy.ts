// When a failed attempt may be made again (envoy.config.route.v3.RetryPolicy).

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

export interface RetryPolicy {
  readonly on: ReadonlySet<RetryCondition>;
  /** Attempts beside the first. */
  readonly retries: number;
  /** 0 is none. */
  readonly perTryTimeoutMs: number;
  readonly statusCodes: ReadonlySet<number>;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Prefer a host that this request was not sent to yet, for so many choices. */
  readonly avoidPreviousHosts: boolean;
  readonly hostSelectionAttempts: number;
}

/** What ended an attempt before a response. */
export type AttemptFailure = "connect-failure" | "refused" | "reset" | "per-try-timeout" | "overflow";

/** Envoy: `5xx`, `reset` and `gateway-error` also cover what never answered; `reset-before-request` what the upstream certainly did not see. */
export function retriesFailure(policy: RetryPolicy, failure: AttemptFailure): boolean {
  const { on } = policy;
  switch (failure) {
    case "connect-failure":
      return (
        on.has("connect-failure") ||
        on.has("5xx") ||
        on.has("reset") ||
        on.has("gateway-error") ||
        on.has("reset-before-request")
      );
    case "refused":
      return on.has("refused-stream") || on.has("5xx") || on.has("reset") || on.has("reset-before-request");
    case "reset":
      return on.has("reset") || on.has("5xx");
    case "per-try-timeout":
      return on.has("5xx") || on.has("gateway-error") || on.has("reset");
    case "overflow":
      return false;
  }
}

/** `grpcStatus` is that of a trailers-only response, undefined otherwise. */
export function retriesResponse(policy: RetryPolicy, status: number, grpcStatus: number | undefined): boolean {
  const { on } = policy;
  if (status >= 500 && on.has("5xx")) return true;
  if (status >= 502 && status <= 504 && on.has("gateway-error")) return true;
  if (status === 409 && on.has("retriable-4xx")) return true;
  if (on.has("retriable-status-codes") && policy.statusCodes.has(status)) return true;
  if (grpcStatus === undefined) return false;
  const condition = GRPC_CONDITIONS.get(grpcStatus);
  return condition !== undefined && on.has(condition);
}
