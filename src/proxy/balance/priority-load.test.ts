// Loads of priorities. The numbers are those of Envoy's documentation of priority levels, degraded endpoints and panic.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { hosts, PLAIN_SETTINGS, TestHost } from "./candidate-fixture.ts";
import { prioritySet } from "./host-set.ts";
import { choosePriority, priorityLoad } from "./priority-load.ts";

/** `[healthy, degraded, of]` for each priority. */
function levels(...counts: readonly (readonly [number, number, number])[]) {
  const all = counts.flatMap(([healthy, degraded, total], priority) =>
    Array.from(
      { length: total },
      (_, i) =>
        new TestHost(`10.0.${priority}.${i}:80`, {
          priority,
          health: i < healthy ? "healthy" : i < healthy + degraded ? "degraded" : "unhealthy",
        }),
    ),
  );
  return prioritySet(all, PLAIN_SETTINGS, undefined);
}

const load = (...counts: readonly (readonly [number, number, number])[]) => priorityLoad(levels(...counts), 50);

describe("without panic", () => {
  test("the first priority has all down to 72 % of its hosts, then the next takes over by and by", () => {
    expect(load([100, 0, 100], [100, 0, 100]).healthy).toEqual([100, 0]);
    expect(load([72, 0, 100], [72, 0, 100]).healthy).toEqual([100, 0]);
    expect(load([71, 0, 100], [71, 0, 100]).healthy).toEqual([99, 1]);
    expect(load([50, 0, 100], [60, 0, 100]).healthy).toEqual([70, 30]);
    expect(load([25, 0, 100], [100, 0, 100]).healthy).toEqual([35, 65]);
    expect(load([0, 0, 100], [100, 0, 100]).healthy).toEqual([0, 100]);
    expect(load([25, 0, 100], [25, 0, 100], [100, 0, 100]).healthy).toEqual([35, 35, 30]);
  });

  test("degraded hosts take what the healthy ones of all priorities cannot", () => {
    expect(load([0, 100, 100], [100, 0, 100])).toMatchObject({ healthy: [0, 100], degraded: [0, 0] });
    expect(load([0, 100, 100], [50, 0, 100])).toMatchObject({ healthy: [0, 70], degraded: [30, 0] });
    expect(load([80, 20, 100])).toMatchObject({ healthy: [100], degraded: [0] });
  });

  test("what is not there yet does not count", () => {
    const all = [...hosts(2), ...hosts(8, { isCounted: false, health: "unhealthy" }, "10.0.1")];
    expect(priorityLoad(prioritySet(all, PLAIN_SETTINGS, undefined), 50)).toMatchObject({
      healthy: [100],
      panic: [false],
    });
  });

  test("health goes by weights where that is said", () => {
    const all = [
      new TestHost("a:80", { weight: 9, health: "unhealthy" }),
      ...hosts(1),
      ...hosts(10, { priority: 1 }, "10.0.1"),
    ];
    expect(priorityLoad(prioritySet(all, PLAIN_SETTINGS, undefined), 50).healthy).toEqual([70, 30]);
    const byWeight = { ...PLAIN_SETTINGS, weightedPriorityHealth: true };
    expect(priorityLoad(prioritySet(all, byWeight, undefined), 50).healthy).toEqual([14, 86]);
  });
});

describe("panic", () => {
  test("a priority is in panic below the threshold, unless all of them together have enough", () => {
    expect(load([20, 0, 100], [100, 0, 100]).panic).toEqual([false, false]);
    expect(load([25, 0, 100], [25, 0, 100])).toMatchObject({ healthy: [50, 50], panic: [true, true] });
    expect(load([20, 0, 100], [40, 0, 100], [0, 0, 100]).panic).toEqual([true, true, true]);
    expect(load([20, 0, 100], [50, 0, 100])).toMatchObject({ healthy: [29, 71], panic: [true, false] });
  });

  test("in total panic, requests go by the number of hosts", () => {
    expect(load([0, 0, 30], [0, 0, 10])).toMatchObject({ healthy: [75, 25], panic: [true, true] });
    expect(load([0, 0, 0], [0, 0, 10]).healthy).toEqual([0, 100]);
  });

  test("without a threshold there is none: the first priority has it all, and nobody there", () => {
    expect(priorityLoad(levels([0, 0, 10], [0, 0, 10]), 0)).toMatchObject({ healthy: [100, 0], panic: [false, false] });
  });
});

test("priorities that were tried are avoided as long as others are available", () => {
  const all = levels([100, 0, 100], [100, 0, 100], [100, 0, 100]);
  expect(priorityLoad(all, 50, new Set([0])).healthy).toEqual([0, 100, 0]);
  expect(priorityLoad(all, 50, new Set([0, 1])).healthy).toEqual([0, 0, 100]);
  expect(priorityLoad(all, 50, new Set([0, 1, 2])).healthy).toEqual([100, 0, 0]);
});

test("whatever the health, loads add up to 100, and every point of them leads to somebody who has load", () => {
  const level = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20)).map(([a, b, c]) => [a, b, a + b + c] as const);
  fc.assert(
    fc.property(fc.array(level, { minLength: 1, maxLength: 5 }), fc.nat(100), (counts, threshold) => {
      const { healthy, degraded, panic } = priorityLoad(levels(...counts), threshold);
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      expect(sum(healthy) + sum(degraded)).toBe(100);
      expect(Math.min(...healthy, ...degraded)).toBeGreaterThanOrEqual(0);
      for (let point = 0; point < 100; point++) {
        const choice = choosePriority({ healthy, degraded, panic }, point);
        expect((choice.degraded ? degraded : healthy)[choice.priority]).toBeGreaterThan(0);
      }
    }),
    { numRuns: 200 },
  );
});
