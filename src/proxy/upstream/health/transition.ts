// What a check's outcome makes of a host, and when the next one is due: pure (Envoy: HealthCheckerImplBase::ActiveHealthCheckSession).

import type { CheckIntervals, HealthCheck } from "../../../table/health-check.ts";

/** Envoy's HealthCheckFailureType. */
export type FailureType = "ACTIVE" | "PASSIVE" | "NETWORK" | "NETWORK_TIMEOUT";

/**
 * A failure of the network, or a retriable one, counts towards the threshold; any other is believed at once.
 * `excludes`: the host asks not to be counted at all (x-envoy-immediate-health-check-fail).
 */
export type Outcome = Passed | Failure;

interface Verified {
  /** It was looked whose answer it is. */
  readonly verifiesCluster?: boolean;
}

export interface Passed extends Verified {
  readonly kind: "passed";
  readonly degraded: boolean;
}

export interface Failure extends Verified {
  readonly kind: "failed";
  readonly type: FailureType;
  readonly retriable: boolean;
  readonly excludes: boolean;
}

export const PASSED: Passed = { kind: "passed", degraded: false };
export const FAILED: Failure = { kind: "failed", type: "ACTIVE", retriable: false, excludes: false };
export const UNREACHABLE: Failure = { kind: "failed", type: "NETWORK", retriable: true, excludes: false };
export const TIMED_OUT: Failure = { kind: "failed", type: "NETWORK_TIMEOUT", retriable: true, excludes: false };
/** A response to a request said so. */
export const IMMEDIATE_FAILURE: Failure = { kind: "failed", type: "PASSIVE", retriable: false, excludes: true };

/** `row`: outcomes so far that speak against `healthy`. */
export interface HostState {
  readonly healthy: boolean;
  readonly row: number;
  /** No check is over yet: one that passes is enough. */
  readonly unknown: boolean;
}

/** `pending`: not enough of a row to change anything. */
export type Transition = "unchanged" | "pending" | "changed";

type Thresholds = Pick<HealthCheck, "healthyThreshold" | "unhealthyThreshold">;

export function afterCheck(
  { healthy, row, unknown }: HostState,
  outcome: Outcome,
  { healthyThreshold, unhealthyThreshold }: Thresholds,
): { readonly state: HostState; readonly transition: Transition } {
  if ((outcome.kind === "passed") === healthy)
    return { state: { healthy, row: 0, unknown: false }, transition: "unchanged" };
  const atOnce = outcome.kind === "passed" ? unknown : !outcome.retriable;
  const threshold = outcome.kind === "passed" ? healthyThreshold : unhealthyThreshold;
  if (atOnce || row + 1 >= threshold)
    return { state: { healthy: !healthy, row: 0, unknown: false }, transition: "changed" };
  return { state: { healthy, row: row + 1, unknown: false }, transition: "pending" };
}

function base(intervals: CheckIntervals, passed: boolean, transition: Transition, hadTraffic: boolean): number {
  const pending = transition === "pending";
  if (!hadTraffic) return passed && !pending ? intervals.noTrafficHealthyMs : intervals.noTrafficMs;
  if (passed) return pending ? intervals.healthyEdgeMs : intervals.healthyMs;
  return pending ? intervals.unhealthyEdgeMs : intervals.unhealthyMs;
}

/** Milliseconds until the next check. `random`: from 0 to 1. */
export function nextCheckMs(
  intervals: CheckIntervals,
  passed: boolean,
  transition: Transition,
  hadTraffic: boolean,
  random: number,
): number {
  const ms = base(intervals, passed, transition, hadTraffic);
  return ms + (random * (ms * intervals.jitterPercent)) / 100 + random * intervals.jitterMs;
}
