// Who is an outlier, and for how long: pure decisions on what was counted (Envoy: Outlier::DetectorImpl).

import type { EjectionType, OutlierDetection } from "../../../table/outlier-detection.ts";

/** What a host did in one interval. */
export interface Outcomes {
  readonly total: number;
  readonly successes: number;
}

/** `percent`: of its requests that succeeded. */
interface Rated<H> {
  readonly host: H;
  readonly percent: number;
}

export interface Outlier<H> {
  readonly host: H;
  readonly type: EjectionType;
}

function rate<H>(outcomes: ReadonlyMap<H, Outcomes>, requestVolume: number): readonly Rated<H>[] {
  return [...outcomes]
    .filter(([, { total }]) => total > 0 && total >= requestVolume)
    .map(([host, { total, successes }]) => ({ host, percent: (100 * successes) / total }));
}

/** The success rate in per cent below which a host is an outlier among hosts with these. */
export function successRateThreshold(percents: readonly number[], stdevFactor: number): number {
  const mean = percents.reduce((sum, percent) => sum + percent, 0) / percents.length;
  const variance = percents.reduce((sum, percent) => sum + (percent - mean) ** 2, 0) / percents.length;
  return mean - stdevFactor * Math.sqrt(variance);
}

/** Those that were much worse than the others. `outcomes`: of the hosts that are not ejected; `hosts`: how many there are in all. */
export function outliersBySuccessRate<H>(
  { successRate: { minimumHosts, requestVolume, stdevFactor } }: OutlierDetection,
  outcomes: ReadonlyMap<H, Outcomes>,
): readonly H[] {
  const rated = rate(outcomes, requestVolume);
  if (rated.length === 0 || rated.length < minimumHosts) return [];
  const threshold = successRateThreshold(
    rated.map(({ percent }) => percent),
    stdevFactor,
  );
  return rated.filter(({ percent }) => percent < threshold).map(({ host }) => host);
}

/** Those that failed more often than is borne. */
export function outliersByFailurePercentage<H>(
  { failurePercentage: { minimumHosts, requestVolume, threshold } }: OutlierDetection,
  outcomes: ReadonlyMap<H, Outcomes>,
): readonly H[] {
  const rated = rate(outcomes, requestVolume);
  if (rated.length === 0 || rated.length < minimumHosts) return [];
  return rated.filter(({ percent }) => 100 - percent >= threshold).map(({ host }) => host);
}

/** Whether one more of `hosts` may be ejected where `ejected` are already. */
export function admitsEjection(
  { maxEjectionPercent, alwaysEjectsOne }: OutlierDetection,
  ejected: number,
  hosts: number,
): boolean {
  return (alwaysEjectsOne && ejected === 0) || (100 * (ejected + 1)) / hosts <= maxEjectionPercent;
}

/** `backoff`: how often the host was ejected, less the intervals that it was good for. */
export function ejectionMs({ baseEjectionMs, maxEjectionMs }: OutlierDetection, backoff: number): number {
  return Math.min(baseEjectionMs * backoff, maxEjectionMs);
}

/** The back-off after one more ejection: it grows until the ejection time is the longest. */
export function backoffAfterEjection({ baseEjectionMs, maxEjectionMs }: OutlierDetection, backoff: number): number {
  return backoff * baseEjectionMs < maxEjectionMs + baseEjectionMs ? backoff + 1 : backoff;
}
