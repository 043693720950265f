// What the command line asks for.

import { EXIT, Failure } from "../src/base/failure.ts";

export const CASE_NAMES = [
  "hop",
  "mesh",
  "grpc",
  "tcp-1m",
  "http-1m",
  "connections",
  "routes",
  "stall",
  "scale",
  "control",
] as const;
export type CaseName = (typeof CASE_NAMES)[number];

export interface Arguments {
  readonly cases: readonly CaseName[];
  readonly json: boolean;
  readonly rounds: number;
  /** Of each measured run. */
  readonly seconds: number;
}

const USAGE = `npm run bench -- ${CASE_NAMES.join("|")} [--json] [--seconds N] [--rounds N]`;
/** Of a run that counts: about a minute a case. Shorter ones are for working on the benchmark, and are not recorded. */
export const DEFAULTS = { rounds: 3, seconds: 3 } as const;
/** A case has to end within 90 s by its defaults; these keep other choices sensible. */
const MAXIMUM = { rounds: 9, seconds: 10 } as const;

function usage(problem: string): Failure {
  return new Failure(problem, { hint: USAGE, exit: EXIT.usage });
}

function wholeNumber(option: "--seconds" | "--rounds", text: string | undefined, maximum: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > maximum)
    throw usage(`${option} takes a whole number from 1 to ${maximum}, not ${JSON.stringify(text ?? "")}`);
  return value;
}

/** @throws Failure (exit 64) that names the argument. */
export function readArguments(args: readonly string[]): Arguments {
  const cases: CaseName[] = [];
  let json = false;
  let rounds: number = DEFAULTS.rounds;
  let seconds: number = DEFAULTS.seconds;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    const known = CASE_NAMES.find((name) => name === argument);
    if (known) cases.push(known);
    else if (argument === "--json") json = true;
    else if (argument === "--seconds") seconds = wholeNumber("--seconds", args[++i], MAXIMUM.seconds);
    else if (argument === "--rounds") rounds = wholeNumber("--rounds", args[++i], MAXIMUM.rounds);
    else throw usage(`unknown argument: ${JSON.stringify(argument)}`);
  }
  if (cases.length === 0) throw usage("no case given");
  return { cases, json, rounds, seconds };
}
