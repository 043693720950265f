// What a proxy says of itself under Envoy's names, with Istio's tags in place of Envoy's prefixes (`cluster_name`, `listener_address`):
// the series that Kiali's and Grafana's proxy dashboards draw for any sidecar.

import { type CounterDefinition, counter, gauge } from "../definition.ts";

export const SERVER_UPTIME = gauge("envoy_server_uptime", "Uptime of the proxy in seconds", []);
export const SERVER_LIVE = gauge("envoy_server_live", "1 when the proxy is live, 0 when it drains", []);
/** 0 live, 1 draining, 2 pre-initialising, 3 initialising. */
export const SERVER_STATE = gauge("envoy_server_state", "State of the proxy: 0 live, 1 draining, 2 and 3 starting", []);
export const SERVER_MEMORY_ALLOCATED = gauge("envoy_server_memory_allocated", "Memory in use in bytes", []);
export const SERVER_MEMORY_HEAP = gauge("envoy_server_memory_heap_size", "Memory reserved in bytes", []);
export const SERVER_MEMORY_PHYSICAL = gauge("envoy_server_memory_physical_size", "Resident memory in bytes", []);
export const SERVER_CONCURRENCY = gauge("envoy_server_concurrency", "Processes or threads that share the ports", []);
export const SERVER_CONNECTIONS = gauge("envoy_server_total_connections", "Open connections", []);
export const SERVER_CERTIFICATE_DAYS = gauge(
  "envoy_server_days_until_first_cert_expiring",
  "Days until the first certificate expires",
  [],
);

/** No name of Envoy's: it has no such gauge. What keeps growing while nothing is under way is a leak. */
export const DEADLINES_ARMED = gauge("heddle_proxy_deadlines_armed", "Deadlines that wait in the timer wheel", []);

const CLUSTER = ["cluster_name"] as const;

export const CLUSTER_CONNECTIONS_ACTIVE = gauge(
  "envoy_cluster_upstream_cx_active",
  "Open upstream connections",
  CLUSTER,
);
export const CLUSTER_CONNECTIONS = counter("envoy_cluster_upstream_cx_total", "Upstream connections opened", CLUSTER);
export const CLUSTER_CONNECT_FAILURES = counter(
  "envoy_cluster_upstream_cx_connect_fail",
  "Upstream connections that failed",
  CLUSTER,
);
export const CLUSTER_RECEIVED = counter(
  "envoy_cluster_upstream_cx_rx_bytes_total",
  "Bytes received from upstream",
  CLUSTER,
);
export const CLUSTER_SENT = counter("envoy_cluster_upstream_cx_tx_bytes_total", "Bytes sent upstream", CLUSTER);
export const CLUSTER_REQUESTS = counter("envoy_cluster_upstream_rq_total", "Upstream requests", CLUSTER);
export const CLUSTER_REQUESTS_ACTIVE = gauge(
  "envoy_cluster_upstream_rq_active",
  "Upstream requests in flight",
  CLUSTER,
);
export const CLUSTER_REQUESTS_PENDING = gauge(
  "envoy_cluster_upstream_rq_pending_active",
  "Requests that wait for a connection",
  CLUSTER,
);
export const CLUSTER_PENDING_OVERFLOWS = counter(
  "envoy_cluster_upstream_rq_pending_overflow",
  "Requests that a circuit breaker did not let wait for a connection",
  CLUSTER,
);
export const CLUSTER_REQUEST_OVERFLOWS = counter(
  "envoy_cluster_upstream_rq_active_overflow",
  "Requests that were more than a circuit breaker lets be under way",
  CLUSTER,
);
export const CLUSTER_CONNECTION_OVERFLOWS = counter(
  "envoy_cluster_upstream_cx_overflow",
  "Connections that a circuit breaker was against",
  CLUSTER,
);
export const CLUSTER_RETRY_OVERFLOWS = counter(
  "envoy_cluster_upstream_rq_retry_overflow",
  "Retries refused by a circuit breaker or the retry budget",
  CLUSTER,
);
export const CLUSTER_REQUEST_TIMEOUTS = counter(
  "envoy_cluster_upstream_rq_timeout",
  "Requests that timed out",
  CLUSTER,
);
export const CLUSTER_RETRIES = counter("envoy_cluster_upstream_rq_retry", "Retries", CLUSTER);
export const CLUSTER_RETRY_SUCCESSES = counter(
  "envoy_cluster_upstream_rq_retry_success",
  "Retries that succeeded",
  CLUSTER,
);
export const CLUSTER_RETRY_LIMITS = counter(
  "envoy_cluster_upstream_rq_retry_limit_exceeded",
  "Requests that failed after as many retries as they may have",
  CLUSTER,
);
export const CLUSTER_MEMBERS_DEGRADED = gauge(
  "envoy_cluster_membership_degraded",
  "Degraded endpoints of the cluster",
  CLUSTER,
);
export const CLUSTER_MEMBERS_EXCLUDED = gauge(
  "envoy_cluster_membership_excluded",
  "Endpoints of the cluster that its health is not measured by",
  CLUSTER,
);
export const CLUSTER_MEMBERS = gauge("envoy_cluster_membership_total", "Endpoints of the cluster", CLUSTER);
export const CLUSTER_MEMBERS_HEALTHY = gauge(
  "envoy_cluster_membership_healthy",
  "Healthy endpoints of the cluster",
  CLUSTER,
);

