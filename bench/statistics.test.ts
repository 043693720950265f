import { expect, test } from "bun:test";
import { combine, measurementOf } from "./measurement.ts";
import { median, percentile, rounded } from "./statistics.ts";

test("the median is the middle, or between the two middles", () => {
  expect(median([3, 100, 1])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test("a percentile is one of the values", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile(values, 1)).toBe(100);
  expect(percentile([8], 0)).toBe(8);
  expect(percentile([], 0.5)).toBeNaN();
});

test("three digits are kept, small or large", () => {
  expect(rounded(0.123456)).toBe(0.123);
  expect(rounded(47_512)).toBe(47_500);
});

test("CPU time is that of one request", () => {
  const load = { requests: 100_000, seconds: 2, p50Us: 1_000, p99Us: 3_000, errors: 0 };
  const { cpuUs, userUs, systemUs, rps } = measurementOf(load, { userSeconds: 1.5, systemSeconds: 0.5 });
  expect({ cpuUs, userUs, systemUs, rps }).toEqual({ cpuUs: 20, userUs: 15, systemUs: 5, rps: 50_000 });
});

test("rounds come down to the median of each figure, but errors to their sum", () => {
  const round = { cpuUs: 20, userUs: 15, systemUs: 5, rps: 40_000, p50Us: 1_000, p99Us: 3_000, errors: 0 };
  const rounds = [round, { ...round, cpuUs: 90, p99Us: 1_000, errors: 2 }, { ...round, cpuUs: 21, errors: 1 }];
  expect(combine(rounds)).toEqual({ ...round, cpuUs: 21, errors: 3 });
});
