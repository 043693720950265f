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

/**
 * Conditions and HTTP statuses between commas, and nothing else, blanks neither: Istio refuses them (validateHTTPRetry). A status stands for
 * the condition `retriable-status-codes`.
 */
function readConditions(text: string, path: string, reporter: Reporter): Pick<RetryPolicy, "conditions" | "statuses"> {
  const conditions = new Set<RetryCondition>();
  const statuses = new Set<number>();
  for (const part of text.split(",")) {
    const status = /^\+?\d+$/.test(part) ? Number(part) : undefined;
    if (status !== undefined && isKnownStatus(status)) statuses.add(status);
    else if (isCondition(part)) conditions.add(part);
    else reporter.report(path, diagnostics.unknownRetryCondition(part, RETRY_CONDITIONS));
  }
  if (statuses.size > 0) conditions.add("retriable-status-codes");
  return { conditions: [...conditions], statuses: [...statuses] };
}

function isCondition(text: string): text is RetryCondition {
  return (RETRY_CONDITIONS as readonly string[]).includes(text);
}

/** By class, the last two digits of the statuses that Go's net/http has a text for: from, to. */
const KNOWN_STATUSES: Readonly<Record<number, readonly (readonly [from: number, to: number])[]>> = {
  1: [[0, 3]],
  2: [
    [0, 8],
    [26, 26],
  ],
  3: [
    [0, 5],
    [7, 8],
  ],
  4: [
    [0, 18],
    [21, 26],
    [28, 29],
    [31, 31],
    [51, 51],
  ],
  5: [
    [0, 8],
    [10, 11],
  ],
};

/** Others Istio takes for the name of a condition, which no number is. */
function isKnownStatus(status: number): boolean {
  const known = KNOWN_STATUSES[Math.floor(status / 100)] ?? [];
  return known.some(([from, to]) => status % 100 >= from && status % 100 <= to);
}
