// envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency

import type {
  AdaptiveConcurrency,
  GradientControllerConfig_MinimumRTTCalculationParams,
} from "../../../xds/gen/envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency_pb.ts";
import type { AdaptiveConcurrencyFilter } from "../../filter/adaptive-concurrency.ts";
import { milliseconds, type Scope } from "../scope.ts";

/** Envoy's defaults (adaptive_concurrency.proto). */
const PERCENTILE = 50;
const MAX_CONCURRENCY = 1_000;
const REQUESTS = 50;
const JITTER = 15;
const MIN_CONCURRENCY = 3;
const BUFFER = 25;
const STATUS = 503;

function acceptMinRtt(
  scope: Scope,
  params: GradientControllerConfig_MinimumRTTCalculationParams | undefined,
): AdaptiveConcurrencyFilter["minRtt"] {
  if (!params) scope.reject("missing");
  else scope.only(params, ["interval", "requestCount", "jitter", "minConcurrency", "buffer"]);
  const intervalMs = milliseconds(params?.interval, 0);
  if (intervalMs < 1) scope.field("interval").reject("missing, or below 1 ms");
  return {
    intervalMs,
    jitterPercent: params?.jitter?.value ?? JITTER,
    requests: params?.requestCount ?? REQUESTS,
    minConcurrency: params?.minConcurrency ?? MIN_CONCURRENCY,
    buffer: (params?.buffer?.value ?? BUFFER) / 100,
  };
}

export function acceptAdaptiveConcurrency(scope: Scope, config: AdaptiveConcurrency): AdaptiveConcurrencyFilter {
  scope.only(config, ["concurrencyControllerConfig", "enabled", "concurrencyLimitExceededStatus"]);
  const gradient = config.concurrencyControllerConfig.value;
  const at = scope.field("gradient_controller_config");
  if (!gradient) at.reject("missing");
  if (gradient) at.only(gradient, ["sampleAggregatePercentile", "concurrencyLimitParams", "minRttCalcParams"]);
  const limits = gradient?.concurrencyLimitParams;
  const updateMs = milliseconds(limits?.concurrencyUpdateInterval, 0);
  if (updateMs < 1)
    at.field("concurrency_limit_params").field("concurrency_update_interval").reject("missing, or below 1 ms");
  const status = config.concurrencyLimitExceededStatus?.code ?? STATUS;
  return {
    kind: "adaptive-concurrency",
    enabled: config.enabled?.defaultValue ?? true,
    // Envoy takes no status below 400 for one: ResponseCodeIfNotValid.
    status: status < 400 ? STATUS : status,
    percentile: (gradient?.sampleAggregatePercentile?.value ?? PERCENTILE) / 100,
    maxConcurrency: limits?.maxConcurrencyLimit ?? MAX_CONCURRENCY,
    updateMs,
    minRtt: acceptMinRtt(at.field("min_rtt_calc_params"), gradient?.minRttCalcParams),
  };
}
