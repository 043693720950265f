// Settings of outlier detection in which nothing is an outlier, for tests to change.

import type { OutlierDetection } from "../../../table/outlier-detection.ts";

const ALWAYS = 100;

export function detection(changes: Partial<OutlierDetection> = {}): OutlierDetection {
  return {
    consecutive5xx: 0,
    consecutiveGatewayFailure: 0,
    consecutiveLocalOriginFailure: 0,
    splitsLocalOrigin: false,
    intervalMs: 20,
    baseEjectionMs: 60_000,
    maxEjectionMs: 300_000,
    ejectionJitterMs: 0,
    maxEjectionPercent: 100,
    alwaysEjectsOne: false,
    enforcing: {
      "consecutive-5xx": ALWAYS,
      "consecutive-gateway-failure": ALWAYS,
      "consecutive-local-origin-failure": ALWAYS,
      "success-rate": ALWAYS,
      "success-rate-local-origin": ALWAYS,
      "failure-percentage": ALWAYS,
      "failure-percentage-local-origin": ALWAYS,
    },
    successRate: { minimumHosts: Number.POSITIVE_INFINITY, requestVolume: 1, stdevFactor: 1.9 },
    failurePercentage: { minimumHosts: Number.POSITIVE_INFINITY, requestVolume: 1, threshold: 85 },
    uneject: "by-health-check",
    ...changes,
  };
}
