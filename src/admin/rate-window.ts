// Which seconds a rate is over: long enough to be steady, late enough to be whole.

import type { Window } from "../telemetry/signals.ts";

/** The interval of a laptop's scrapes. */
const DEFAULT_INTERVAL_MS = 1_000;

/** Long enough for a p99 at some hundred requests a second, short enough to see a change of weights within seconds. */
const STATE_WINDOW_MS = 10_000;

/** Rates of single seconds flicker in a chart; five are steady and still follow a change. */
const SMOOTHING_MS = 5_000;

/** Scrapes that a window must span: with fewer, one that comes late shows as a dip. */
const SCRAPES = 4;

/** The last full second that every proxy was scraped after: what is newer is still coming in. */
export function completeUntil(nowMs: number, intervalMs = DEFAULT_INTERVAL_MS): number {
  return Math.floor((nowMs - intervalMs) / 1_000) * 1_000;
}

/** The window of the figures that are shown as now. */
export function rateWindow(nowMs: number, intervalMs = DEFAULT_INTERVAL_MS): Window {
  const toMs = completeUntil(nowMs, intervalMs);
  return { fromMs: toMs - Math.max(STATE_WINDOW_MS, SCRAPES * intervalMs), toMs };
}

/** As far back as traffic is known by the second: who calls once in minutes is in it. */
const CALLERS_WINDOW_MS = 3_600_000;

/** The window of who called whom. Its last seconds need not be whole. */
export function callersWindow(nowMs: number): Window {
  return { fromMs: nowMs - CALLERS_WINDOW_MS, toMs: nowMs };
}

/** How long before each point of a chart its figures are over. */
export function smoothingMs(stepMs: number, intervalMs = DEFAULT_INTERVAL_MS): number {
  return Math.max(SMOOTHING_MS, SCRAPES * intervalMs, stepMs);
}
