// The past of one service, as columns for charts.

import { type Edge, edgesOf } from "../telemetry/edges.ts";
import { type HistoryRange, historyOf, timesOf } from "../telemetry/history.ts";
import { servicesOf } from "../telemetry/services.ts";
import type { Signals } from "../telemetry/signals.ts";
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

/** `sinceMs`: before it nobody looked, and a zero would say that nothing happened. */
function seriesOf(version: string, edges: readonly Edge[], range: HistoryRange, sinceMs: number): HistorySeries {
  const points = historyOf(edges, range);
  const column = (figure: (signals: Signals) => number | undefined) =>
    points.map(({ atMs, signals }) => {
      const value = atMs < sinceMs ? undefined : figure(signals);
      return value === undefined ? null : round(value);
    });
  return {
    version,
    requestRate: column(({ requestRate }) => requestRate),
    failureRate: column(({ failureRate }) => failureRate),
    p50: column(({ latencyMs }) => latencyMs?.p50),
    p95: column(({ latencyMs }) => latencyMs?.p95),
    p99: column(({ latencyMs }) => latencyMs?.p99),
    inFlight: column(({ inFlight }) => inFlight),
  };
}

/** The golden signals of a service and its versions over the last `spanMs`; no series when it was not called. */
export function historyView({ telemetry, control, now }: Sources, query: HistoryQuery): History {
  const range = rangeOf(query, now(), telemetry.intervalMs);
  const window = { fromMs: range.fromMs - range.windowMs, toMs: range.toMs };
  const records = telemetry.records().filter(({ identity }) => identity.service.host === query.service);
  const [traffic] = servicesOf(edgesOf(records, window), window);
  const sinceMs = control.mesh().startedAtMs;
  const series = traffic
    ? [
        seriesOf("", traffic.edges, range, sinceMs),
        ...traffic.versions.map(({ workload, edges }) => seriesOf(workload.version, edges, range, sinceMs)),
      ]
    : [];
  return { service: query.service, stepMs: range.stepMs, at: timesOf(range), series };
}
