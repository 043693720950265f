// Buckets of a local rate limit, on a clock of the test's own.

import { expect, test } from "bun:test";
import type { DescriptorLimit, LocalRateLimitFilter } from "../../table/filter/local-rate-limit.ts";
import type { SharedCells } from "../shared-cells.ts";
import { CellTable, ENTRIES } from "../workers/cell-table.ts";
import { WorkerCells } from "../workers/worker-cells.ts";
import { LocalRateLimiter } from "./local-rate-limiter.ts";
import { SharedBucket } from "./shared-bucket.ts";
import { TokenBucket } from "./token-bucket.ts";

const SECOND = 1_000;

function limit(maxTokens: number, perSecond: number, ...descriptor: string[]): DescriptorLimit {
  return { descriptor, bucket: { maxTokens, rate: perSecond / SECOND }, shadow: false };
}

function limiter(more: Partial<LocalRateLimitFilter>, shared?: SharedCells): LocalRateLimiter {
  return new LocalRateLimiter(
    {
      kind: "local-rate-limit",
      place: "l",
      statPrefix: "t",
      status: 429,
      bucket: undefined,
      enabled: 1,
      enforced: 1,
      requestHeadersWhenNotEnforced: [],
      responseHeaders: [],
      descriptors: [],
      maxDynamic: 2,
      stage: 0,
      perConnection: false,
      rateLimitHeaders: false,
      virtualHostLimits: "override",
      alwaysDefault: true,
      resourceExhausted: false,
      rateLimits: [],
      ...more,
    },
    0,
    shared,
  );
}

test("tokens come evenly, up to the maximum, and a refusal takes none", () => {
  const bucket = new TokenBucket({ maxTokens: 2, rate: 1 / SECOND }, 0);
  expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([true, true, false]);
  expect(bucket.nextTokenMs).toBe(1_000);
  expect([bucket.take(999), bucket.take(1_000), bucket.take(1_000)]).toEqual([false, true, false]);
  expect([bucket.take(60_000), bucket.take(60_000), bucket.take(60_000)]).toEqual([true, true, false]);
  expect(bucket.remaining).toBe(0);
});

test("without any bucket there is no limit", () => {
  expect(limiter({}).take([["k", "v"]], 0)).toEqual({ allowed: true, bucket: undefined });
});

test("the tightest of the descriptors that match is asked first, and takes nothing from the others when it refuses", () => {
  const buckets = limiter({ descriptors: [limit(10, 10, "a", "1"), limit(1, 1, "b", "1")] });
  const both = [
    ["a", "1"],
    ["b", "1"],
  ];
  expect(buckets.take(both, 0)).toMatchObject({ allowed: true, bucket: { maxTokens: 1 } });
  expect(buckets.take(both, 0)).toMatchObject({ allowed: false, bucket: { maxTokens: 1 } });
  for (let i = 0; i < 9; i++) expect(buckets.take([["a", "1"]], 0).allowed).toBe(true);
  expect(buckets.take([["a", "1"]], 0).allowed).toBe(false);
});

test("a descriptor matches whole, in its order, and no other by accident", () => {
  const buckets = limiter({ descriptors: [limit(0, 1, "a", "1", "b", "2")] });
  expect(buckets.take([["a", "1", "b", "2"]], 0).allowed).toBe(false);
  expect(buckets.take([["b", "2", "a", "1"]], 0).allowed).toBe(true);
  expect(buckets.take([["a", "1"]], 0).allowed).toBe(true);
  expect(buckets.take([["a", "1", "b", "2", "c", "3"]], 0).allowed).toBe(true);
});

test("values that stand for any have buckets of their own, as many as are kept", () => {
  const buckets = limiter({ descriptors: [limit(1, 1, "user", "", "plan", "free")] });
  const ask = (user: string) => buckets.take([["user", user, "plan", "free"]], 0).allowed;
  expect([ask("a"), ask("a"), ask("b"), ask("a")]).toEqual([true, false, true, false]);
  // b was used longest ago.
  expect([ask("c"), ask("a"), ask("b")]).toEqual([true, false, true]);
  expect(buckets.take([["user", "a", "plan", "paid"]], 0).allowed).toBe(true);
});

test("a shadow limit never refuses", () => {
  const buckets = limiter({ descriptors: [{ ...limit(0, 1, "a", "1"), shadow: true }] });
  expect(buckets.take([["a", "1"]], 0).allowed).toBe(true);
});

test("the default bucket is asked when no descriptor matches, or always", () => {
  const bucket = { maxTokens: 1, rate: 0 };
  const sometimes = limiter({ bucket, alwaysDefault: false, descriptors: [limit(2, 1, "a", "1")] });
  expect([1, 2, 3].map(() => sometimes.take([["a", "1"]], 0).allowed)).toEqual([true, true, false]);
  expect([1, 2].map(() => sometimes.take([["a", "2"]], 0).allowed)).toEqual([true, false]);
});

test("a bucket that is forgotten gives its cell back, at once: any number of values leaves room for others", () => {
  const seats = 2;
  const table = new CellTable(new Uint8Array(CellTable.bytes(seats)), seats);
  const [a, b] = [0, 1].map((seat) => new WorkerCells(table, seat, 0, () => {}));
  const buckets = limiter({ descriptors: [limit(1, 1, "user", "")] }, a);
  for (let i = 0; i < 2 * ENTRIES; i++) expect(buckets.take([["user", `${i}`]], 0).bucket).toBeInstanceOf(SharedBucket);
  // Every entry but those of the two that are left.
  let room = 0;
  for (let i = 0; i < 4 * ENTRIES; i++) if (table.take(`key ${i}`, false, 1) !== undefined) room++;
  expect(room).toBe(ENTRIES - 2);
  expect(b!.cell("one more")).toBeUndefined();
});

test("two values in one request, of which the second has the first forgotten, are each limited", () => {
  const seats = 2;
  const table = new CellTable(new Uint8Array(CellTable.bytes(seats)), seats);
  const shared = new WorkerCells(table, 0, 100_000, () => {});
  const buckets = limiter({ descriptors: [limit(1, 1, "user", "")], maxDynamic: 1 }, shared);
  const both = [
    ["user", "a"],
    ["user", "b"],
  ];
  expect(buckets.take(both, 0).allowed).toBe(true);
  expect(buckets.take([["user", "b"]], 0).allowed).toBe(false);
});
