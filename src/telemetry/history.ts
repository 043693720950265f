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

/** The times of the points. */
export function timesOf({ fromMs, toMs, stepMs }: HistoryRange): number[] {
  return Array.from({ length: Math.floor((toMs - fromMs) / stepMs) + 1 }, (_, index) => fromMs + index * stepMs);
}

/** Signals of the edges at each step. `edges` are those of the whole range, so that a point with no traffic is a zero and no gap. */
export function historyOf(edges: readonly Edge[], range: HistoryRange): HistoryPoint[] {
  return timesOf(range).map((atMs) => ({
    atMs,
    signals: edgeSignals(edges, { fromMs: atMs - range.windowMs, toMs: atMs }),
  }));
}
