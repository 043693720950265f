import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Increments } from "./increments.ts";
import { Ring } from "./ring.ts";

describe("Ring", () => {
  test("sums what lies in the half-open window", () => {
    const ring = new Ring(1_000, 600_000);
    ring.add(9_000, 10_500, 3);
    ring.add(10_500, 11_500, 4);
    expect(ring.sum(10_000, 11_000)).toBe(3);
    expect(ring.sum(10_000, 12_000)).toBe(7);
    expect(ring.sum(11_000, 12_000)).toBe(4);
    expect(ring.sum(0, 10_000)).toBe(0);
    expect(ring.sum(12_000, 100_000)).toBe(0);
  });

  test("spreads growth over the time between two scrapes", () => {
    const ring = new Ring(1_000, 600_000);
    ring.add(10_000, 15_000, 10);
    for (let second = 11; second <= 15; second++) expect(ring.sum(second * 1_000, (second + 1) * 1_000)).toBe(2);
    expect(ring.sum(0, 60_000)).toBe(10);
  });

  test("forgets what is older than its span, at any pace", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 60 }), (gaps) => {
        const ring = new Ring(1_000, 300_000);
        const written: number[] = [];
        let at = 1_000_000_000;
        for (const gap of gaps) {
          at += gap * 1_000;
          ring.add(at - 1_000, at, 1);
          written.push(at);
        }
        const kept = written.filter((time) => time > at - 300_000).length;
        expect(ring.sum(at - 299_000, at + 1_000)).toBe(kept);
        expect(ring.sum(0, at + 1_000)).toBeLessThanOrEqual(written.filter((time) => time > at - 361_000).length);
      }),
    );
  });

  test("takes a clock that went back without harm", () => {
    const ring = new Ring(1_000, 300_000);
    ring.add(999_000, 1_000_000, 5);
    ring.add(1_000_000, 900_000, 1);
    ring.add(1_000_000, 100_000, 1);
    expect(ring.sum(900_000, 1_001_000)).toBe(6);
  });
});

test("Increments answer by the second for the last hour and by 15 s for the last day", () => {
  const increments = new Increments();
  const start = 1_700_000_000_000 - (1_700_000_000_000 % 15_000);
  const hour = 3_600_000;
  for (let at = start; at < start + 3 * hour; at += 1_000) increments.add(at - 1_000, at, 1);
  const end = start + 3 * hour;
  expect(increments.sum(end - 10_000, end)).toBe(10);
  expect(increments.sum(end - 2 * hour, end)).toBe(7_200);
  expect(increments.sum(start, end)).toBe(10_800);
});
