// What a chain's traffic is counted as otherwise than by Istio's standard metrics.

import type { MetricOverrides } from "../stats/metric-overrides.ts";
import type { CelFacts, CelText } from "./cel.ts";

export interface ChainMetrics {
  readonly overrides: MetricOverrides;
  /** What a request brings for its labels, in the order of the overrides' numbers. */
  readonly values: readonly CelText[];
}

/** Istio's, where an expression has no value. */
const NO_VALUE = "unknown";

export function valuesOf({ values }: ChainMetrics, facts: CelFacts): readonly string[] {
  return values.map((value) => value(facts) ?? NO_VALUE);
}
