import { expect, test } from "bun:test";
import { CellTable } from "../workers/cell-table.ts";
import { WorkerCells } from "../workers/worker-cells.ts";
import { createBucket, SharedBucket } from "./shared-bucket.ts";

const SEATS = 8;
const PER_SECOND = 1 / 1_000;

/** The bucket in each of two processes, the second of which began 5 s later. */
function buckets(maxTokens: number, rate: number) {
  const table = new CellTable(new Uint8Array(CellTable.bytes(SEATS)), SEATS);
  const [early, late] = [100_000, 105_000].map((origin, seat) =>
    createBucket("k", { maxTokens, rate }, 0, new WorkerCells(table, seat, origin, () => {})),
  );
  return { early: early!, late: late! };
}

test("processes take from one bucket, each on its own clock", () => {
  const { early, late } = buckets(3, PER_SECOND);
  expect(early).toBeInstanceOf(SharedBucket);
  expect([early.take(5_000), late.take(0), late.take(0), early.take(5_000), late.take(0)]).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect([late.remaining, late.nextTokenMs]).toEqual([0, 1_000]);
  expect([early.take(5_999), early.take(6_000), late.take(1_000)]).toEqual([false, true, false]);
  expect(late.take(2_000)).toBe(true);
});

test("it does not hold more than its maximum, however long nobody asked", () => {
  const { early, late } = buckets(2, PER_SECOND);
  expect([early.take(1e9), late.take(1e9 - 5_000), early.take(1e9)]).toEqual([true, true, false]);
});

test("the rest is what is there after a token was taken", () => {
  const { early } = buckets(10, PER_SECOND);
  early.take(0);
  expect(early.remaining).toBe(9);
  early.take(0);
  expect(early.remaining).toBe(8);
});

test("it is full at first, even where the machine has not been up for as long as that takes", () => {
  const { early } = buckets(3, 1 / 3_600_000);
  expect([early.take(0), early.take(0), early.take(0), early.take(0)]).toEqual([true, true, true, false]);
});

test("one process has a bucket of its own", () => {
  expect(createBucket("k", { maxTokens: 1, rate: 1 }, 0, undefined)).not.toBeInstanceOf(SharedBucket);
});
