// client_side_weighted_round_robin: weights by the load that hosts report.

import type { ClientSideWeightedRoundRobin } from "../../xds/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.ts";
import type { BalancerPolicy } from "../balancing.ts";
import { milliseconds, type Scope } from "./scope.ts";
import { acceptSlowStart } from "./slow-start.ts";

/** Envoy's. */
const BLACKOUT_MS = 10_000;
const EXPIRATION_MS = 180_000;
const UPDATE_MS = 1_000;
const LEAST_UPDATE_MS = 100;

export function acceptByReportedLoad(scope: Scope, config: ClientSideWeightedRoundRobin | undefined): BalancerPolicy {
  if (config?.enableOobLoadReport) scope.field("enable_oob_load_report").reject("reports are read of responses alone");
  // Without a value there is no penalty on Envoy, although its API speaks of 1.0.
  const errorPenalty = config?.errorUtilizationPenalty ?? 0;
  if (errorPenalty < 0) scope.field("error_utilization_penalty").reject("below 0");
  return {
    kind: "client-side-weighted-round-robin",
    blackoutMs: milliseconds(config?.blackoutPeriod, BLACKOUT_MS),
    expirationMs: milliseconds(config?.weightExpirationPeriod, EXPIRATION_MS),
    updateMs: Math.max(milliseconds(config?.weightUpdatePeriod, UPDATE_MS), LEAST_UPDATE_MS),
    errorPenalty,
    metricNames: config?.metricNamesForComputingUtilization ?? [],
    slowStart: acceptSlowStart(scope.field("slow_start_config"), config?.slowStartConfig),
  };
}
