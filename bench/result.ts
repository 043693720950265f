// What load on one peer gave, and what two peers are to each other.

import type { Measurement } from "./measurement.ts";
import { rounded } from "./statistics.ts";

export interface Result extends Measurement {
  readonly name: string;
  /** Under load; of the largest process of the peer. */
  readonly residentBytes: number;
  /** The same without the pages that other processes of the program share. */
  readonly privateBytes: number;
  /** From the start of a proxy until /ready says LIVE. */
  readonly readyMs: number;
  /** Before the first request. */
  readonly idlePrivateBytes?: number;
  readonly oneConnection?: {
    readonly cpuUs: number;
    readonly rps: number;
    readonly p50Us: number;
    readonly p99Us: number;
  };
  /** At a rate that does not wait for answers. */
  readonly atRate?: {
    readonly rps: number;
    readonly p50Us: number;
    readonly p99Us: number;
  };
}

export interface Ratio {
  readonly cpu: number;
  readonly rps: number;
  readonly p50: number;
  readonly p99: number;
  /** Median latency over one connection. */
  readonly p50OneConnection?: number;
  /** At the constant rate. */
  readonly p99AtRate?: number;
}

function ratio(a: Result, b: Result): Ratio {
  const one =
    a.oneConnection && b.oneConnection
      ? { p50OneConnection: rounded(a.oneConnection.p50Us / b.oneConnection.p50Us) }
      : {};
  const rate = a.atRate && b.atRate ? { p99AtRate: rounded(a.atRate.p99Us / b.atRate.p99Us) } : {};
  return {
    cpu: rounded(a.cpuUs / b.cpuUs),
    rps: rounded(a.rps / b.rps),
    p50: rounded(a.p50Us / b.p50Us),
    p99: rounded(a.p99Us / b.p99Us),
    ...one,
    ...rate,
  };
}

export function ratiosOf(results: readonly Result[]): Record<string, Ratio> {
  const [first, ...others] = results;
  if (!first || first.errors > 0) return {};
  const sound = others.filter(({ errors }) => errors === 0);
  return Object.fromEntries(sound.map((other) => [`${first.name}/${other.name}`, ratio(first, other)]));
}

/** Every figure to three digits. */
export function roundedResult(result: Result): Result {
  return JSON.parse(
    JSON.stringify(result, (key, value) =>
      typeof value === "number" && !key.endsWith("Bytes") && key !== "errors" ? rounded(value) : value,
    ),
  );
}
