// What is measured, and how a peer is measured: its CPU time between two readings, over the requests that a load generator counted.

import type { CpuTime } from "./proc.ts";
import { median } from "./statistics.ts";

/** What a load generator saw. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly errors: number;
}

/** One run of one peer. CPU is that of all its proxies together, in µs a request. */
export interface Measurement {
  readonly cpuUs: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly rps: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly errors: number;
}

export function measurementOf(load: LoadResult, cpu: CpuTime): Measurement {
  const userUs = (cpu.userSeconds * 1e6) / load.requests;
  const systemUs = (cpu.systemSeconds * 1e6) / load.requests;
  const { p50Us, p99Us, errors } = load;
  return { cpuUs: userUs + systemUs, userUs, systemUs, rps: load.requests / load.seconds, p50Us, p99Us, errors };
}

/** The median of each figure over the rounds; errors are added up, since one is enough to void the result. */
export function combine(rounds: readonly Measurement[]): Measurement {
  const of = (key: keyof Measurement) => median(rounds.map((round) => round[key]));
  return {
    cpuUs: of("cpuUs"),
    userUs: of("userUs"),
    systemUs: of("systemUs"),
    rps: of("rps"),
    p50Us: of("p50Us"),
    p99Us: of("p99Us"),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
  };
}
