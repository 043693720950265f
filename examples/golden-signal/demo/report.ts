// What `--once` measured, and whether it is what the documents ask for.

import type { Style } from "../../../src/cli/terminal.ts";
import type { LoadReport } from "../client.ts";
import type { Percentiles } from "../latencies.ts";
import type { Leg } from "./legs.ts";

/** The weights of virtualservice.yaml. */
const WEIGHTS = { v1: 80, v2: 20 } as const;
/** Points. Of 2,000 requests at 80/20 the standard deviation is 0.9: three points are missed once in a thousand runs. */
const TOLERANCE = 3;

export interface Report {
  readonly ok: boolean;
  readonly requests: number;
  readonly failed: number;
  /** Percent of the answers. */
  readonly split: { readonly v1: number; readonly v2: number };
  readonly legs: readonly Leg[];
  readonly latencyMs: { readonly v1: Percentiles; readonly v2: Percentiles };
  readonly plaintextRefused: boolean;
}

export interface Measured {
  readonly load: LoadReport;
  readonly legs: readonly Leg[];
  readonly plaintextRefused: boolean;
}

const NOTHING: Percentiles = { p50: 0, p95: 0, p99: 0 };

/** What does not hold, in words; empty when all does. `wanted` is the number of requests that were to be made. */
export function shortcomings(report: Omit<Report, "ok">, wanted: number): readonly string[] {
  const { requests, failed, split, legs } = report;
  const called = new Set(legs.map(({ to }) => to));
  return [
    ...(requests === wanted ? [] : [`${requests} requests were made, not ${wanted}`]),
    ...(failed === 0 ? [] : [`${failed} requests failed`]),
    ...(Math.abs(split.v1 - WEIGHTS.v1) <= TOLERANCE && Math.abs(split.v2 - WEIGHTS.v2) <= TOLERANCE
      ? []
      : [`the split is ${split.v1}/${split.v2}, more than ${TOLERANCE} points from ${WEIGHTS.v1}/${WEIGHTS.v2}`]),
    ...(called.size === 2 ? [] : [`${called.size} legs were seen, not 2`]),
    ...legs.filter(({ mtls }) => !mtls).map(({ from, to }) => `the leg ${from} → ${to} is not proven to be mutual TLS`),
    ...(report.plaintextRefused ? [] : ["a plaintext request to the mesh or inbound ports was not refused"]),
  ];
}

export function reportOf({ load, legs, plaintextRefused }: Measured, wanted: number): Report {
  const answered = Object.values(load.versions).reduce((sum, { requests }) => sum + requests, 0);
  const percent = (version: string): number =>
    answered === 0 ? 0 : Math.round(((load.versions[version]?.requests ?? 0) / answered) * 10_000) / 100;
  const latency = (version: string): Percentiles => load.versions[version]?.latencyMs ?? NOTHING;
  const measured = {
    requests: load.requests,
    failed: load.failed,
    split: { v1: percent("v1"), v2: percent("v2") },
    legs,
    latencyMs: { v1: latency("v1"), v2: latency("v2") },
    plaintextRefused,
  };
  return { ok: shortcomings(measured, wanted).length === 0, ...measured };
}

/** For people. */
export function reportText(report: Report, wanted: number, style: Style): string {
  const { requests, failed, split, legs, latencyMs } = report;
  const mark = (good: boolean): string => (good ? style.green("√") : style.red("×"));
  const latency = ({ p50, p95, p99 }: Percentiles): string => `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms`;
  const wrong = shortcomings(report, wanted);
  return [
    `${mark(failed === 0)} ${requests} requests, ${failed} failed`,
    `${mark(!wrong.some((text) => text.startsWith("the split")))} split v1 ${split.v1} %, v2 ${split.v2} %`,
    `  v1 ${latency(latencyMs.v1)}`,
    `  v2 ${latency(latencyMs.v2)}`,
    ...legs.map(({ from, to, mtls, client, server }) => `${mark(mtls)} ${from} → ${to}: ${client} → ${server}`),
    `${mark(report.plaintextRefused)} plaintext to the mesh and inbound ports is refused`,
    ...(wrong.length === 0 ? [style.green("all held")] : wrong.map((text) => style.red(text))),
  ].join("\n");
}
