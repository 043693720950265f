// What resilience did to a cluster's hosts and requests, and overload to the proxy, under Envoy's names with Istio's tags.

import { type CounterDefinition, counter, type GaugeDefinition, gauge } from "../definition.ts";

type OfCluster = readonly ["cluster_name"];
const CLUSTER: OfCluster = ["cluster_name"];

const OUTLIERS = "envoy_cluster_outlier_detection_ejections_";
const CHECKS = "envoy_cluster_health_check_";

export const EJECTIONS_ACTIVE = gauge(`${OUTLIERS}active`, "Hosts that are ejected", CLUSTER);
export const EJECTIONS_ENFORCED = counter(`${OUTLIERS}enforced_total`, "Ejections that were made", CLUSTER);
export const EJECTIONS_OVERFLOW = counter(
  `${OUTLIERS}overflow`,
  "Ejections that the share of hosts that may be out did not allow",
  CLUSTER,
);

/** Of one kind (`consecutive_5xx`). */
export function ejections(what: "detected" | "enforced", kind: string): CounterDefinition<OfCluster> {
  return counter(`${OUTLIERS}${what}_${kind}`, `Ejections ${what}: ${kind}`, CLUSTER);
}

export const CHECK_ATTEMPTS = counter(`${CHECKS}attempt`, "Health checks begun", CLUSTER);
export const CHECK_SUCCESSES = counter(`${CHECKS}success`, "Health checks that passed", CLUSTER);
export const CHECK_FAILURES = counter(`${CHECKS}failure`, "Health checks that failed", CLUSTER);
export const CHECK_PASSIVE_FAILURES = counter(
  `${CHECKS}passive_failure`,
  "Health checks failed by a response to a request",
  CLUSTER,
);
export const CHECK_NETWORK_FAILURES = counter(`${CHECKS}network_failure`, "Health checks that had no answer", CLUSTER);
export const CHECK_VERIFICATIONS = counter(
  `${CHECKS}verify_cluster`,
  "Health checks in which it was looked whose answer it is",
  CLUSTER,
);
export const CHECK_HEALTHY = gauge(`${CHECKS}healthy`, "Hosts that pass their health checks", CLUSTER);
export const CHECK_DEGRADED = gauge(`${CHECKS}degraded`, "Hosts that pass their health checks as degraded", CLUSTER);

export const BREAKERS = ["cx_open", "rq_pending_open", "rq_open", "rq_retry_open"] as const;

/** 1 while the limit is reached. */
export function breakerOpen(priority: "default" | "high", what: (typeof BREAKERS)[number]): GaugeDefinition<OfCluster> {
  return gauge(`envoy_cluster_circuit_breakers_${priority}_${what}`, "1 while the circuit breaker is open", CLUSTER);
}

export const REMAINING = ["remaining_cx", "remaining_pending", "remaining_rq", "remaining_retries"] as const;

/** Not told unless the circuit breaker is to track it. */
export function breakerRemaining(
  priority: "default" | "high",
  what: (typeof REMAINING)[number],
): GaugeDefinition<OfCluster> {
  return gauge(`envoy_cluster_circuit_breakers_${priority}_${what}`, "Until the circuit breaker opens", CLUSTER);
}

/** `action`: without the prefix of Envoy's names for them. */
export function overloadAction(action: string, what: "active" | "scale_percent"): GaugeDefinition<readonly []> {
  const help = what === "active" ? "1 while the overload action is in full force" : "Force of the overload action";
  return gauge(`envoy_overload_envoy_overload_actions_${action}_${what}`, help, []);
}

/** In percent. `monitor`: its name, in whatever characters. */
export function overloadPressure(monitor: string): GaugeDefinition<readonly []> {
  return gauge(`envoy_overload_${monitor.replace(/\W/g, "_")}_pressure`, "Use of a watched resource, in percent", []);
}
