// h2load as the load generator of HTTP/2: what it prints, and the log that it writes of every request.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import type { LoadResult } from "./measurement.ts";
import { percentile } from "./statistics.ts";

export interface H2Load {
  readonly url: string;
  readonly connections: number;
  /** Requests under way on each of them. */
  readonly streams: number;
  /** File that is the body of each request. */
  readonly body: string;
  readonly headers: readonly string[];
}

/** Of every request: start in µs since the epoch, status (-1: none), µs until the response ended. */
export function parseLog(text: string): number[] {
  return text.split("\n").flatMap((line) => {
    const [, , duration] = line.split("\t");
    return duration === undefined ? [] : [Number(duration)];
  });
}

/**
 * `output` of a timed run and its log; undefined when it is none. What was under way at the end is counted by nobody: h2load gives it up,
 * and the difference between started and done requests is no error.
 */
export function parseH2load(output: string, log: string): LoadResult | undefined {
  const [, seconds] = /^finished in ([\d.]+)s,/m.exec(output) ?? [];
  const [, done, succeeded, failed, errored, timeout] =
    /^requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$/m.exec(
      output,
    ) ?? [];
  const latencies = parseLog(log);
  if (seconds === undefined || done === undefined || latencies.length === 0) return undefined;
  return {
    requests: Number(succeeded),
    seconds: Number(seconds),
    p50Us: percentile(latencies, 0.5),
    p99Us: percentile(latencies, 0.99),
    errors: Number(failed) + Number(errored) + Number(timeout),
  };
}

export async function runH2load(lab: Lab, load: H2Load, seconds: number): Promise<LoadResult> {
  const log = join(lab.folder, "h2load.log");
  rmSync(log, { force: true });
  const output = await lab.output([
    lab.program("h2load"),
    `-c${load.connections}`,
    `-m${load.streams}`,
    `-D${seconds}`,
    `--data=${load.body}`,
    ...load.headers.map((header) => `--header=${header}`),
    `--log-file=${log}`,
    load.url,
  ]);
  const result = parseH2load(output, readFileSync(log, "utf8"));
  if (!result) throw new Error(`h2load printed no result: ${output.trim()}`);
  return result;
}
