// What a client is told when no attempt brought a response: Envoy's status, text, details and flag for each way to fail.

import type { HeaderList } from "../../http/headers.ts";
import type { AttemptFailure } from "../../table/retry-policy.ts";
import type { ResponseFlag } from "../response-flags.ts";

export interface FailureReply {
  readonly status: number;
  readonly body: string;
  readonly details: string;
  readonly flag: ResponseFlag;
  readonly headers: HeaderList;
}

const BEFORE_RESPONSE = "upstream connect error or disconnect/reset before headers. reset reason: ";

function connectFailure(detail: string): FailureReply {
  const reason = detail === "connect timeout" ? "connection timeout" : "remote connection failure";
  return {
    status: 503,
    // Why is the operator's to read, in the log, and not the client's.
    body: BEFORE_RESPONSE + reason,
    details: `upstream_reset_before_response_started{${reason.replaceAll(" ", "_")}|${detail.replaceAll(" ", "_")}}`,
    flag: "UF",
    headers: [],
  };
}

const OVERFLOW: FailureReply = {
  status: 503,
  body: `${BEFORE_RESPONSE}overflow`,
  details: "upstream_reset_before_response_started{overflow}",
  flag: "UO",
  headers: ["x-envoy-overloaded", "true"],
};

function perTryTimeout(details: string): FailureReply {
  return { status: 504, body: "upstream request timeout", details, flag: "UT", headers: [] };
}

/** The flag of an attempt that the upstream ended with this response code detail. */
export function resetFlag(detail: string): ResponseFlag {
  if (detail === "connection_termination") return "UC";
  return detail === "protocol_error" ? "UPE" : "UR";
}

function reset(detail: string): FailureReply {
  const flag = resetFlag(detail);
  return {
    status: flag === "UPE" ? 502 : 503,
    body: BEFORE_RESPONSE + detail.replaceAll("_", " "),
    details: `upstream_reset_before_response_started{${detail}}`,
    flag,
    headers: [],
  };
}

/** `detail`: the transport's words for a failed connection; Envoy's response code detail for a reset. */
export function failureReply(failure: AttemptFailure, detail: string): FailureReply {
  switch (failure) {
    case "connect-failure":
      return connectFailure(detail);
    case "overflow":
      return OVERFLOW;
    case "per-try-timeout":
      return perTryTimeout("upstream_per_try_timeout");
    case "per-try-idle-timeout":
      return perTryTimeout("upstream_per_try_idle_timeout");
    case "refused":
    case "reset":
      return reset(detail);
  }
}

/** What a client is told when there is no host to try. */
export type NoHostReply = Omit<FailureReply, "headers">;

export const UNHEALTHY: NoHostReply = {
  status: 503,
  body: "no healthy upstream",
  details: "no_healthy_upstream",
  flag: "UH",
};

export const UNRESOLVED: NoHostReply = {
  status: 503,
  body: "DNS resolution failure",
  details: "dns_resolution_failure",
  flag: "UF",
};

export const LOOP: NoHostReply = {
  status: 508,
  body: "the request leads back to this proxy",
  details: "loop_detected",
  flag: "UH",
};
