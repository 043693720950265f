// What reports of load are worth: when they count, what hosts without one have, and that a hostile one costs nothing.

import { describe, expect, test } from "bun:test";
import type { ByReportedLoad } from "../../table/balancing.ts";
import { hosts } from "./candidate-fixture.ts";
import { loadReportOf } from "./load-report.ts";
import { ReportedLoad } from "./reported-load.ts";
import { ReportedWeights } from "./reported-weights.ts";

const POLICY: ByReportedLoad = {
  blackoutMs: 100,
  expirationMs: 1_000,
  updateMs: 100,
  errorPenalty: 0,
  metricNames: [],
  slowStart: undefined,
};
const report = (weight: number) => ["endpoint-load-metrics", `TEXT rps_fractional=${weight},cpu_utilization=1`];

describe("a host's reports", () => {
  test("count after the blackout period, which begins anew when they have expired", () => {
    const load = new ReportedLoad(POLICY);
    expect(load.weightAt(0)).toBeUndefined();
    load.observe(report(7), 10);
    expect(load.weightAt(109)).toBeUndefined();
    load.observe(report(8), 109);
    expect(load.weightAt(110)).toBe(8);
    expect(load.weightAt(1_109)).toBe(8);
    expect(load.weightAt(1_110)).toBeUndefined();
    load.observe(report(9), 1_120);
    expect(load.weightAt(1_121)).toBeUndefined();
    expect(load.weightAt(1_220)).toBe(9);
  });

  test("without a weight change nothing", () => {
    const load = new ReportedLoad({ ...POLICY, blackoutMs: 0 });
    expect(load.observe(["content-type", "text/plain"], 0)).toBeFalse();
    load.observe(report(7), 0);
    expect(load.observe(["endpoint-load-metrics", "TEXT cpu_utilization=1"], 900)).toBeTrue();
    expect(load.weightAt(1_000)).toBe(7);
    expect(load.weightAt(1_001)).toBeUndefined();
  });

  test("come to no more than 32 bits", () => {
    const load = new ReportedLoad({ ...POLICY, blackoutMs: 0 });
    load.observe(["endpoint-load-metrics", "TEXT rps_fractional=1e300,cpu_utilization=1e-300"], 0);
    expect(load.weightAt(0)).toBe(2 ** 32 - 1);
  });
});

describe("the weights of a priority", () => {
  const weightsAfter = (...reported: readonly (number | undefined)[]) => {
    const all = hosts(reported.length);
    const weights = new ReportedWeights(all, { ...POLICY, blackoutMs: 0 });
    for (const [i, weight] of reported.entries()) if (weight !== undefined) all[i]!.load!.observe(report(weight), 0);
    return [...weights.at(0).values()];
  };

  test("are the median's for who says nothing", () => {
    expect(weightsAfter(undefined, undefined)).toEqual([1, 1]);
    expect(weightsAfter(10, undefined, 2, 30)).toEqual([10, 10, 2, 30]);
    expect(weightsAfter(10, 30, undefined, 3, 5)).toEqual([10, 30, 7, 3, 5]);
  });

  test("are reckoned once a period, and the same map while none changes", () => {
    const all = hosts(2);
    const weights = new ReportedWeights(all, { ...POLICY, blackoutMs: 0 });
    const before = weights.at(0);
    all[0]!.load!.observe(report(5), 10);
    expect(weights.at(99)).toBe(before);
    const after = weights.at(100);
    expect([...after.values()]).toEqual([5, 5]);
    expect(weights.at(300)).toBe(after);
  });
});

describe("hostile reports", () => {
  test("that are long are not read", () => {
    const many = Array.from({ length: 2_000 }, (_, i) => `named_metrics.m${i}=1`).join(",");
    expect(loadReportOf(["endpoint-load-metrics", `TEXT ${many}`])).toBeUndefined();
    expect(loadReportOf(["endpoint-load-metrics-bin", "A".repeat(8_193)])).toBeUndefined();
  });

  test("with names of an object's own members are metrics like others", () => {
    const named = loadReportOf(["endpoint-load-metrics", "TEXT named_metrics.constructor=2,utilization.toString=3"]);
    expect(named?.namedMetrics.constructor as unknown).toBe(2);
    expect(loadReportOf(["endpoint-load-metrics", "TEXT constructor=1"])).toBeUndefined();
    expect(loadReportOf(["endpoint-load-metrics", "TEXT named_metrics.__proto__=1"])?.cpuUtilization).toBe(0);
  });

  for (const value of ["JSON [", 'JSON {"rps":{}}', "JSON null", "BIN ", "BIN AAA", "TEXT =1", "TEXT a", "TEXT", ""])
    test(`${JSON.stringify(value)} is none`, () => {
      expect(loadReportOf(["endpoint-load-metrics", value])).toBeUndefined();
    });
});
