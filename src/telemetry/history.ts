// The golden signals over time, for charts.

import { type Edge, edgeSignals } from "./edges.ts";
import type { Signals } from "./signals.ts";

export interface HistoryRange {
  /** Time of the first and of the last point, in ms. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  /** Every point is over this long before it: longer is smoother. */
  readonly windowMs: number;
}

export interface HistoryPoint {
  readonly atMs: number;
  readonly signals: Signals;
}

/** A chart has some hundred pixels; a request for more points is refused by the caller's bounds. */
export const MAX_POINTS = 1_000;

/** Signals of the edges at each step. `edges` are those of the whole range, so that a point with no traffic is a zero and no gap. */
export function historyOf(edges: readonly Edge[], { fromMs, toMs, stepMs, windowMs }: HistoryRange): HistoryPoint[] {
  const points: HistoryPoint[] = [];
  for (let atMs = fromMs; atMs <= toMs && points.length < MAX_POINTS; atMs += stepMs) {
    points.push({ atMs, signals: edgeSignals(edges, { fromMs: atMs - windowMs, toMs: atMs }) });
  }
  return points;
}
