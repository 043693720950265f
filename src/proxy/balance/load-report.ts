// What a response says of the load of the host that gave it (ORCA; Envoy: Orca::parseOrcaLoadReportHeaders). An application that reports is
// trusted with its own share of the requests, and with nothing else: what is not read whole, is not read.

import { create, fromBinary, fromJsonString } from "@bufbuild/protobuf";
import { getHeader, type HeaderList } from "../../http/headers.ts";
import { type OrcaLoadReport, OrcaLoadReportSchema } from "../../xds/gen/xds/data/orca/v3/orca_load_report_pb.ts";

/** A report of a hundred metrics has some 3,000 characters. */
const MAX_LENGTH = 8_192;

/** Envoy takes hexadecimal numbers, too. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
/** With or without its padding, which gRPC leaves away. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Numbers that are metrics by themselves, by their names in a report. */
const SINGLE = {
  cpu_utilization: "cpuUtilization",
  mem_utilization: "memUtilization",
  application_utilization: "applicationUtilization",
  rps_fractional: "rpsFractional",
  eps: "eps",
} as const;

/** Maps of metrics, by what stands before the name. */
const NAMED = { named_metrics: "namedMetrics", utilization: "utilization", request_cost: "requestCost" } as const;

export function isSingle(name: string): name is keyof typeof SINGLE {
  return Object.hasOwn(SINGLE, name);
}

function isNamed(name: string): name is keyof typeof NAMED {
  return Object.hasOwn(NAMED, name);
}

/** In headers or trailers; undefined: there is none, or none that can be read. */
export function loadReportOf(headers: HeaderList): OrcaLoadReport | undefined {
  const binary = getHeader(headers, "endpoint-load-metrics-bin");
  const value = binary ?? getHeader(headers, "endpoint-load-metrics");
  if (value === undefined || value.length > MAX_LENGTH) return undefined;
  try {
    if (binary !== undefined) return decoded(binary);
    const form = value.slice(0, 5);
    if (form === "TEXT ") return parsed(value.slice(5));
    if (form === "JSON ") return fromJsonString(OrcaLoadReportSchema, value.slice(5));
    return value.startsWith("BIN ") ? decoded(value.slice(4)) : undefined;
  } catch {
    return undefined;
  }
}

function decoded(base64: string): OrcaLoadReport | undefined {
  if (!BASE64.test(base64)) return undefined;
  return fromBinary(OrcaLoadReportSchema, Buffer.from(base64, "base64"));
}

/** `cpu_utilization=0.3, named_metrics.queue=0.7`, or with colons. One metric that is not known, or is there twice, makes all of it void. */
function parsed(text: string): OrcaLoadReport | undefined {
  const report = create(OrcaLoadReportSchema);
  const seen = new Set<string>();
  for (const part of text.split(",")) {
    const metric = part.trim();
    if (metric === "") continue;
    const at = metric.search(/[=:]/);
    const name = metric.slice(0, at);
    const digits = metric.slice(at + 1).trim();
    const value = Number(digits);
    if (at < 1 || seen.has(name) || !DECIMAL.test(digits) || !Number.isFinite(value)) return undefined;
    if (!put(report, name, value)) return undefined;
    seen.add(name);
  }
  return report;
}

function put(report: OrcaLoadReport, name: string, value: number): boolean {
  if (isSingle(name)) {
    report[SINGLE[name]] = value;
    return true;
  }
  const dot = name.indexOf(".");
  const map = name.slice(0, dot);
  // Envoy reads no cost of a request in this form.
  if (dot < 0 || dot === name.length - 1 || !isNamed(map) || map === "request_cost") return false;
  report[NAMED[map]][name.slice(dot + 1)] = value;
  return true;
}

/** The largest of the metrics of these names (Envoy: Orca::getMaxUtilization), `named_metrics.*` being all of a map; 0 without. */
export function maxUtilization(report: OrcaLoadReport, names: readonly string[]): number {
  let max = 0;
  for (const name of names) max = Math.max(max, isSingle(name) ? report[SINGLE[name]] : maxNamed(report, name));
  return max;
}

function maxNamed(report: OrcaLoadReport, name: string): number {
  const dot = name.indexOf(".");
  const map = name.slice(0, dot);
  if (dot < 0 || !isNamed(map)) return 0;
  const metrics = report[NAMED[map]];
  const key = name.slice(dot + 1);
  if (key === "*") return Math.max(0, ...Object.values(metrics));
  return Object.hasOwn(metrics, key) ? metrics[key]! : 0;
}
