// As many requests at once as the latency bears (envoy.filters.http.adaptive_concurrency).

/** Envoy's gradient controller. */
export interface AdaptiveConcurrencyFilter {
  readonly kind: "adaptive-concurrency";
  readonly enabled: boolean;
  /** Of those that are one too many. */
  readonly status: number;
  /** From 0 to 1: which of a window's latencies stands for all. */
  readonly percentile: number;
  readonly maxConcurrency: number;
  /** So often the limit is reckoned anew. */
  readonly updateMs: number;
  readonly minRtt: {
    /** From one measurement to the next. */
    readonly intervalMs: number;
    readonly jitterPercent: number;
    readonly requests: number;
    /** While it is measured. */
    readonly minConcurrency: number;
    /** What latency may vary by without meaning anything, as a share. */
    readonly buffer: number;
  };
}
