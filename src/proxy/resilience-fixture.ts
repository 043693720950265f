// A configuration in which everything that resilience counts has its series.

import type { Message } from "./proxy-fixture.ts";

/** Nothing is retried, the first error ejects, a check is never repeated. */
const CLUSTER: Message = {
  circuit_breakers: { thresholds: [{ max_retries: 0, track_remaining: true }] },
  outlier_detection: { consecutive_5xx: 1, interval: "3600s", base_ejection_time: "3600s", max_ejection_percent: 100 },
  health_checks: [
    {
      timeout: "5s",
      interval: "3600s",
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      tcp_health_check: {},
    },
  ],
};

const HEAP = "envoy.resource_monitors.fixed_heap";

const OVERLOAD: Message = {
  refresh_interval: "0.05s",
  resource_monitors: [
    {
      name: HEAP,
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
        max_heap_size_bytes: 2 ** 40,
      },
    },
  ],
  actions: [
    {
      name: "envoy.overload_actions.stop_accepting_requests",
      triggers: [{ name: HEAP, threshold: { value: 0.99 } }],
    },
  ],
};

export const RESILIENT = { cluster: CLUSTER, overload_manager: OVERLOAD };

/** Some of each kind. */
export const RESILIENCE = [
  "envoy_cluster_outlier_detection_ejections_active",
  "envoy_cluster_outlier_detection_ejections_enforced_consecutive_5xx",
  "envoy_cluster_health_check_attempt",
  "envoy_cluster_health_check_healthy",
  "envoy_cluster_circuit_breakers_default_rq_retry_open",
  "envoy_cluster_circuit_breakers_default_remaining_cx",
  "envoy_cluster_upstream_rq_retry_overflow",
  "envoy_overload_envoy_overload_actions_stop_accepting_requests_active",
  "envoy_overload_envoy_resource_monitors_fixed_heap_pressure",
] as const;
