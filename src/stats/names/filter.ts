// What HTTP filters count, under Envoy's names, with the prefix of the connection manager or the filter as a label.

import { counter } from "../definition.ts";

const MANAGER = ["http_conn_manager_prefix"] as const;
const LIMIT = ["local_http_ratelimit_prefix"] as const;
const RULES = ["rbac_http_prefix", "http_conn_manager_prefix"] as const;

export const RATE_LIMIT_ENABLED = counter(
  "envoy_http_local_rate_limit_enabled",
  "Requests that a limit held for",
  LIMIT,
);
export const RATE_LIMIT_ENFORCED = counter(
  "envoy_http_local_rate_limit_enforced",
  "Requests refused by a limit",
  LIMIT,
);
export const RATE_LIMITED = counter("envoy_http_local_rate_limit_rate_limited", "Requests above a limit", LIMIT);
export const RATE_LIMIT_OK = counter("envoy_http_local_rate_limit_ok", "Requests within their limits", LIMIT);

export const RBAC_ALLOWED = counter("envoy_http_rbac_allowed", "Requests that rules allowed", RULES);
export const RBAC_DENIED = counter("envoy_http_rbac_denied", "Requests that rules denied", RULES);
export const RBAC_SHADOW_ALLOWED = counter("envoy_http_rbac_shadow_allowed", "Requests that shadow rules allow", RULES);
export const RBAC_SHADOW_DENIED = counter("envoy_http_rbac_shadow_denied", "Requests that shadow rules deny", RULES);

/** Of single policies, with their names. */
const POLICY = ["rbac_policy_name", ...RULES] as const;

export const RBAC_POLICY_ALLOWED = counter("envoy_http_rbac_policy_allowed", "Requests that a policy allowed", POLICY);
export const RBAC_POLICY_DENIED = counter("envoy_http_rbac_policy_denied", "Requests that a policy denied", POLICY);
export const RBAC_POLICY_SHADOW_ALLOWED = counter(
  "envoy_http_rbac_policy_shadow_allowed",
  "Requests that a shadow policy allows",
  POLICY,
);
export const RBAC_POLICY_SHADOW_DENIED = counter(
  "envoy_http_rbac_policy_shadow_denied",
  "Requests that a shadow policy denies",
  POLICY,
);

const NETWORK_RULES = ["rbac_prefix"] as const;
/** Envoy has the shadow's prefix in the name. */
const NETWORK_SHADOW = ["rbac_shadow_prefix", "rbac_prefix"] as const;

export const NETWORK_RBAC_ALLOWED = counter("envoy_rbac_allowed", "Connections that rules allowed", NETWORK_RULES);
export const NETWORK_RBAC_DENIED = counter("envoy_rbac_denied", "Connections that rules denied", NETWORK_RULES);
export const NETWORK_RBAC_SHADOW_ALLOWED = counter(
  "envoy_rbac_shadow_allowed",
  "Connections that shadow rules allow",
  NETWORK_SHADOW,
);
export const NETWORK_RBAC_SHADOW_DENIED = counter(
  "envoy_rbac_shadow_denied",
  "Connections that shadow rules deny",
  NETWORK_SHADOW,
);

export const EXT_PROC_STREAMS = counter("envoy_http_ext_proc_streams_started", "Calls to external processors", MANAGER);
export const EXT_PROC_FAILED = counter("envoy_http_ext_proc_streams_failed", "Calls that failed", MANAGER);
export const EXT_PROC_SENT = counter(
  "envoy_http_ext_proc_stream_msgs_sent",
  "Messages to external processors",
  MANAGER,
);
export const EXT_PROC_RECEIVED = counter("envoy_http_ext_proc_stream_msgs_received", "Messages from them", MANAGER);
export const EXT_PROC_SPURIOUS = counter(
  "envoy_http_ext_proc_spurious_msgs_received",
  "Messages from them that answer nothing",
  MANAGER,
);
export const EXT_PROC_TIMEOUTS = counter(
  "envoy_http_ext_proc_message_timeouts",
  "Messages not answered in time",
  MANAGER,
);
export const EXT_PROC_ALLOWED = counter(
  "envoy_http_ext_proc_failure_mode_allowed",
  "Failures that requests went on after",
  MANAGER,
);

export const FAULT_DELAYS = counter("envoy_http_fault_delays_injected", "Requests delayed on purpose", MANAGER);
export const FAULT_ABORTS = counter("envoy_http_fault_aborts_injected", "Requests aborted on purpose", MANAGER);
export const FAULT_RATE_LIMITS = counter("envoy_http_fault_response_rl_injected", "Responses slowed down", MANAGER);
export const FAULT_OVERFLOWS = counter("envoy_http_fault_faults_overflow", "Faults above the most at once", MANAGER);

export const SET_METADATA_DENIED = counter(
  "envoy_http_set_metadata_overwrite_denied",
  "Metadata that was there already and stayed",
  MANAGER,
);

export const ADMISSION_REJECTED = counter("envoy_http_admission_control_rq_rejected", "Requests refused", MANAGER);
export const ADMISSION_SUCCESS = counter("envoy_http_admission_control_rq_success", "Requests that succeeded", MANAGER);
export const ADMISSION_FAILURE = counter("envoy_http_admission_control_rq_failure", "Requests that failed", MANAGER);

export const CORS_VALID = counter("envoy_http_cors_origin_valid", "Requests of origins that are allowed", MANAGER);
export const CORS_INVALID = counter("envoy_http_cors_origin_invalid", "Requests of other origins", MANAGER);
