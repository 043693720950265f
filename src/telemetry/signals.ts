// The golden signals of a set of edge records over a window: traffic, errors, latency, and how many requests were in flight.

import { type Buckets, quantile } from "./quantile.ts";
import type { EdgeRecord, Outcome } from "./traffic-store.ts";

/** [fromMs, toMs) */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly mean: number;
}

/** Rates are per second over the window. */
export interface Signals {
  readonly requests: number;
  readonly requestRate: number;
  /** Share of requests that did not fail, 0 to 1; undefined without requests. */
  readonly successRate: number | undefined;
  readonly failureRate: number;
  /** Answers with 4xx: the client's doing, so not failures, but worth a look. */
  readonly clientErrorRate: number;
  readonly latencyMs: Latency | undefined;
  /** Mean number of requests in flight, by Little's law: rate × mean duration. */
  readonly inFlight: number;
  readonly requestBytesRate: number;
  readonly responseBytesRate: number;
  readonly connectionRate: number;
  readonly sentBytesRate: number;
  readonly receivedBytesRate: number;
}

/** gRPC codes that are the server's fault (unknown, deadline exceeded, internal, unavailable, data loss), as Linkerd counts them. */
const GRPC_FAILURES: ReadonlySet<string> = new Set(["2", "4", "13", "14", "15"]);

/** No response at all, 5xx, or a gRPC status that is the server's fault. */
export function isFailure({ code, grpcStatus }: Pick<Outcome, "code" | "grpcStatus">): boolean {
  return code === 0 || code >= 500 || GRPC_FAILURES.has(grpcStatus);
}

function isClientError({ code }: Pick<Outcome, "code">): boolean {
  return code >= 400 && code < 500;
}

export function seconds({ fromMs, toMs }: Window): number {
  return Math.max(1, toMs - fromMs) / 1_000;
}

/** Durations of all records together, by bound. */
function durations(records: readonly EdgeRecord[], { fromMs, toMs }: Window): Buckets {
  const buckets = new Map<number, number>();
  for (const record of records) {
    for (const [bound, increments] of record.durations) {
      buckets.set(bound, (buckets.get(bound) ?? 0) + increments.sum(fromMs, toMs));
    }
  }
  return buckets;
}

function latency(records: readonly EdgeRecord[], window: Window): Latency | undefined {
  const buckets = durations(records, window);
  const p50 = quantile(0.5, buckets);
  if (p50 === undefined) return undefined;
  const count = [...buckets.values()].reduce((sum, n) => sum + n, 0);
  const total = records.reduce((sum, record) => sum + record.durationSumMs.sum(window.fromMs, window.toMs), 0);
  return { p50, p95: quantile(0.95, buckets) ?? p50, p99: quantile(0.99, buckets) ?? p50, mean: total / count };
}

/** An outcome with its number of requests in a window. */
export interface OutcomeCount extends Pick<Outcome, "code" | "grpcStatus" | "flags"> {
  readonly requests: number;
}

/** The outcomes of the records in a window, most frequent first. */
export function outcomeCounts(records: readonly EdgeRecord[], { fromMs, toMs }: Window): OutcomeCount[] {
  const counts = new Map<string, OutcomeCount>();
  for (const record of records) {
    for (const [key, { code, grpcStatus, flags, requests }] of record.outcomes) {
      const before = counts.get(key)?.requests ?? 0;
      counts.set(key, { code, grpcStatus, flags, requests: before + requests.sum(fromMs, toMs) });
    }
  }
  return [...counts.values()].filter(({ requests }) => requests > 0).sort((a, b) => b.requests - a.requests);
}

/**
 * The signals of `records` in `window`. `unreached` are outcomes of requests that never got to these records' reporter (the client's
 * proxy had no endpoint for them): counted as traffic and errors, without latency of the server's.
 */
export function signalsOf(
  records: readonly EdgeRecord[],
  window: Window,
  unreached: readonly OutcomeCount[] = [],
): Signals {
  const { fromMs, toMs } = window;
  const span = seconds(window);
  const outcomes = [...outcomeCounts(records, window), ...unreached];
  const count = (matches: (outcome: OutcomeCount) => boolean) =>
    outcomes.reduce((sum, outcome) => (matches(outcome) ? sum + outcome.requests : sum), 0);
  const rate = (of: (record: EdgeRecord) => { sum(fromMs: number, toMs: number): number }) =>
    records.reduce((sum, record) => sum + of(record).sum(fromMs, toMs), 0) / span;
  const requests = count(() => true);
  const failures = count(isFailure);
  return {
    requests,
    requestRate: requests / span,
    successRate: requests > 0 ? 1 - failures / requests : undefined,
    failureRate: failures / span,
    clientErrorRate: count(isClientError) / span,
    latencyMs: latency(records, window),
    inFlight: rate((record) => record.durationSumMs) / 1_000,
    requestBytesRate: rate((record) => record.requestBytes),
    responseBytesRate: rate((record) => record.responseBytes),
    connectionRate: rate((record) => record.connectionsOpened),
    sentBytesRate: rate((record) => record.bytesSent),
    receivedBytesRate: rate((record) => record.bytesReceived),
  };
}
