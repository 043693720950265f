// What is too much or too little of a value: codes HED1719, HED1380 to HED1389, HED1746 and HED1747, sorted and never reused.

import type { Message } from "../model/message.ts";

function error(code: string, message: string, suggestion?: string): Message {
  return { code, severity: "error", message, suggestion };
}

export function tooLong(field: string, length: number, most: number): Message {
  return error("HED1719", `${field} has at most ${most} characters: ${length}`);
}

export function tooMany(field: string, count: number, most: number): Message {
  return error("HED1380", `${field} has at most ${most} entries: ${count}`, "the rest in another object");
}

export function tooFew(field: string, count: number, least: number): Message {
  return error("HED1381", `${field} has at least ${least}: ${count}`, `${field} with ${least}, or no ${field}`);
}

const UNITS: Readonly<Record<number, string>> = { 1: "milliseconds", 1000: "seconds" };

export function partOfStep(field: string, value: string, stepMs: number): Message {
  const whole = Math.max(1, Math.round(Number.parseFloat(value)));
  return error(
    "HED1382",
    `${field} is in whole ${UNITS[stepMs] ?? `steps of ${stepMs} ms`}: ${value}`,
    `${field}: ${whole}${stepMs === 1_000 ? "s" : "ms"}`,
  );
}

export function durationTooLong(field: string, value: string, maxMs: number): Message {
  return error("HED1383", `${field} is at most ${maxMs / 1_000}s: ${value}`, `${field}: ${maxMs / 1_000}s`);
}

export function programTooLarge(field: string, size: number, most: number): Message {
  return error(
    "HED1746",
    `${field} is too large a regular expression: some ${size} instructions of RE2, of which Envoy takes ${most}`,
    "fewer repetitions ({…}), or several expressions",
  );
}

export function programsTooLarge(most: number): Message {
  return error(
    "HED1747",
    `the regular expressions of this object up to here have more than ${most} instructions of RE2 together: none behind it is looked at`,
    "exact or prefix where no pattern is meant, or several objects",
  );
}
