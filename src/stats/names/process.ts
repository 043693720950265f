// Metrics of a process of Heddle's, whichever part it plays: the names that Prometheus' client libraries use for processes and Node.js,
// which Kiali's and Grafana's dashboards show for any runtime that has them.

import { counter, gauge } from "../definition.ts";

export const SERIES_REFUSED = counter(
  "heddle_metrics_series_refused_total",
  "Series beyond a metric's limit, counted under the label value overflow instead",
  ["metric"],
);

/**
 * Whose process it is. The agent's, the proxy's and the application's stand in one merged scrape, so only a process that is scraped
 * alone (the control plane) goes without a prefix; the agent's is Istio's.
 */
export type ProcessPrefix = "" | "istio_agent_" | "heddle_proxy_";

export function processMetrics(prefix: ProcessPrefix) {
  return {
    cpu: counter(`${prefix}process_cpu_seconds_total`, "User and system CPU time spent in seconds", []),
    resident: gauge(`${prefix}process_resident_memory_bytes`, "Resident memory in bytes", []),
    start: gauge(`${prefix}process_start_time_seconds`, "Start of the process in seconds since the epoch", []),
    descriptors: gauge(`${prefix}process_open_fds`, "Open file descriptors", []),
    maxDescriptors: gauge(`${prefix}process_max_fds`, "Limit of open file descriptors", []),
    heapUsed: gauge(`${prefix}nodejs_heap_size_used_bytes`, "Heap in use in bytes", []),
    heapTotal: gauge(`${prefix}nodejs_heap_size_total_bytes`, "Heap reserved in bytes", []),
    external: gauge(
      `${prefix}nodejs_external_memory_bytes`,
      "Memory outside the heap that its objects hold, in bytes",
      [],
    ),
    eventLoopLag: gauge(
      `${prefix}nodejs_eventloop_lag_seconds`,
      "Delay of the event loop at the last sample in seconds",
      [],
    ),
  } as const;
}
