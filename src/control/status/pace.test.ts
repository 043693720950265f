import { expect, test } from "bun:test";
import { Pace } from "./pace.ts";

const OPTIONS = { firstMs: 1_000, maxMs: 8_000, startMs: 10_000 };

test("counts that move are told after a second, and then after ever longer times", () => {
  const pace = new Pace(OPTIONS);
  const told: number[] = [];
  for (let now = 0; now <= 40_000; now += 100) {
    if (pace.left(now, false) > 0) continue;
    pace.told(now);
    told.push(now);
  }
  expect(told).toEqual([1_000, 2_100, 4_100, 8_100, 16_100, 24_100, 32_100]);
});

test("after a long rest the next move is told soon again", () => {
  const pace = new Pace(OPTIONS);
  for (let now = 0; now <= 20_000; now += 100) if (pace.left(now, false) <= 0) pace.told(now);
  pace.rest();
  expect(pace.left(60_000, false)).toBe(1_000);
  pace.told(61_000);
  expect(pace.left(61_000, false)).toBe(1_000);
});

test("what is told of once in a while, as proxies are replaced one by one, is told ever less often", () => {
  const pace = new Pace(OPTIONS);
  const told: number[] = [];
  let moved = false;
  for (let now = 0; now <= 40_000; now += 100) {
    moved ||= now % 3_000 === 0;
    if (!moved) pace.rest();
    else if (pace.left(now, false) <= 0) {
      pace.told(now);
      told.push(now);
      moved = false;
    }
  }
  expect(told).toEqual([1_000, 4_000, 7_000, 11_000, 19_000, 27_000, 35_000]);
});

test("while proxies start, counts wait longer, and not for ever", () => {
  const pace = new Pace(OPTIONS);
  expect(pace.left(0, true)).toBe(11_000);
  expect(pace.left(5_000, true)).toBe(6_000);
  expect(pace.left(5_000, false)).toBeLessThanOrEqual(0);
  expect(pace.left(11_000, true)).toBe(0);
});
