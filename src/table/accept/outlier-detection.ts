// envoy.config.cluster.v3.OutlierDetection

import type { OutlierDetection } from "../../xds/gen/envoy/config/cluster/v3/outlier_detection_pb.ts";
import type * as table from "../outlier-detection.ts";
import { milliseconds, type Scope } from "./scope.ts";

/** Envoy's defaults (outlier_detection.proto). */
const CONSECUTIVE = 5;
const INTERVAL_MS = 10_000;
const BASE_EJECTION_MS = 30_000;
const MAX_EJECTION_MS = 300_000;
const MAX_EJECTION_PERCENT = 10;
const MINIMUM_HOSTS = 5;
const SUCCESS_RATE_VOLUME = 100;
const STDEV_FACTOR = 1_900;
const FAILURE_PERCENTAGE_VOLUME = 50;
const FAILURE_PERCENTAGE = 85;

/** All but `monitors`. */
const SUPPORTED = [
  "consecutive5xx",
  "interval",
  "baseEjectionTime",
  "maxEjectionPercent",
  "enforcingConsecutive5xx",
  "enforcingSuccessRate",
  "successRateMinimumHosts",
  "successRateRequestVolume",
  "successRateStdevFactor",
  "consecutiveGatewayFailure",
  "enforcingConsecutiveGatewayFailure",
  "splitExternalLocalOriginErrors",
  "consecutiveLocalOriginFailure",
  "enforcingConsecutiveLocalOriginFailure",
  "enforcingLocalOriginSuccessRate",
  "failurePercentageThreshold",
  "enforcingFailurePercentage",
  "enforcingFailurePercentageLocalOrigin",
  "failurePercentageMinimumHosts",
  "failurePercentageRequestVolume",
  "maxEjectionTime",
  "maxEjectionTimeJitter",
  "successfulActiveHealthCheckUnejectHost",
  "alwaysEjectOneHost",
] as const;

/** A duration that must be above 0 where it is set. */
function positive(scope: Scope, duration: OutlierDetection["interval"], otherwise: number): number {
  const ms = milliseconds(duration, otherwise);
  if (ms <= 0) scope.reject("must be above 0");
  return ms;
}

function percent(scope: Scope, value: number | undefined, otherwise: number): number {
  if (value !== undefined && value > 100) scope.reject("must be at most 100");
  return value ?? otherwise;
}

function acceptEnforcing(scope: Scope, detection: OutlierDetection): table.OutlierDetection["enforcing"] {
  const of = (field: string, value: number | undefined, otherwise: number) =>
    percent(scope.field(field), value, otherwise);
  return {
    "consecutive-5xx": of("enforcing_consecutive_5xx", detection.enforcingConsecutive5xx, 100),
    "consecutive-gateway-failure": of(
      "enforcing_consecutive_gateway_failure",
      detection.enforcingConsecutiveGatewayFailure,
      0,
    ),
    "consecutive-local-origin-failure": of(
      "enforcing_consecutive_local_origin_failure",
      detection.enforcingConsecutiveLocalOriginFailure,
      100,
    ),
    "success-rate": of("enforcing_success_rate", detection.enforcingSuccessRate, 100),
    "success-rate-local-origin": of(
      "enforcing_local_origin_success_rate",
      detection.enforcingLocalOriginSuccessRate,
      100,
    ),
    "failure-percentage": of("enforcing_failure_percentage", detection.enforcingFailurePercentage, 0),
    "failure-percentage-local-origin": of(
      "enforcing_failure_percentage_local_origin",
      detection.enforcingFailurePercentageLocalOrigin,
      0,
    ),
  };
}

function acceptTimes(
  scope: Scope,
  detection: OutlierDetection,
): Pick<table.OutlierDetection, "intervalMs" | "baseEjectionMs" | "maxEjectionMs" | "ejectionJitterMs"> {
  const baseEjectionMs = positive(scope.field("base_ejection_time"), detection.baseEjectionTime, BASE_EJECTION_MS);
  const maxEjectionMs = positive(
    scope.field("max_ejection_time"),
    detection.maxEjectionTime,
    Math.max(MAX_EJECTION_MS, baseEjectionMs),
  );
  if (maxEjectionMs < baseEjectionMs) scope.field("max_ejection_time").reject("smaller than base_ejection_time");
  return {
    intervalMs: positive(scope.field("interval"), detection.interval, INTERVAL_MS),
    baseEjectionMs,
    maxEjectionMs,
    ejectionJitterMs: milliseconds(detection.maxEjectionTimeJitter, 0),
  };
}

export function acceptOutlierDetection(
  scope: Scope,
  detection: OutlierDetection | undefined,
): table.OutlierDetection | undefined {
  if (!detection) return undefined;
  scope.only(detection, SUPPORTED);
  return {
    consecutive5xx: detection.consecutive5xx ?? CONSECUTIVE,
    consecutiveGatewayFailure: detection.consecutiveGatewayFailure ?? CONSECUTIVE,
    consecutiveLocalOriginFailure: detection.consecutiveLocalOriginFailure ?? CONSECUTIVE,
    splitsLocalOrigin: detection.splitExternalLocalOriginErrors,
    ...acceptTimes(scope, detection),
    maxEjectionPercent: percent(
      scope.field("max_ejection_percent"),
      detection.maxEjectionPercent,
      MAX_EJECTION_PERCENT,
    ),
    alwaysEjectsOne: detection.alwaysEjectOneHost ?? false,
    enforcing: acceptEnforcing(scope, detection),
    successRate: {
      minimumHosts: detection.successRateMinimumHosts ?? MINIMUM_HOSTS,
      requestVolume: detection.successRateRequestVolume ?? SUCCESS_RATE_VOLUME,
      stdevFactor: (detection.successRateStdevFactor ?? STDEV_FACTOR) / 1_000,
    },
    failurePercentage: {
      minimumHosts: detection.failurePercentageMinimumHosts ?? MINIMUM_HOSTS,
      requestVolume: detection.failurePercentageRequestVolume ?? FAILURE_PERCENTAGE_VOLUME,
      threshold: percent(
        scope.field("failure_percentage_threshold"),
        detection.failurePercentageThreshold,
        FAILURE_PERCENTAGE,
      ),
    },
    uneject: (detection.successfulActiveHealthCheckUnejectHost ?? true) ? "by-health-check" : "by-time",
  };
}
