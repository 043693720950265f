// The past of one service, as columns for charts.

import { type Edge, edgesOf } from "../telemetry/edges.ts";
import { type HistoryRange, historyOf, timesOf } from "../telemetry/history.ts";
import { servicesOf } from "../telemetry/services.ts";
import type { History, HistorySeries } from "./api.ts";
import { completeUntil, smoothingMs } from "./rate-window.ts";
import { round } from "./signals-view.ts";
import type { Sources } from "./sources.ts";

const DEFAULT_SPAN_MS = 5 * 60_000;
const MAX_SPAN_MS = 24 * 3_600_000;
/** A chart has some hundred pixels across. */
const MAX_POINTS = 1_000;
const FINE_SPAN_MS = 3_600_000;
export interface HistoryQuery {
  /** Host of the service. */
  readonly service: string;
  /** How far back, in ms; five minutes when undefined. */
  readonly spanMs: number | undefined;
}

function rangeOf(
  { spanMs = DEFAULT_SPAN_MS }: HistoryQuery,
  nowMs: number,
  intervalMs: number | undefined,
): HistoryRange {
  const toMs = completeUntil(nowMs, intervalMs);
  const span = Math.min(MAX_SPAN_MS, Math.max(1_000, spanMs));
  // Beyond an hour only every 15 s is kept.
  const unit = span > FINE_SPAN_MS ? 15_000 : 1_000;
  const stepMs = Math.max(unit, Math.ceil(span / MAX_POINTS / unit) * unit);
  const lastMs = Math.floor(toMs / stepMs) * stepMs;
  return {
    fromMs: lastMs - Math.floor(span / stepMs) * stepMs,
    toMs: lastMs,
    stepMs,
    windowMs: smoothingMs(stepMs, intervalMs),
  };
}

function seriesOf(version: string, edges: readonly Edge[], range: HistoryRange): HistorySeries {
  const points = historyOf(edges, range).map(({ signals }) => signals);
  const latency = (name: "p50" | "p95" | "p99") =>
    points.map(({ latencyMs }) => (latencyMs ? round(latencyMs[name]) : null));
  return {
    version,
    requestRate: points.map(({ requestRate }) => round(requestRate)),
    failureRate: points.map(({ failureRate }) => round(failureRate)),
    p50: latency("p50"),
    p95: latency("p95"),
    p99: latency("p99"),
    inFlight: points.map(({ inFlight }) => round(inFlight)),
  };
}

/** The golden signals of a service and its versions over the last `spanMs`; no series when it was not called. */
export function historyView({ telemetry, now }: Sources, query: HistoryQuery): History {
  const range = rangeOf(query, now(), telemetry.intervalMs);
  const window = { fromMs: range.fromMs - range.windowMs, toMs: range.toMs };
  const records = telemetry.records().filter(({ identity }) => identity.service.host === query.service);
  const [traffic] = servicesOf(edgesOf(records, window), window);
  const series = traffic
    ? [
        seriesOf("", traffic.edges, range),
        ...traffic.versions.map(({ workload, edges }) => seriesOf(workload.version, edges, range)),
      ]
    : [];
  return { service: query.service, stepMs: range.stepMs, at: timesOf(range), series };
}
