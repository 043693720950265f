// Istio's standard metrics: what both proxies report of every request and connection, with Istio's labels in Istio's order.
// Kiali drops a series that lacks one of them, so that all are always there.

import { ENVOY_BOUNDS } from "../bounds.ts";
import { counter, gauge, histogram } from "../definition.ts";

/** Labels that say who talked to whom. */
const PEER_LABELS = [
  "reporter",
  "source_workload",
  "source_canonical_service",
  "source_canonical_revision",
  "source_workload_namespace",
  "source_principal",
  "source_app",
  "source_version",
  "source_cluster",
  "destination_workload",
  "destination_workload_namespace",
  "destination_principal",
  "destination_app",
  "destination_version",
  "destination_service",
  "destination_canonical_service",
  "destination_canonical_revision",
  "destination_service_name",
  "destination_service_namespace",
  "destination_cluster",
] as const;

export const REQUEST_LABELS = [
  ...PEER_LABELS,
  "request_protocol",
  "response_code",
  "grpc_response_status",
  "response_flags",
  "connection_security_policy",
] as const;

export const TCP_LABELS = [...PEER_LABELS, "request_protocol", "response_flags", "connection_security_policy"] as const;

/** Messages are counted while the stream is open, when nothing is known but who talks to whom; only gRPC has them. */
export const MESSAGE_LABELS = PEER_LABELS;

export const REQUESTS = counter("istio_requests_total", "Requests answered, refused or lost", REQUEST_LABELS);

export const REQUEST_DURATION = histogram(
  "istio_request_duration_milliseconds",
  "Time from a request's first byte to the end of its response in milliseconds",
  REQUEST_LABELS,
  ENVOY_BOUNDS,
);

export const REQUEST_BYTES = histogram(
  "istio_request_bytes",
  "Size of requests on the wire in bytes, headers included",
  REQUEST_LABELS,
  ENVOY_BOUNDS,
);

export const RESPONSE_BYTES = histogram(
  "istio_response_bytes",
  "Size of responses on the wire in bytes, headers included",
  REQUEST_LABELS,
  ENVOY_BOUNDS,
);

export const REQUEST_MESSAGES = counter(
  "istio_request_messages_total",
  "gRPC messages sent by clients",
  MESSAGE_LABELS,
);
export const RESPONSE_MESSAGES = counter(
  "istio_response_messages_total",
  "gRPC messages sent by servers",
  MESSAGE_LABELS,
);

export const TCP_OPENED = counter("istio_tcp_connections_opened_total", "TCP connections opened", TCP_LABELS);
export const TCP_CLOSED = counter("istio_tcp_connections_closed_total", "TCP connections closed", TCP_LABELS);

/** Istio counts from the server's view: sent is what the server sent. */
export const TCP_SENT = counter(
  "istio_tcp_sent_bytes_total",
  "Bytes sent to the client of TCP connections",
  TCP_LABELS,
);
export const TCP_RECEIVED = counter(
  "istio_tcp_received_bytes_total",
  "Bytes received from the client of TCP connections",
  TCP_LABELS,
);

/** Always 1; `component` is proxy, pilot or agent, `tag` the version. */
export const BUILD = gauge("istio_build", "The component and its version", ["component", "tag"]);
