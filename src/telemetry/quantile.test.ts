import { expect, test } from "bun:test";
import { quantile } from "./quantile.ts";

const Inf = Number.POSITIVE_INFINITY;

test("is linear within the bucket that holds the rank", () => {
  const buckets = new Map([
    [10, 50],
    [20, 50],
    [Inf, 0],
  ]);
  expect(quantile(0.5, buckets)).toBe(10);
  expect(quantile(0.75, buckets)).toBe(15);
  expect(quantile(0.99, buckets)).toBeCloseTo(19.8);
  expect(quantile(0.25, buckets)).toBe(5);
});

test("reports the last finite bound for what lies beyond it", () => {
  expect(
    quantile(
      0.99,
      new Map([
        [10, 1],
        [Inf, 99],
      ]),
    ),
  ).toBe(10);
});

test("does not depend on the order of the buckets", () => {
  expect(
    quantile(
      0.5,
      new Map([
        [Inf, 0],
        [20, 2],
        [10, 0],
      ]),
    ),
  ).toBe(15);
});

test("is undefined without values", () => {
  expect(quantile(0.5, new Map())).toBeUndefined();
  expect(quantile(0.5, new Map([[10, 0]]))).toBeUndefined();
});
