import { expect, test } from "bun:test";
import { bytes, count, counted, duration, milliseconds, percent } from "./format.ts";

test("counts keep two digits and never show a zero that is none", () => {
  expect([0, 0.001, 0.42, 7.34, 81.2, 999.6, 1_234, 3_400_000].map(count)).toEqual([
    "0",
    "<0.01",
    "0.42",
    "7.3",
    "81",
    "1k",
    "1.2k",
    "3.4M",
  ]);
});

test("a count has its noun", () => {
  expect([counted(0, "error"), counted(1, "error"), counted(2_345, "warning")]).toEqual([
    "0 errors",
    "1 error",
    "2.3k warnings",
  ]);
});

test("a hundred per cent means every one", () => {
  expect([1, 0.99999, 0.9996, 0.991, 0.954, 0, null].map(percent)).toEqual([
    "100 %",
    "99.99 %",
    "99.96 %",
    "99.1 %",
    "95.4 %",
    "0 %",
    "–",
  ]);
});

test("times and sizes change their unit before they grow long", () => {
  expect([0.42, 12.3, 999.4, 999.6, 61_000, null].map(milliseconds)).toEqual([
    "0.42 ms",
    "12 ms",
    "999 ms",
    "1 s",
    "61 s",
    "–",
  ]);
  expect([812, 4_100, 61e6, 1e15, null].map(bytes)).toEqual(["812 B", "4.1 kB", "61 MB", "1000 TB", "–"]);
  expect([-5, 18_000, 7 * 60_000, 23 * 3_600_000, 89 * 86_400_000, 3_650 * 86_400_000].map(duration)).toEqual([
    "0 s",
    "18 s",
    "7 min",
    "23 h",
    "89 d",
    "10 y",
  ]);
});
