// What the certificate authority says of itself, under Istio's (Citadel's) names.

import { counter, gauge } from "../definition.ts";

export const CSR_COUNT = counter("citadel_server_csr_count", "Certificate requests received", []);
export const ISSUED = counter("citadel_server_success_cert_issuance_count", "Certificates issued", []);
export const CSR_PARSING_ERRORS = counter(
  "citadel_server_csr_parsing_err_count",
  "Certificate requests that could not be read",
  [],
);
export const AUTHENTICATION_FAILURES = counter(
  "citadel_server_authentication_failure_count",
  "Callers that could not prove who they are",
  [],
);
export const CSR_SIGN_ERRORS = counter(
  "citadel_server_csr_sign_err_count",
  "Certificate requests that could not be signed",
  ["error"],
);
export const ROOT_EXPIRY_TIMESTAMP = gauge(
  "citadel_server_root_cert_expiry_timestamp",
  "Expiry of the root in seconds since the epoch",
  [],
);
export const ROOT_EXPIRY = gauge("citadel_server_root_cert_expiry_seconds", "Seconds until the root expires", []);
export const CHAIN_EXPIRY_TIMESTAMP = gauge(
  "citadel_server_cert_chain_expiry_timestamp",
  "Expiry of the signing chain in seconds since the epoch",
  [],
);
export const CHAIN_EXPIRY = gauge(
  "citadel_server_cert_chain_expiry_seconds",
  "Seconds until the signing chain expires",
  [],
);
