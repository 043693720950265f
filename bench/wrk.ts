// wrk as the load generator of the HTTP cases, and what it prints.

import type { Lab } from "./lab.ts";
import type { LoadResult } from "./measurement.ts";

const UNIT_US: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6, m: 60e6 };

function microseconds(text: string | undefined): number | undefined {
  const [, value, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? "") ?? [];
  const factor = UNIT_US[unit ?? ""];
  return value === undefined || factor === undefined ? undefined : Number(value) * factor;
}

/** The output of `wrk --latency`; undefined when it is none, as when wrk could not connect. */
export function parseWrk(output: string): LoadResult | undefined {
  const [, requests, duration] = /^\s*(\d+) requests in ([\d.]+\w+),/m.exec(output) ?? [];
  const seconds = microseconds(duration);
  const p50Us = microseconds(/^\s*50%\s+(\S+)/m.exec(output)?.[1]);
  const p99Us = microseconds(/^\s*99%\s+(\S+)/m.exec(output)?.[1]);
  if (requests === undefined || !seconds || p50Us === undefined || p99Us === undefined) return undefined;
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? [];
  const statuses = /Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? "0";
  const errors = [...sockets, statuses].reduce((sum, count) => sum + Number(count), 0);
  return { requests: Number(requests), seconds: seconds / 1e6, p50Us, p99Us, errors };
}

export interface WrkOptions {
  /** File of a Lua script. */
  readonly script?: string;
  /** One, on the client's core, unless there are more: then on both. */
  readonly threads?: number;
}

/** Whole seconds only: wrk takes no others. */
export async function runWrk(
  lab: Lab,
  url: string,
  connections: number,
  seconds: number,
  { script, threads = 1 }: WrkOptions = {},
): Promise<LoadResult> {
  const wrk = lab.program("wrk");
  const command = [wrk, `-t${threads}`, `-c${connections}`, `-d${seconds}s`, "--latency"];
  const output = await lab.output(
    [...command, ...(script === undefined ? [] : ["-s", script]), url],
    threads > 1 ? "both" : "client",
  );
  const result = parseWrk(output);
  if (!result) throw new Error(`wrk printed no result: ${output.trim()}`);
  return result;
}
