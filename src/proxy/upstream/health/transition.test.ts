import { expect, test } from "bun:test";
import type { CheckIntervals } from "../../../table/health-check.ts";
import {
  afterCheck,
  FAILED,
  type HostState,
  IMMEDIATE_FAILURE,
  nextCheckMs,
  type Outcome,
  PASSED,
  TIMED_OUT,
  UNREACHABLE,
} from "./transition.ts";

const THRESHOLDS = { healthyThreshold: 2, unhealthyThreshold: 3 };
const HEALTHY: HostState = { healthy: true, row: 0, unknown: false };
const UNHEALTHY: HostState = { healthy: false, row: 0, unknown: false };

function follow(from: HostState, ...outcomes: readonly Outcome[]): string {
  let state = from;
  return outcomes
    .map((outcome) => {
      const next = afterCheck(state, outcome, THRESHOLDS);
      state = next.state;
      return `${state.healthy ? "up" : "down"} ${next.transition}`;
    })
    .join(", ");
}

test("the first check of a host is believed when it passes", () => {
  expect(follow({ ...UNHEALTHY, unknown: true }, PASSED)).toBe("up changed");
  expect(follow({ ...UNHEALTHY, unknown: true }, UNREACHABLE, PASSED)).toBe("down unchanged, down pending");
});

test("a host comes up after a row of passes, and another failure begins the row anew", () => {
  expect(follow(UNHEALTHY, PASSED, PASSED)).toBe("down pending, up changed");
  expect(follow(UNHEALTHY, PASSED, FAILED, PASSED)).toBe("down pending, down unchanged, down pending");
});

test("failures of the network go up to the threshold, and a pass begins the row anew", () => {
  expect(follow(HEALTHY, UNREACHABLE, TIMED_OUT, UNREACHABLE)).toBe("up pending, up pending, down changed");
  expect(follow(HEALTHY, UNREACHABLE, TIMED_OUT, PASSED, UNREACHABLE)).toBe(
    "up pending, up pending, up unchanged, up pending",
  );
  expect(follow(HEALTHY, { ...FAILED, retriable: true })).toBe("up pending");
});

test("what the host says itself is believed at once", () => {
  expect(follow(HEALTHY, FAILED)).toBe("down changed");
  expect(follow(HEALTHY, IMMEDIATE_FAILURE)).toBe("down changed");
});

const INTERVALS: CheckIntervals = {
  healthyMs: 1,
  unhealthyMs: 2,
  healthyEdgeMs: 3,
  unhealthyEdgeMs: 4,
  noTrafficMs: 5,
  noTrafficHealthyMs: 6,
  jitterMs: 0,
  jitterPercent: 0,
  initialJitterMs: 0,
};

test.each([
  [true, "unchanged", true, 1],
  [true, "changed", true, 1],
  [true, "pending", true, 3],
  [false, "unchanged", true, 2],
  [false, "pending", true, 4],
  [false, "changed", false, 5],
  [true, "pending", false, 5],
  [true, "changed", false, 6],
] as const)("passed %p, %s, traffic %p: the next check is due in %p", (passed, transition, hadTraffic, ms) => {
  expect(nextCheckMs(INTERVALS, passed, transition, hadTraffic, 0.5)).toBe(ms);
});

test("jitter comes on top, as a share and as a time", () => {
  const jittered = { ...INTERVALS, healthyMs: 100, jitterMs: 10, jitterPercent: 20 };
  expect(nextCheckMs(jittered, true, "unchanged", true, 0)).toBe(100);
  expect(nextCheckMs(jittered, true, "unchanged", true, 0.5)).toBe(115);
});
