// What the command line asks for.

import { EXIT, Failure } from "../../src/base/failure.ts";

export interface Arguments {
  readonly minutes: number;
  readonly seed: number;
  readonly json: boolean;
}

const USAGE = "npm run soak -- [--minutes N] [--seed N] [--json]";
const DEFAULT_MINUTES = 10;
/** The logs of an hour are 100 MB, and are read whole. */
const MAX_MINUTES = 60;
const MAX_SEED = 2 ** 31;

function number(option: string, text: string | undefined, maximum: number): number {
  const value = Number(text);
  if (text === undefined || !(value > 0 && value <= maximum))
    throw new Failure(`${option} takes a number above 0, at most ${maximum}, not ${JSON.stringify(text ?? "")}`, {
      hint: USAGE,
      exit: EXIT.usage,
    });
  return value;
}

/** Without a seed another plan each time. @throws Failure (exit 64) that names the argument. */
export function readArguments(args: readonly string[], anySeed: number): Arguments {
  let [minutes, seed, json] = [DEFAULT_MINUTES, anySeed, false];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (argument === "--json") json = true;
    else if (argument === "--minutes") minutes = number(argument, args[++i], MAX_MINUTES);
    else if (argument === "--seed") seed = Math.floor(number(argument, args[++i], MAX_SEED));
    else throw new Failure(`unknown argument: ${JSON.stringify(argument)}`, { hint: USAGE, exit: EXIT.usage });
  }
  return { minutes, seed, json };
}
