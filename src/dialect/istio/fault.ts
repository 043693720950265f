// VirtualService `fault`.

import type { AbortStatus, Fault } from "../../model/fault.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import * as refusals from "./refusals.ts";
import type { FaultSpec } from "./virtual-service-schema.ts";

type DelaySpec = NonNullable<FaultSpec["delay"]>;
type AbortSpec = NonNullable<FaultSpec["abort"]>;

/** A fault without a percentage never happens, other than a mirror's, which then is every request (translateFault). */
export function readFault(spec: FaultSpec | undefined, path: string, reporter: Reporter): Fault | undefined {
  if (!spec) return undefined;
  if (!spec.delay && !spec.abort) reporter.report(path, diagnostics.emptyFault());
  return {
    delay: spec.delay && readDelay(spec.delay, joinPath(path, "delay"), reporter),
    abort: spec.abort && readAbort(spec.abort, joinPath(path, "abort"), reporter),
  };
}

/** A millionth is what Envoy divides by. */
const SMALLEST_PERCENT = 0.0001;

function checkShare({ percentage }: DelaySpec | AbortSpec, path: string, reporter: Reporter): void {
  const percent = percentage?.value ?? 0;
  if (percent > 0 && percent < SMALLEST_PERCENT)
    reporter.report(joinPath(path, "percentage.value"), refusals.shareTooSmall(percent));
}

function readDelay(spec: DelaySpec, path: string, reporter: Reporter): Fault["delay"] {
  checkShare(spec, path, reporter);
  if (spec.fixedDelay === undefined) reporter.report(path, diagnostics.delayWithoutTime());
  const percent = spec.percentage ? (spec.percentage.value ?? 0) : spec.percent;
  if (percent === undefined) reporter.report(path, diagnostics.faultWithoutShare("delay"));
  return { durationMs: spec.fixedDelay ?? 0, percent: percent ?? 0 };
}

function readAbort(spec: AbortSpec, path: string, reporter: Reporter): Fault["abort"] {
  checkShare(spec, path, reporter);
  const status = abortStatus(spec);
  if (!status) reporter.report(path, diagnostics.abortWithoutStatus());
  if (!spec.percentage) reporter.report(path, diagnostics.faultWithoutShare("abort"));
  return status && { status, percent: spec.percentage?.value ?? 0 };
}

function abortStatus({ httpStatus, grpcStatus }: AbortSpec): AbortStatus | undefined {
  if (httpStatus !== undefined) return { kind: "http", status: httpStatus };
  return grpcStatus === undefined ? undefined : { kind: "grpc", status: grpcStatus };
}
