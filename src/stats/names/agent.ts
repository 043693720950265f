// What the agent beside a proxy says of itself, under Istio's names.

import { counter, gauge, histogram } from "../definition.ts";

export const SCRAPES = counter("istio_agent_scrapes_total", "Scrapes of the merged metrics", []);
/** `type` is agent, envoy or application. */
export const SCRAPE_FAILURES = counter(
  "istio_agent_scrape_failures_total",
  "Parts that a merged scrape had to leave out",
  ["type"],
);
export const CERTIFICATE_EXPIRY = gauge("istio_agent_cert_expiry_seconds", "Seconds until the certificate expires", [
  "resource_name",
]);
export const STARTUP_DURATION = gauge(
  "istio_agent_startup_duration_seconds",
  "Time from the agent's start until it was ready",
  [],
);
/** `request_type` is csr: the proxy asks for its configuration itself. */
export const OUTGOING_REQUESTS = counter("istio_agent_num_outgoing_requests", "Requests to the control plane", [
  "request_type",
]);
export const OUTGOING_FAILURES = counter(
  "istio_agent_num_failed_outgoing_requests",
  "Failed requests to the control plane",
  ["request_type"],
);
export const OUTGOING_LATENCY = histogram(
  "istio_agent_outgoing_latency",
  "Latency of requests to the control plane in milliseconds",
  ["request_type"],
  [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
);
export const DNS_QUERIES = counter("istio_agent_dns_requests_total", "Queries to the DNS proxy", []);
export const DNS_UPSTREAM_QUERIES = counter(
  "istio_agent_dns_upstream_requests_total",
  "Queries for names outside of the mesh, handed on to the machine's resolvers",
  [],
);
export const DNS_UPSTREAM_FAILURES = counter(
  "istio_agent_dns_upstream_failures_total",
  "Queries that a resolver did not answer, or could not",
  [],
);
