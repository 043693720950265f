import { expect, test } from "bun:test";
import type { AdaptiveConcurrencyFilter } from "../../../table/filter/adaptive-concurrency.ts";
import { nextLimit, percentileOf } from "./gradient.ts";

const TABLE: AdaptiveConcurrencyFilter = {
  kind: "adaptive-concurrency",
  enabled: true,
  status: 503,
  percentile: 0.5,
  maxConcurrency: 1_000,
  updateMs: 100,
  minRtt: { intervalMs: 60_000, jitterPercent: 0, requests: 5, minConcurrency: 3, buffer: 0 },
};

test("a percentile is the latency that so many stay at or below", () => {
  expect(percentileOf([4, 1, 3, 2], 0.5)).toBe(2);
  expect(percentileOf([5, 1], 0.99)).toBe(5);
  expect(percentileOf([7], 0)).toBe(7);
});

test("an even latency leaves the limit, with room for a burst of its square root", () => {
  expect(nextLimit(TABLE, 100, 10, 10)).toBe(110);
});

test("the limit follows the latency, by half or twice at most", () => {
  expect(nextLimit(TABLE, 100, 10, 20)).toBe(57); // 50 and √50
  expect(nextLimit(TABLE, 100, 10, 1_000)).toBe(57);
  expect(nextLimit(TABLE, 100, 10, 1)).toBe(214); // 200 and √200
  expect(nextLimit(TABLE, 100, 0, 0)).toBe(214);
});

test("the buffer is what latency may grow by for nothing", () => {
  const buffered = { ...TABLE, minRtt: { ...TABLE.minRtt, buffer: 0.25 } };
  expect(nextLimit(buffered, 100, 8, 10)).toBe(110);
});

test("the limit stays between its bounds", () => {
  expect(nextLimit(TABLE, 3, 1, 100)).toBe(3);
  expect(nextLimit({ ...TABLE, maxConcurrency: 5 }, 5, 10, 10)).toBe(5);
});
