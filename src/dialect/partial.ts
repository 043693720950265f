// What an object says that is wrong whatever its wrong fields were meant to say: they are told together, and nobody is told what only follows
// from a field that was left out. The object is read once more in rounds, each with other stand-ins for those fields, and what all rounds find is
// told.

import type { Diagnostic } from "../base/diagnostic.ts";
import { READ_LIMITS } from "./limits.ts";
import { isObject, type SourceObject } from "./object.ts";
import { Reporter } from "./reporter.ts";
import { StandIns } from "./stand-in.ts";

/** Of an object that is read in rounds, of which there are up to a hundred: of a larger one its fields are mended first. */
const MAX_VALUES = 5_000;

/**
 * The findings of `reporter`, which has read the object, and those beyond them. `read`: reads the object, and reports. `value`: what is read of
 * it, where that is a text in it.
 */
export function allFindings(
  object: SourceObject,
  reporter: Reporter,
  read: (reporter: Reporter) => void,
  value: unknown = object.value,
): readonly Diagnostic[] {
  const { diagnostics } = reporter;
  if (!reporter.fieldsFailed || reporter.isFull || sizeOf(value, MAX_VALUES) === MAX_VALUES) return diagnostics;
  const told = new Set(diagnostics.map(keyOf));
  const more = lasting(object, read).filter((diagnostic) => !told.has(keyOf(diagnostic)));
  return [...diagnostics, ...more].slice(0, READ_LIMITS.findings);
}

/** What every round finds. */
function lasting(object: SourceObject, read: (reporter: Reporter) => void): readonly Diagnostic[] {
  let found: readonly Diagnostic[] | undefined;
  let rounds = 1;
  for (let round = 0; round < rounds; round++) {
    const standIns = new StandIns(round);
    const reporter = new Reporter(object, standIns);
    read(reporter);
    rounds = Math.max(rounds, standIns.rounds);
    const now = new Set(reporter.diagnostics.map(keyOf));
    found = (found ?? reporter.diagnostics).filter((diagnostic) => now.has(keyOf(diagnostic)));
    if (found.length === 0) return [];
  }
  return found ?? [];
}

function keyOf(diagnostic: Diagnostic): string {
  return JSON.stringify(diagnostic);
}

/** How many values there are, counted up to `most`. */
function sizeOf(value: unknown, most: number): number {
  if (!Array.isArray(value) && !isObject(value)) return 1;
  let size = 1;
  for (const item of Array.isArray(value) ? value : Object.values(value)) {
    if (size >= most) return most;
    size += sizeOf(item, most - size);
  }
  return Math.min(size, most);
}
