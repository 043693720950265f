import { expect, test } from "bun:test";
import fc from "fast-check";
import { Latencies } from "./latencies.ts";

function exact(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1]!;
}

test("percentiles are right to 2 %, however the latencies are spread", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.05, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (values) => {
        const latencies = new Latencies();
        for (const ms of values) latencies.add(ms);
        const { p50, p95, p99 } = latencies.percentiles();
        for (const [found, share] of [
          [p50, 0.5],
          [p95, 0.95],
          [p99, 0.99],
        ] as const) {
          const wanted = exact(values, share);
          expect(Math.abs(found - wanted)).toBeLessThanOrEqual(wanted * 0.02 + 0.01);
        }
      },
    ),
  );
});

test("merged latencies are those of both", () => {
  const a = new Latencies();
  const b = new Latencies();
  for (let i = 0; i < 90; i++) a.add(1);
  for (let i = 0; i < 10; i++) b.add(100);
  a.merge(b);
  expect(a.count).toBe(100);
  expect(a.percentiles().p50).toBeCloseTo(1, 1);
  expect(a.percentiles().p95).toBeGreaterThan(98);
});

test("without a request there is no latency", () => {
  expect(new Latencies().percentiles()).toEqual({ p50: 0, p95: 0, p99: 0 });
});
