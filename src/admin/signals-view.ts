// Golden signals as JSON: rounded, because a dashboard redraws what changes.

import type { TargetStatus } from "../telemetry/scrape.ts";
import { type Signals as Measured, seconds, type Window } from "../telemetry/signals.ts";
import type { Saturation, Signals } from "./api.ts";

/** Four significant digits: more than a chart shows. */
export function round(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(4));
}

/** A share keeps five decimals: 99.999 % and 100 % are different promises. */
export function share(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 1e5) / 1e5;
}

export function signalsView(measured: Measured): Signals {
  const { latencyMs } = measured;
  return {
    requestRate: round(measured.requestRate),
    successRate: share(measured.successRate),
    failureRate: round(measured.failureRate),
    clientErrorRate: round(measured.clientErrorRate),
    latencyMs: latencyMs
      ? { p50: round(latencyMs.p50), p95: round(latencyMs.p95), p99: round(latencyMs.p99), mean: round(latencyMs.mean) }
      : null,
    inFlight: round(measured.inFlight),
    requestBytesRate: round(measured.requestBytesRate),
    responseBytesRate: round(measured.responseBytesRate),
    connectionRate: round(measured.connectionRate),
    sentBytesRate: round(measured.sentBytesRate),
    receivedBytesRate: round(measured.receivedBytesRate),
  };
}

function known(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function sum(values: readonly number[]): number | null {
  return values.length === 0 ? null : round(values.reduce((total, value) => total + value, 0));
}

/** What some proxies use together. CPU is over the window, the rest as last scraped; a proxy that is down says nothing. */
export function saturationView(targets: readonly TargetStatus[], window: Window): Saturation {
  const up = targets.filter(({ health }) => health === "up").map(({ process }) => process);
  const lags = known(up.map(({ eventLoopLagMs }) => eventLoopLagMs));
  const cores = up.map(({ cpuSeconds }) => cpuSeconds.sum(window.fromMs, window.toMs) / seconds(window));
  return {
    proxyCpuCores: cores.some((used) => used > 0) ? sum(cores) : null,
    proxyMemoryBytes: sum(known(up.map(({ residentBytes }) => residentBytes))),
    connections: sum(known(up.map(({ connections }) => connections))),
    eventLoopLagMs: lags.length === 0 ? null : round(Math.max(...lags)),
  };
}
