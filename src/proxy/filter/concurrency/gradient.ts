// How many requests may be under way, from how long they take: pure (Envoy: GradientController::calculateNewLimit).

import type { AdaptiveConcurrencyFilter } from "../../../table/filter/adaptive-concurrency.ts";

/** The latency that stands for a window. `latencies` are sorted in place; there is at least one. */
export function percentileOf(latencies: number[], percentile: number): number {
  latencies.sort((a, b) => a - b);
  return latencies[Math.max(0, Math.ceil(percentile * latencies.length) - 1)]!;
}

/** The next limit: as much less as the window was slower than the least latency, and room for a burst. */
export function nextLimit(
  { maxConcurrency, minRtt: { minConcurrency, buffer } }: AdaptiveConcurrencyFilter,
  limit: number,
  minRttMs: number,
  sampleMs: number,
): number {
  const gradient = sampleMs === 0 ? 2 : Math.max(0.5, Math.min(2, (minRttMs * (1 + buffer)) / sampleMs));
  const scaled = limit * gradient;
  return Math.max(minConcurrency, Math.min(maxConcurrency, Math.floor(scaled + Math.sqrt(scaled))));
}
