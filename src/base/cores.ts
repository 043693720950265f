// How many cores there are for a proxy that is to use them all.

import { availableParallelism } from "node:os";

/** More threads or processes than any machine has cores are a mistake in writing. */
export const MAX_CONCURRENCY = 1_024;

/** `auto` for the cores that this process may run on; undefined when it is no number of them. */
export function parseConcurrency(value: string): number | undefined {
  if (value === "auto") return availableParallelism();
  const number = /^\d{1,4}$/.test(value) ? Number(value) : Number.NaN;
  return number <= MAX_CONCURRENCY ? number : undefined;
}

/** What a number in configuration means, where 0 is all of them. */
export function coresOf(number: number): number {
  return number === 0 ? availableParallelism() : Math.min(number, MAX_CONCURRENCY);
}
