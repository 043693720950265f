// What a gauge means for several processes that are one proxy. Most are shares of a whole and add up: connections, requests in flight,
// memory, descriptors. These are not.

const MAX: ReadonlySet<string> = new Set([
  "envoy_server_uptime",
  // 0 is live: the one that is furthest from it speaks for all.
  "envoy_server_state",
  // Every process has the same endpoints.
  "envoy_cluster_membership_total",
  "envoy_cluster_membership_healthy",
  "envoy_cluster_membership_degraded",
  "envoy_cluster_membership_excluded",
  "envoy_cluster_outlier_detection_ejections_active",
  "envoy_cluster_health_check_healthy",
  "envoy_cluster_health_check_degraded",
  // A limit of each process.
  "heddle_proxy_process_max_fds",
  "heddle_proxy_nodejs_eventloop_lag_seconds",
  // 1, with its labels.
  "istio_build",
]);

const MIN: ReadonlySet<string> = new Set([
  "envoy_server_live",
  "envoy_server_days_until_first_cert_expiring",
  "heddle_proxy_process_start_time_seconds",
]);

/** One that stands open, or acts, does so for whoever asks; what breakers count is counted together. */
const STATES = /^envoy_(?:cluster_circuit_breakers_.*_open|overload_.*_(?:active|scale_percent|pressure))$/;

/** What is left of a limit that all have together: as little as the last one that was asked says. */
const REMAINING = /^envoy_cluster_circuit_breakers_.*_remaining_/;

export function gaugeRule(name: string): "sum" | "max" | "min" {
  if (MAX.has(name) || STATES.test(name)) return "max";
  return MIN.has(name) || REMAINING.test(name) ? "min" : "sum";
}
