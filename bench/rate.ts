// The constant rate as the cases run it.

import { join } from "node:path";
import type { Lab } from "./lab.ts";
import type { RateResult } from "./rate-load.ts";

const SCRIPT = join(import.meta.dir, "rate-load.ts");

export interface Rate {
  readonly port: number;
  readonly path: string;
  readonly authority?: string;
  readonly connections: number;
  readonly perSecond: number;
}

/** One request after the other on a connection of its own, so often that the longest answer is the longest stall, to a millisecond. */
export function probe(port: number, path: string, authority: string): Rate {
  return { port, path, authority, connections: 1, perSecond: 500 };
}

export interface RateOptions {
  /** Of load before what counts. */
  readonly warmUpSeconds?: number;
  /** Ends it early. */
  readonly until?: Promise<unknown>;
}

export async function runRate(
  lab: Lab,
  rate: Rate,
  seconds: number,
  { warmUpSeconds = 0, until }: RateOptions = {},
): Promise<RateResult> {
  const { port, path, authority = "localhost", connections, perSecond } = rate;
  const numbers = [port, connections, seconds, Math.max(1, Math.round(perSecond))].map(String);
  const command = [process.execPath, SCRIPT, ...numbers, path, authority, String(warmUpSeconds)];
  return JSON.parse(await lab.output(command, "client", { precedence: "first", ...(until && { until }) }));
}
