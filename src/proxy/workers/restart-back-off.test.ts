import { expect, test } from "bun:test";
import { type Crashes, crashed, NO_CRASHES } from "./restart-back-off.ts";

function waits(times: readonly number[]): number[] {
  let crashes: Crashes = NO_CRASHES;
  return times.map((now) => {
    crashes = crashed(crashes, now);
    return crashes.waitMs;
  });
}

test("the first crash costs no wait, each that follows soon twice the last one's, up to 15 s", () => {
  const times = Array.from({ length: 10 }, (_, i) => i * 20_000);
  expect(waits(times)).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
});

test("a worker that served for a minute is forgiven", () => {
  expect(waits([0, 1_000, 100_000, 101_000])).toEqual([0, 250, 0, 250]);
});
