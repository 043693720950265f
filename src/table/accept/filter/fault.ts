// envoy.extensions.filters.http.fault.v3.HTTPFault

import type { FaultDelay, FaultRateLimit } from "../../../xds/gen/envoy/extensions/filters/common/fault/v3/fault_pb.ts";
import type { FaultAbort, HTTPFault } from "../../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import type * as table from "../../filter/fault.ts";
import { acceptFraction } from "../fraction.ts";
import { acceptHeaderMatch } from "../match.ts";
import { milliseconds, type Scope } from "../scope.ts";

function acceptDelay(scope: Scope, delay: FaultDelay | undefined): table.FaultDelay | undefined {
  if (!delay) return undefined;
  scope.only(delay, ["faultDelaySecifier", "percentage"]);
  const fraction = acceptFraction(delay.percentage, 0);
  const by = delay.faultDelaySecifier;
  if (by.case === "headerDelay") return { kind: "header", fraction };
  const ms = milliseconds(by.value, 0);
  if (ms <= 0) scope.field("fixed_delay").reject("must be above 0");
  return { kind: "fixed", ms, fraction };
}

function acceptAbort(scope: Scope, abort: FaultAbort | undefined): table.FaultAbort | undefined {
  if (!abort) return undefined;
  scope.only(abort, ["errorType", "percentage"]);
  const fraction = acceptFraction(abort.percentage, 0);
  const by = abort.errorType;
  switch (by.case) {
    case "httpStatus":
      if (by.value < 200 || by.value > 599) scope.field("http_status").reject("must be from 200 to 599");
      return { kind: "http", status: by.value, fraction };
    case "grpcStatus":
      return { kind: "grpc", status: by.value, fraction };
    case "headerAbort":
      return { kind: "header", fraction };
    case undefined:
      scope.reject("neither http_status, grpc_status nor header_abort");
      return undefined;
  }
}

function acceptRateLimit(scope: Scope, limit: FaultRateLimit | undefined): table.FaultRateLimit | undefined {
  if (!limit) return undefined;
  scope.only(limit, ["limitType", "percentage"]);
  const fraction = acceptFraction(limit.percentage, 0);
  const by = limit.limitType;
  if (by.case !== "fixedLimit") return { kind: "header", fraction };
  const kibPerSecond = Number(by.value.limitKbps);
  if (kibPerSecond < 1) scope.field("fixed_limit").field("limit_kbps").reject("must be at least 1");
  return { kind: "fixed", kibPerSecond, fraction };
}

export function acceptFault(scope: Scope, fault: HTTPFault): table.FaultFilter {
  // Runtime keys are names for a switch that Heddle's proxy does not have: the values in the configuration hold.
  scope.only(fault, [
    "delay",
    "abort",
    "upstreamCluster",
    "headers",
    "downstreamNodes",
    "maxActiveFaults",
    "responseRateLimit",
    "delayPercentRuntime",
    "abortPercentRuntime",
    "delayDurationRuntime",
    "abortHttpStatusRuntime",
    "maxActiveFaultsRuntime",
    "responseRateLimitPercentRuntime",
    "abortGrpcStatusRuntime",
    "disableDownstreamClusterStats",
  ]);
  return {
    kind: "fault",
    delay: acceptDelay(scope.field("delay"), fault.delay),
    abort: acceptAbort(scope.field("abort"), fault.abort),
    rateLimit: acceptRateLimit(scope.field("response_rate_limit"), fault.responseRateLimit),
    cluster: fault.upstreamCluster,
    headers: fault.headers.map((match, i) => acceptHeaderMatch(scope.field("headers").index(i), match)),
    downstreamNodes: new Set(fault.downstreamNodes),
    maxActive: fault.maxActiveFaults ?? Number.POSITIVE_INFINITY,
  };
}
