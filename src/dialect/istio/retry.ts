// VirtualService `retries`. A block replaces the mesh's default wholesale: what it leaves out is Istio's own default
// (pilot/pkg/networking/core/route/retry/retry.go, ConvertPolicy).

import { RETRY_CONDITIONS, type RetryCondition, type RetryPolicy } from "../../model/route.ts";
import { DEFAULT_RETRY } from "../../model/settings.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import * as refusals from "./refusals.ts";
import type { HttpRouteSpec } from "./virtual-service-schema.ts";

export function readRetry(spec: HttpRouteSpec["retries"], path: string, reporter: Reporter): RetryPolicy | undefined {
  if (!spec) return undefined;
  checkAttempts(spec, path, reporter);
  const on = spec.retryOn ? readConditions(spec.retryOn, joinPath(path, "retryOn"), reporter) : DEFAULT_RETRY;
  return {
    attempts: spec.attempts ?? 0,
    conditions: on.conditions,
    statuses: on.statuses,
    perTryTimeoutMs: spec.perTryTimeout,
    avoidPreviousHosts: spec.retryIgnorePreviousHosts ?? true,
    avoidPreviousLocalities: spec.retryRemoteLocalities ?? false,
    backoffMs: spec.backoff,
  };
}

function checkAttempts(spec: NonNullable<HttpRouteSpec["retries"]>, path: string, reporter: Reporter): void {
  if (spec.attempts) return;
  const inVain = (["perTryTimeout", "retryOn", "retryRemoteLocalities"] as const).find((field) => isSaid(spec[field]));
  if (inVain) reporter.report(joinPath(path, inVain), refusals.retriesOfNone(inVain));
  else if (spec.attempts === undefined) reporter.report(path, diagnostics.retriesOff());
}

function isSaid(value: string | number | boolean | undefined): boolean {
  return value !== undefined && value !== "";
}

/** Conditions and HTTP statuses between commas; a status stands for the condition `retriable-status-codes`. */
function readConditions(text: string, path: string, reporter: Reporter): Pick<RetryPolicy, "conditions" | "statuses"> {
  const conditions = new Set<RetryCondition>();
  const statuses = new Set<number>();
  for (const part of text.split(",").map((piece) => piece.trim())) {
    if (part === "") continue;
    if (/^[1-5]\d\d$/.test(part)) statuses.add(Number(part));
    else if (isCondition(part)) conditions.add(part);
    else reporter.report(path, diagnostics.unknownRetryCondition(part, RETRY_CONDITIONS));
  }
  if (statuses.size > 0) conditions.add("retriable-status-codes");
  return { conditions: [...conditions], statuses: [...statuses] };
}

function isCondition(text: string): text is RetryCondition {
  return (RETRY_CONDITIONS as readonly string[]).includes(text);
}
