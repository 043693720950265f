// When names are asked for again.

import { expect, test } from "bun:test";
import type { DnsRefresh } from "../../table/cluster.ts";
import { nextLookUpMs } from "./dns-discovery.ts";
import type { NameAnswer } from "./names.ts";

const REFRESH: DnsRefresh = {
  everyMs: 5_000,
  leastMs: 0,
  respectTtl: false,
  failureMs: 100,
  failureMaxMs: 500,
  jitterMs: 0,
};
const FAILED: NameAnswer = { kind: "failed", reason: "SERVFAIL" };
const found = (ttlMs?: number): NameAnswer => ({ kind: "addresses", addresses: ["10.0.0.1"], ttlMs });

test("a TTL counts where it is respected and says something", () => {
  expect(nextLookUpMs(REFRESH, found(30_000), 0, 0.5)).toBe(5_000);
  expect(nextLookUpMs({ ...REFRESH, respectTtl: true }, found(30_000), 0, 0.5)).toBe(30_000);
  expect(nextLookUpMs({ ...REFRESH, respectTtl: true }, found(), 0, 0.5)).toBe(5_000);
});

test("a TTL is no shorter than the least", () => {
  const bounded = { ...REFRESH, leastMs: 10_000, respectTtl: true };
  expect(nextLookUpMs(bounded, found(1_000), 0, 0.5)).toBe(10_000);
  expect(nextLookUpMs(bounded, found(30_000), 0, 0.5)).toBe(30_000);
  expect(nextLookUpMs(bounded, found(), 0, 0.5)).toBe(5_000);
});

test("that there is no address is an answer", () => {
  expect(nextLookUpMs({ ...REFRESH, respectTtl: true }, { kind: "none" }, 0, 0.5)).toBe(5_000);
});

test("jitter comes on top of a success", () => {
  const jittered = { ...REFRESH, jitterMs: 1_000 };
  expect([0, 0.5, 0.9999].map((random) => nextLookUpMs(jittered, found(), 0, random))).toEqual([5_000, 5_500, 5_999]);
  expect(nextLookUpMs({ ...jittered, respectTtl: true }, found(2_000), 0, 0.5)).toBe(2_500);
  expect(nextLookUpMs(jittered, FAILED, 1, 0.5)).toBe(50);
});

test("failures back off up to the most", () => {
  expect([1, 2, 3, 4, 9].map((failures) => nextLookUpMs(REFRESH, FAILED, failures, 1))).toEqual([
    100, 200, 400, 500, 500,
  ]);
  expect(nextLookUpMs(REFRESH, FAILED, 3, 0)).toBe(100);
});
