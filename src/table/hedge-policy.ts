// A further attempt beside one that is slow (envoy.config.route.v3.HedgePolicy).

export interface HedgePolicy {
  /** An attempt whose per-try time-out rings goes on, and another is begun beside it: the first good response counts. */
  readonly onPerTryTimeout: boolean;
}