/** `response_code_class` is 2xx, 4xx, … of the answers that clients got, the proxy's own too. */
export const CLUSTER_RESPONSES = counter("envoy_cluster_upstream_rq_xx", "Requests by class of response", [
  "cluster_name",
  "response_code_class",
]);

const MANAGER = ["http_conn_manager_prefix"] as const;

export const HTTP_CONNECTIONS = counter("envoy_http_downstream_cx_total", "HTTP connections of clients", MANAGER);
export const HTTP_CONNECTIONS_ACTIVE = gauge(
  "envoy_http_downstream_cx_active",
  "Open HTTP connections of clients",
  MANAGER,
);
export const HTTP_RECEIVED = counter(
  "envoy_http_downstream_cx_rx_bytes_total",
  "Bytes received from HTTP clients",
  MANAGER,
);
export const HTTP_SENT = counter("envoy_http_downstream_cx_tx_bytes_total", "Bytes sent to HTTP clients", MANAGER);
export const HTTP_REQUESTS = counter("envoy_http_downstream_rq_total", "Requests of clients", MANAGER);
export const HTTP_REQUESTS_ACTIVE = gauge("envoy_http_downstream_rq_active", "Requests in flight", MANAGER);
export const HTTP_RESPONSES = counter("envoy_http_downstream_rq_xx", "Requests by class of response", [
  "response_code_class",
  ...MANAGER,
]);

const LISTENER = ["listener_address"] as const;

export const LISTENER_CONNECTIONS_ACTIVE = gauge(
  "envoy_listener_downstream_cx_active",
  "Open downstream connections",
  LISTENER,
);
export const LISTENER_CONNECTIONS = counter(
  "envoy_listener_downstream_cx_total",
  "Downstream connections accepted",
  LISTENER,
);
export const LISTENER_OVERFLOWS = counter(
  "envoy_listener_downstream_global_cx_overflow",
  "Downstream connections refused by the limit over all listeners",
  LISTENER,
);
export const LISTENER_HANDSHAKES = counter("envoy_listener_ssl_handshake", "TLS handshakes completed", LISTENER);
export const LISTENER_HANDSHAKE_ERRORS = counter(
  "envoy_listener_ssl_connection_error",
  "TLS handshakes that failed",
  LISTENER,
);
const UDP = ["udp_listener"] as const;

export const UDP_SESSIONS = counter("envoy_udp_downstream_sess_total", "UDP sessions begun", UDP);
export const UDP_SESSIONS_ACTIVE = gauge("envoy_udp_downstream_sess_active", "UDP sessions under way", UDP);
export const UDP_BYTES_RECEIVED = counter("envoy_udp_downstream_sess_rx_bytes", "Bytes that clients sent", UDP);
export const UDP_BYTES_SENT = counter("envoy_udp_downstream_sess_tx_bytes", "Bytes sent to clients", UDP);
export const UDP_DATAGRAMS_RECEIVED = counter(
  "envoy_udp_downstream_sess_rx_datagrams",
  "Datagrams that clients sent",
  UDP,
);
export const UDP_DATAGRAMS_SENT = counter("envoy_udp_downstream_sess_tx_datagrams", "Datagrams sent to clients", UDP);
export const UDP_NO_ROUTE = counter(
  "envoy_udp_downstream_sess_no_route",
  "Datagrams for which there was no cluster",
  UDP,
);
export const UDP_IDLE_TIMEOUTS = counter("envoy_udp_idle_timeout", "UDP sessions that ended idle", UDP);
/** Full buffers, sessions beyond the circuit breaker, no host. */
export const UDP_DROPPED = counter("heddle_udp_datagrams_dropped", "Datagrams that were not passed on", UDP);

/** `response_code_class` is 2xx, 4xx, …; `http_conn_manager_prefix` the connection manager's stat prefix. */
export const LISTENER_REQUESTS = counter(
  "envoy_listener_http_downstream_rq",
  "Downstream requests by class of response",
  ["response_code_class", "http_conn_manager_prefix", "listener_address"],
);

/** `kind`: of the tracer, as Envoy calls it. */
export function tracingCounter(kind: string, name: string): CounterDefinition<readonly []> {
  return counter(`envoy_tracing_${kind}_${name}`, `Spans and reports of them: ${name}`, []);
}

/** `kind`: of the logger, as Envoy calls it, with its own prefix. */
export function accessLogCounter(kind: string, name: string): CounterDefinition<readonly []> {
  return counter(`envoy_access_logs_${kind}_${name}`, `Entries of access logs that are streamed: ${name}`, []);
}
