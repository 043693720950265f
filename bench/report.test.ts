import { expect, test } from "bun:test";
import { figure } from "./figure.ts";
import { findVersion } from "./machine.ts";
import { formatReport, type Report } from "./report.ts";
import { type Result, ratiosOf, roundedResult } from "./result.ts";
import { judgeRatios, verdict } from "./target.ts";

const HEDDLE: Result = {
  name: "heddle",
  cpuUs: 27.1234,
  userUs: 20.1,
  systemUs: 7.0234,
  rps: 36_543.21,
  p50Us: 1_700,
  p99Us: 2_500,
  residentBytes: 60_000_001,
  privateBytes: 30_000_000,
  errors: 0,
  readyMs: 150,
  idlePrivateBytes: 15_000_000,
  oneConnection: { cpuUs: 90, rps: 6_000, p50Us: 150, p99Us: 300 },
};
const ENVOY: Result = {
  ...HEDDLE,
  name: "envoy-h2",
  cpuUs: 54.2468,
  rps: 18_271.605,
  p99Us: 5_000,
  oneConnection: { cpuUs: 200, rps: 3_000, p50Us: 300, p99Us: 600 },
};
const REPORT: Report = {
  case: "mesh",
  machine: {
    cpu: "some processor",
    cores: 2,
    memoryBytes: 1e9,
    kernel: "6.1",
    date: "2026-01-01T00:00:00.000Z",
    noise: { noisy: true, takenByOthers: 0.31, speedSpread: 1.2 },
  },
  versions: { heddle: "0.1.0", envoy: "1.40.0" },
  results: [HEDDLE, ENVOY],
  ratios: ratiosOf([HEDDLE, ENVOY]),
  verdicts: [],
};

test("the first peer is divided by each other", () => {
  expect(REPORT.ratios).toEqual({ "heddle/envoy-h2": { cpu: 0.5, rps: 2, p50: 1, p99: 0.5, p50OneConnection: 0.5 } });
});

test("a peer with errors has no ratio, and Heddle with errors has none at all", () => {
  expect(ratiosOf([HEDDLE, { ...ENVOY, errors: 1 }])).toEqual({});
  expect(ratiosOf([{ ...HEDDLE, errors: 1 }, ENVOY])).toEqual({});
});

test("figures are rounded to what is known; bytes and errors are counts", () => {
  const { cpuUs, rps, residentBytes, oneConnection } = roundedResult({ ...HEDDLE, errors: 1_234 });
  expect({ cpuUs, rps, residentBytes }).toEqual({ cpuUs: 27.1, rps: 36_500, residentBytes: 60_000_001 });
  expect(oneConnection?.p50Us).toBe(150);
  expect(roundedResult({ ...HEDDLE, errors: 1_234 }).errors).toBe(1_234);
});

test("the table has a row for each peer, in columns, with what disturbed it", () => {
  const lines = formatReport(REPORT, "one request").split("\n");
  expect(lines[2]).toStartWith("noisy machine: others had up to 31 % of a core");
  const heading = lines.findIndex((line) => line.includes("CPU µs"));
  const rows = lines.slice(heading, heading + 3);
  expect(new Set(rows.map((row) => row.length)).size).toBe(1);
  expect(rows[1]).toMatch(/^heddle +27\.1 +20\.1 +7\.0 +36,543 /);
  expect(lines[heading + 4]).toBe("heddle/envoy-h2: CPU 0.5, requests/s 2, p50 1, p99 0.5, p50 at 1 connection 0.5");
});

test("errors are said below the table", () => {
  const failed = { ...REPORT, results: [HEDDLE, { ...ENVOY, errors: 3 }] };
  expect(formatReport(failed, "one request")).toContain("\nenvoy-h2: 3 errors: this is no result\n");
});

test("a case without one connection or idle memory has no such columns", () => {
  const { oneConnection, idlePrivateBytes, ...plain } = HEDDLE;
  const text = formatReport({ ...REPORT, results: [plain], ratios: {} }, "one request");
  expect(oneConnection && idlePrivateBytes).toBeTruthy();
  expect(text).not.toContain("at 1");
  expect(text).not.toContain("idle");
});

test("versions are found in what the programs print", () => {
  expect(findVersion("nginx version: nginx/1.22.1\n")).toBe("1.22.1");
  expect(findVersion("envoy  version: ae1b4d0c2d3e4f5061728394a5b6c7d8e9f00112/1.40.0/Clean/RELEASE")).toBe("1.40.0");
  expect(findVersion("wrk debian/4.1.0-3 [epoll]")).toBe("4.1.0-3");
  expect(findVersion("nothing")).toBe("unknown");
});

test("a constant rate has its columns and its ratio", () => {
  const rated = [HEDDLE, ENVOY].map((result, i) => ({
    ...result,
    atRate: { rps: 7_000, p50Us: 500, p99Us: 1_000 * (i + 1) },
  }));
  const ratios = ratiosOf(rated);
  expect(ratios["heddle/envoy-h2"]?.p99AtRate).toBe(0.5);
  const text = formatReport({ ...REPORT, results: rated, ratios }, "one request");
  expect(text).toContain("at requests/s");
  expect(text).toContain("p99 at a constant rate 0.5");
});

test("figures are a table of subjects by values, and verdicts follow it", () => {
  const figures = [
    figure("heddle", "resident", 87.123456, "MB"),
    figure("heddle", "ready", 3, ""),
    figure("envoy", "resident", 152, "MB"),
  ];
  const verdicts = [
    verdict("resident, heddle/envoy", 0.57, "", 1),
    verdict("one host", 92, "ms", 20),
    verdict("none", Number.NaN, "", 1),
  ];
  const { results, ratios, ...common } = REPORT;
  expect(results && ratios).toBeTruthy();
  const lines = formatReport({ ...common, figures, verdicts }, "memory").split("\n");
  expect(lines.slice(4)).toEqual([
    "        resident MB  ready",
    "heddle        87.12      3",
    "envoy           152      -",
    "",
    "reached  resident, heddle/envoy: 0.57, to reach: at most 1",
    "missed   one host: 92 ms, to reach: at most 20 ms",
    "missed   none: NaN, to reach: at most 1",
  ]);
});

test("targets are judged by the ratios that there are", () => {
  const ratios = ratiosOf([HEDDLE, ENVOY]);
  const targets = [
    { peer: "envoy-h2", of: "cpu", atMost: 0.5 },
    { peer: "envoy-h2", of: "p99AtRate", atMost: 1 },
    { peer: "haproxy", of: "cpu", atMost: 2 },
  ] as const;
  expect(judgeRatios("heddle", ratios, targets)).toEqual([
    { what: "CPU a request, heddle/envoy-h2", value: 0.5, unit: "", atMost: 0.5 },
  ]);
});
