// Lists of one object that are multiplied: each is short enough to write, and what they make together would fill the machine.

import * as inputDiagnostics from "../input-diagnostics.ts";
import type { Reporter } from "../reporter.ts";

/** A routing rule, a port's endpoint or a name costs some 10 µs to compile: about a second of an object. */
export const MAX_PRODUCT = 100_000;

/** Whether the lengths have a larger product than an object may have, which is told. An empty list counts as one. */
export function multipliesTo(lengths: Readonly<Record<string, number>>, reporter: Reporter): boolean {
  const product = Object.values(lengths).reduce((all, length) => all * Math.max(1, length), 1);
  if (product <= MAX_PRODUCT) return false;
  reporter.report("spec", inputDiagnostics.tooManyTogether(lengths, MAX_PRODUCT));
  return true;
}
