import { expect, test } from "bun:test";
import type { OutlierDetection } from "../../../table/outlier-detection.ts";
import {
  admitsEjection,
  backoffAfterEjection,
  ejectionMs,
  outliersByFailurePercentage,
  outliersBySuccessRate,
  successRateThreshold,
} from "./decision.ts";
import { detection } from "./detection-fixture.ts";

const outcomes = (...pairs: readonly (readonly [name: string, successes: number, total: number])[]) =>
  new Map(pairs.map(([name, successes, total]) => [name, { successes, total }]));

function ejectionTimes(settings: OutlierDetection, ejections: number): number[] {
  const times: number[] = [];
  for (let backoff = 0; times.length < ejections; ) {
    backoff = backoffAfterEjection(settings, backoff);
    times.push(ejectionMs(settings, backoff));
  }
  return times;
}

test("the threshold is the mean less so many standard deviations", () => {
  expect(successRateThreshold([100, 100, 100, 60], 1.9)).toBeCloseTo(90 - 1.9 * Math.sqrt(300), 6);
  expect(successRateThreshold([50, 50], 1.9)).toBe(50);
});

test("who is far below the others is an outlier, and not where all are alike", () => {
  const settings = detection({ successRate: { minimumHosts: 4, requestVolume: 10, stdevFactor: 1 } });
  const good = [
    ["a", 10, 10],
    ["b", 20, 20],
    ["c", 10, 10],
  ] as const;
  expect(outliersBySuccessRate(settings, outcomes(...good, ["d", 5, 10]))).toEqual(["d"]);
  expect(outliersBySuccessRate(settings, outcomes(...good, ["d", 10, 10]))).toEqual([]);
});

test("too few hosts with enough requests are not compared", () => {
  const settings = detection({ successRate: { minimumHosts: 3, requestVolume: 10, stdevFactor: 0 } });
  expect(outliersBySuccessRate(settings, outcomes(["a", 10, 10], ["b", 10, 10], ["c", 0, 9]))).toEqual([]);
  expect(outliersBySuccessRate(settings, outcomes(["a", 10, 10], ["b", 10, 10], ["c", 0, 10]))).toEqual(["c"]);
  expect(
    outliersBySuccessRate(
      detection({ successRate: { minimumHosts: 0, requestVolume: 0, stdevFactor: 0 } }),
      outcomes(["idle", 0, 0]),
    ),
  ).toEqual([]);
});

test("a share of failures is borne below the threshold", () => {
  const settings = detection({ failurePercentage: { minimumHosts: 1, requestVolume: 10, threshold: 50 } });
  expect(outliersByFailurePercentage(settings, outcomes(["a", 6, 10], ["b", 5, 10], ["c", 0, 9]))).toEqual(["b"]);
});

test("the share of ejected hosts is bounded, but for one where it is told so", () => {
  expect(admitsEjection(detection({ maxEjectionPercent: 50 }), 0, 2)).toBe(true);
  expect(admitsEjection(detection({ maxEjectionPercent: 50 }), 1, 2)).toBe(false);
  expect(admitsEjection(detection({ maxEjectionPercent: 10 }), 0, 3)).toBe(false);
  expect(admitsEjection(detection({ maxEjectionPercent: 10, alwaysEjectsOne: true }), 0, 3)).toBe(true);
  expect(admitsEjection(detection({ maxEjectionPercent: 10, alwaysEjectsOne: true }), 1, 3)).toBe(false);
});

test("each ejection lasts longer than the one before, up to the longest", () => {
  expect(ejectionTimes(detection({ baseEjectionMs: 100, maxEjectionMs: 250 }), 5)).toEqual([100, 200, 250, 250, 250]);
  expect(ejectionTimes(detection({ baseEjectionMs: 100, maxEjectionMs: 100 }), 3)).toEqual([100, 100, 100]);
});
