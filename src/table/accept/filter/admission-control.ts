// envoy.extensions.filters.http.admission_control.v3.AdmissionControl

import type { RuntimePercent } from "../../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type {
  AdmissionControl,
  AdmissionControl_SuccessCriteria,
} from "../../../xds/gen/envoy/extensions/filters/http/admission_control/v3/admission_control_pb.ts";
import type { AdmissionControlFilter } from "../../filter/admission-control.ts";
import { milliseconds, type Scope } from "../scope.ts";

/** Envoy's defaults (admission_control.proto). */
const WINDOW_MS = 30_000;
const AGGRESSION = 1;
const THRESHOLD = 95;
const MAX_REJECTION = 80;
const NO_SERVER_ERROR = [{ start: 100, end: 500 }];
/** All but DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE and DATA_LOSS. */
const GRPC_SUCCESS: ReadonlySet<number> = new Set([0, 1, 2, 3, 5, 6, 7, 9, 11, 12, 16]);
const MAX_GRPC_STATUS = 16;

function percent(value: RuntimePercent | undefined, otherwise: number): number {
  return value?.defaultValue?.value ?? otherwise;
}

function acceptCriteria(
  scope: Scope,
  criteria: AdmissionControl_SuccessCriteria | undefined,
): Pick<AdmissionControlFilter, "httpSuccess" | "grpcSuccess"> {
  if (!criteria) scope.reject("missing");
  else scope.only(criteria, ["httpCriteria", "grpcCriteria"]);
  const http = criteria?.httpCriteria?.httpSuccessStatus;
  const grpc = criteria?.grpcCriteria?.grpcSuccessStatus;
  http?.forEach(({ start, end }, i) => {
    if (start > end || start < 100 || end > 600)
      scope.field("http_criteria").field("http_success_status").index(i).reject("no range from 100 to 600");
  });
  if (http?.length === 0) scope.field("http_criteria").field("http_success_status").reject("empty");
  grpc?.forEach((status, i) => {
    if (status > MAX_GRPC_STATUS)
      scope.field("grpc_criteria").field("grpc_success_status").index(i).reject(`above ${MAX_GRPC_STATUS}`);
  });
  if (grpc?.length === 0) scope.field("grpc_criteria").field("grpc_success_status").reject("empty");
  return {
    httpSuccess: http?.map(({ start, end }) => ({ start, end })) ?? NO_SERVER_ERROR,
    grpcSuccess: grpc ? new Set(grpc) : GRPC_SUCCESS,
  };
}

export function acceptAdmissionControl(scope: Scope, config: AdmissionControl): AdmissionControlFilter {
  scope.only(config, [
    "enabled",
    "evaluationCriteria",
    "samplingWindow",
    "aggression",
    "srThreshold",
    "rpsThreshold",
    "maxRejectionProbability",
  ]);
  const windowMs = milliseconds(config.samplingWindow, WINDOW_MS);
  if (windowMs < 1_000) scope.field("sampling_window").reject("below 1s");
  const threshold = percent(config.srThreshold, THRESHOLD);
  if (threshold < 1) scope.field("sr_threshold").reject("below 1 %");
  return {
    kind: "admission-control",
    enabled: config.enabled?.defaultValue ?? true,
    ...acceptCriteria(scope.field("success_criteria"), config.evaluationCriteria.value),
    windowMs,
    aggression: Math.max(1, config.aggression?.defaultValue ?? AGGRESSION),
    threshold: Math.min(100, threshold) / 100,
    minRequestsPerSecond: config.rpsThreshold?.defaultValue ?? 0,
    maxRejection: Math.min(100, percent(config.maxRejectionProbability, MAX_REJECTION)) / 100,
  };
}
