// Turns and draws: round robin, least request, random, peak EWMA, slow start.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Picker } from "./candidate.ts";
import { hosts, TestHost } from "./candidate-fixture.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import { HostLatency } from "./latency.ts";
import { LeastRequest } from "./least-request.ts";
import { PeakEwma } from "./peak-ewma.ts";
import { RandomChoice } from "./random.ts";
import { RoundRobin } from "./round-robin.ts";
import { slowStartFactor } from "./slow-start.ts";

const P2C = {
  kind: "least-request",
  choices: 2,
  fullScan: false,
  activeRequestBias: 1,
  slowStart: undefined,
} as const;

function counts(picker: Picker<TestHost>, all: readonly TestHost[], rounds: number): number[] {
  const picks = new Map<TestHost, number>();
  for (let i = 0; i < rounds; i++) {
    const host = picker.pick();
    picks.set(host, (picks.get(host) ?? 0) + 1);
  }
  return all.map((host) => picks.get(host) ?? 0);
}

const weighted = (...weights: number[]) => weights.map((weight, i) => new TestHost(`h${i}:80`, { weight }));

function turns(weights: readonly number[], count: number): number[] {
  const scheduler = new EdfScheduler(weights);
  return Array.from({ length: count }, () => {
    const { next } = scheduler;
    scheduler.advance(weights[next]!);
    return next;
  });
}

describe("earliest deadline first", () => {
  test("the order is Envoy's: by deadline, ties by who was put first", () => {
    // Deadlines: a 1/4, 2/4, 3/4, 1 …; b 1/2, 1 …; c 1. At 1/2 b was put before a's second, and so on.
    expect(turns([4, 2, 1], 7)).toEqual([0, 1, 0, 0, 2, 1, 0]);
    expect(turns([1, 1, 1], 6)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test("whatever the weights, everybody has its part after each whole round, give or take one turn", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 }), (weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const order = turns(weights, total * 5);
        weights.forEach((weight, i) => {
          const got = order.filter((turn) => turn === i).length;
          expect(Math.abs(got - 5 * weight)).toBeLessThanOrEqual(1);
        });
      }),
      { numRuns: 60 },
    );
  });
});

describe("round robin", () => {
  test("takes turns exactly", () => {
    const all = hosts(3);
    expect(counts(new RoundRobin(all, undefined), all, 300)).toEqual([100, 100, 100]);
  });

  test("gives each host its weight", () => {
    const all = weighted(3, 1);
    const picker = new RoundRobin(all, undefined);
    expect(counts(picker, all, 400)).toEqual([300, 100]);
  });
});

describe("least request", () => {
  test("avoids the busy host: it is taken only when it is drawn twice", () => {
    const all = hosts(2);
    all[0]!.active = 50;
    const [busy, idle] = counts(new LeastRequest(all, P2C), all, 4_000);
    expect(busy! / (busy! + idle!)).toBeLessThan(0.3);
  });

  test("a full scan takes one of the least busy, each as often", () => {
    const all = hosts(4);
    all[0]!.active = 1;
    const [busy, ...rest] = counts(new LeastRequest(all, { ...P2C, fullScan: true }), all, 3_000);
    expect(busy).toBe(0);
    for (const count of rest) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  test("where weights differ, requests on the way take from a host's weight, as much as the bias says", () => {
    const all = weighted(2, 1);
    all[0]!.active = 3;
    // 2 / 4 against 1: one turn of three.
    expect(counts(new LeastRequest(all, P2C), all, 300)).toEqual([100, 200]);
    expect(counts(new LeastRequest(all, { ...P2C, activeRequestBias: 0 }), all, 300)).toEqual([200, 100]);
  });
});

test("random does not ask for weights", () => {
  const all = weighted(9, 1);
  const [first] = counts(new RandomChoice(all), all, 10_000);
  expect(Math.abs(first! - 5_000)).toBeLessThan(300);
});

describe("peak EWMA", () => {
  test("a rise counts at once, a fall by and by", () => {
    const latency = new HostLatency(1_000, 0);
    latency.observe(100, 10);
    expect(latency.cost(0)).toBe(100);
    latency.observe(0, 1_010);
    expect(latency.cost(0)).toBeCloseTo(100 / Math.E, 5);
    expect(latency.cost(2)).toBeCloseTo(300 / Math.E, 5);
    latency.observe(200, 1_020);
    expect(latency.cost(0)).toBe(200);
  });

  test("of two hosts the one that is expected first is taken, and it is always two that are compared", () => {
    const all = hosts(2);
    const picker = new PeakEwma(all, 10_000);
    all[0]!.latency!.observe(20, performance.now());
    all[1]!.latency!.observe(50, performance.now());
    expect(counts(picker, all, 100)).toEqual([100, 0]);
    all[0]!.active = 4; // 20 × 5 against 50 × 1
    expect(counts(picker, all, 100)).toEqual([0, 100]);
    all[0]!.weight = 10;
    expect(counts(picker, all, 100)).toEqual([100, 0]);
  });
});

describe("slow start", () => {
  const config = { windowMs: 1_000, aggression: 1, minWeight: 0.1 };

  test("the part grows with time, faster at first with an aggression above 1, and never below the least", () => {
    expect(slowStartFactor(config, 0)).toBe(0.1);
    expect(slowStartFactor(config, 500)).toBe(0.5);
    expect(slowStartFactor({ ...config, aggression: 2 }, 250)).toBe(0.5);
    expect(slowStartFactor(config, 1_000)).toBe(1);
  });

  test("a host that begins gets few requests among others of the same weight", () => {
    const all = hosts(2);
    all[1]!.healthySince = performance.now();
    const slow = { ...config, windowMs: 3_600_000 };
    const [old, fresh] = counts(new RoundRobin(all, slow), all, 1_100);
    expect([old, fresh]).toEqual([1_000, 100]);
    const [, alsoFresh] = counts(new LeastRequest(all, { ...P2C, slowStart: slow }), all, 1_100);
    expect(alsoFresh).toBe(100);
  });
});

test("one host takes all", () => {
  const all = weighted(7);
  for (const picker of [
    new RoundRobin(all, undefined),
    new LeastRequest(all, P2C),
    new RandomChoice(all),
    new PeakEwma(all, 1_000),
  ])
    expect(counts(picker, all, 5)).toEqual([5]);
});
