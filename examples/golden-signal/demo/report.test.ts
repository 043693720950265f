import { describe, expect, test } from "bun:test";
import type { Leg } from "./legs.ts";
import { type Measured, reportOf, shortcomings } from "./report.ts";

const leg = (to: string): Leg => ({ from: "client", to, mtls: true, client: "spiffe://a", server: "spiffe://b" });
const latencyMs = { p50: 1, p95: 2, p99: 3 };

function measured(v1: number, v2: number, changes: Partial<Measured> = {}): Measured {
  return {
    load: {
      kind: "done",
      requests: v1 + v2,
      failed: 0,
      perSecond: 100,
      versions: { v1: { requests: v1, latencyMs }, v2: { requests: v2, latencyMs } },
    },
    legs: [leg("golden-signal-v1"), leg("golden-signal-v2")],
    plaintextRefused: true,
    ...changes,
  };
}

describe("the report is ok only if all held", () => {
  test("80/20 within three points", () => {
    expect(reportOf(measured(1_600, 400), 2_000)).toEqual({
      ok: true,
      requests: 2_000,
      failed: 0,
      split: { v1: 80, v2: 20 },
      legs: [leg("golden-signal-v1"), leg("golden-signal-v2")],
      latencyMs: { v1: latencyMs, v2: latencyMs },
      plaintextRefused: true,
    });
    expect(reportOf(measured(1_660, 340), 2_000).ok).toBe(true);
    expect(reportOf(measured(1_661, 339), 2_000).ok).toBe(false);
    expect(reportOf(measured(1_539, 461), 2_000).ok).toBe(false);
  });

  const cases: readonly (readonly [string, Measured])[] = [
    ["1 requests failed", measured(1_600, 399, { load: { ...measured(1_600, 399).load, requests: 2_000, failed: 1 } })],
    ["1999 requests were made, not 2000", measured(1_599, 400)],
    ["1 legs were seen, not 2", measured(1_600, 400, { legs: [leg("golden-signal-v1")] })],
    ["not proven to be mutual TLS", measured(1_600, 400, { legs: [leg("a"), { ...leg("b"), mtls: false }] })],
    ["was not refused", measured(1_600, 400, { plaintextRefused: false })],
  ];
  for (const [said, input] of cases) {
    test(said, () => {
      const report = reportOf(input, 2_000);
      expect(report.ok).toBe(false);
      expect(shortcomings(report, 2_000)).toEqual([expect.stringContaining(said)]);
    });
  }
});
