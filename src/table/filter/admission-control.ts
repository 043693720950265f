// The admission control filter (envoy.filters.http.admission_control): requests are refused as far as those before them fail.

export interface AdmissionControlFilter {
  readonly kind: "admission-control";
  readonly enabled: boolean;
  /** Statuses of responses that are no failure: from, and below which. */
  readonly httpSuccess: readonly { readonly start: number; readonly end: number }[];
  readonly grpcSuccess: ReadonlySet<number>;
  readonly windowMs: number;
  /** 1: the probability grows evenly with the failures; above it sooner. */
  readonly aggression: number;
  /** From 0 to 1: as long as this part succeeds, nobody is refused. */
  readonly threshold: number;
  /** Below so many requests a second nobody is. */
  readonly minRequestsPerSecond: number;
  /** From 0 to 1. */
  readonly maxRejection: number;
}

/** The probability with which the next request is refused (Envoy: AdmissionControlFilter::shouldRejectRequest). */
export function rejectionProbability(
  { threshold, aggression, maxRejection }: AdmissionControlFilter,
  requests: number,
  successes: number,
): number {
  const surplus = Math.max(0, requests - successes / threshold) / (requests + 1);
  return Math.min(aggression === 1 ? surplus : surplus ** (1 / aggression), maxRejection);
}
