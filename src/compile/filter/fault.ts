// A route's configuration of the fault filter.

import { create } from "@bufbuild/protobuf";
import { type Any, durationFromMs } from "@bufbuild/protobuf/wkt";
import { GRPC_STATUS } from "../../base/grpc-code.ts";
import type { AbortStatus, Fault } from "../../model/fault.ts";
import { packAny } from "../../xds/any.ts";
import { HTTPFaultSchema } from "../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import { fractionalPercent } from "../percentage.ts";

export const FAULT_FILTER = "envoy.filters.http.fault";

function errorType(status: AbortStatus) {
  return status.kind === "http"
    ? ({ case: "httpStatus", value: status.status } as const)
    : ({ case: "grpcStatus", value: GRPC_STATUS[status.status] } as const);
}

export function faultOnRoute({ delay, abort }: Fault): Any {
  return packAny(
    HTTPFaultSchema,
    create(HTTPFaultSchema, {
      ...(delay
        ? {
            delay: {
              faultDelaySecifier: { case: "fixedDelay", value: durationFromMs(delay.durationMs) },
              percentage: fractionalPercent(delay.percent),
            },
          }
        : {}),
      ...(abort ? { abort: { errorType: errorType(abort.status), percentage: fractionalPercent(abort.percent) } } : {}),
    }),
  );
}
