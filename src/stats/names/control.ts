// What the control plane says of itself, under istiod's names and bounds: Istio's Grafana and Kiali's control-plane panels read these.

import { counter, gauge, histogram } from "../definition.ts";

const CONVERGENCE_SECONDS = [0.1, 0.5, 1, 3, 5, 10, 20, 30];
const TYPE = ["type"] as const;

export const INFO = gauge("pilot_info", "Version of the control plane", ["version"]);
export const UPTIME = gauge("istiod_uptime_seconds", "Uptime of the control plane in seconds", []);

/** Connected proxies by their version. */
export const CONNECTED = gauge("pilot_xds", "Proxies connected over xDS", ["version"]);
/** `type` is cds, eds, lds, rds, sds, or a type URL. */
export const PUSHES = counter("pilot_xds_pushes", "Responses sent over xDS", TYPE);
/** `type` is config, endpoint, service or proxy. */
export const PUSH_TRIGGERS = counter("pilot_push_triggers", "What caused pushes", TYPE);
export const INBOUND_UPDATES = counter("pilot_inbound_updates", "Changes received from the sources", TYPE);
export const CONFIG_EVENTS = counter("pilot_k8s_cfg_events", "Changes of configuration objects", ["type", "event"]);
export const REGISTRY_EVENTS = counter("pilot_k8s_reg_events", "Changes of services, endpoints and pods", [
  "type",
  "event",
]);

export const CONVERGENCE_TIME = histogram(
  "pilot_proxy_convergence_time",
  "Seconds from a change until a proxy was sent it",
  [],
  CONVERGENCE_SECONDS,
);
export const QUEUE_TIME = histogram(
  "pilot_proxy_queue_time",
  "Seconds a proxy waited in the push queue",
  [],
  CONVERGENCE_SECONDS,
);
export const PUSH_TIME = histogram(
  "pilot_xds_push_time",
  "Seconds to build and send one type to one proxy",
  TYPE,
  [0.01, 0.1, 0.5, 1, 3, 5, 10, 20, 30],
);
export const SEND_TIME = histogram(
  "pilot_xds_send_time",
  "Seconds to send a response",
  [],
  [0.01, 0.1, 1, 3, 5, 10, 20, 30],
);
export const CONFIG_SIZE = histogram(
  "pilot_xds_config_size_bytes",
  "Size of a response in bytes",
  TYPE,
  [1, 1e4, 1e6, 4e6, 1e7, 4e7],
);
export const COMPILE_TIME = histogram(
  "pilot_pushcontext_init_seconds",
  "Seconds to build the model after a change",
  [],
  [0.01, 0.1, 0.5, 1, 3, 5],
);

export const REJECTS = counter("pilot_total_xds_rejects", "Responses that a proxy rejected", TYPE);
export const INTERNAL_ERRORS = counter("pilot_total_xds_internal_errors", "Internal errors of the xDS server", []);
export const EXPIRED_NONCES = counter(
  "pilot_xds_expired_nonce",
  "Requests with a nonce that is no longer current",
  TYPE,
);
const REJECT_LABELS = ["node", "err"] as const;
export const CDS_REJECT = gauge("pilot_xds_cds_reject", "Proxies that rejected their clusters", REJECT_LABELS);
export const EDS_REJECT = gauge("pilot_xds_eds_reject", "Proxies that rejected their endpoints", REJECT_LABELS);
export const LDS_REJECT = gauge("pilot_xds_lds_reject", "Proxies that rejected their listeners", REJECT_LABELS);
export const RDS_REJECT = gauge("pilot_xds_rds_reject", "Proxies that rejected their routes", REJECT_LABELS);

export const SERVICES = gauge("pilot_services", "Services known", []);
export const VIRTUAL_SERVICES = gauge("pilot_virt_services", "Virtual services known", []);
export const SUBSETS = gauge("pilot_destrule_subsets", "Duplicate subsets of one host across destination rules", []);
export const NO_ENDPOINTS = gauge("pilot_eds_no_instances", "Clusters without endpoints", []);
export const ENDPOINT_NOT_READY = gauge("pilot_endpoint_not_ready", "Endpoints that are not ready", []);
export const NO_IP = gauge("pilot_no_ip", "Pods without an address", []);
export const DUPLICATE_DOMAINS = gauge(
  "pilot_vservice_dup_domain",
  "Virtual services with a host that another one has",
  [],
);

const RESOURCE = ["group", "version", "resource"] as const;
export const VALIDATION_PASSED = counter("galley_validation_passed", "Objects that passed validation", RESOURCE);
export const VALIDATION_FAILED = counter("galley_validation_failed", "Objects that failed validation", [
  ...RESOURCE,
  "reason",
]);
