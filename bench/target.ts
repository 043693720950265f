// What is to be reached, and whether it was. The figures stand for themselves: a target that is missed fails nothing.

import type { Ratio } from "./result.ts";
import { rounded } from "./statistics.ts";

/** Of the first peer over another. */
export interface RatioTarget {
  readonly peer: string;
  readonly of: keyof Ratio;
  readonly atMost: number;
}

export interface Verdict {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly atMost: number;
}

const NAMES: Readonly<Record<keyof Ratio, string>> = {
  cpu: "CPU a request",
  rps: "requests/s",
  p50: "p50",
  p99: "p99",
  p50OneConnection: "p50 at 1 connection",
  p99AtRate: "p99 at a constant rate",
};

/** A ratio that there is not, because a peer had errors, has no verdict. `ratios` are keyed by `first/other`. */
export function judgeRatios(
  first: string,
  ratios: Readonly<Record<string, Ratio>>,
  targets: readonly RatioTarget[],
): readonly Verdict[] {
  return targets.flatMap(({ peer, of, atMost }) => {
    const value = ratios[`${first}/${peer}`]?.[of];
    return value === undefined ? [] : [{ what: `${NAMES[of]}, ${first}/${peer}`, value, unit: "", atMost }];
  });
}

export function verdict(what: string, value: number, unit: string, atMost: number): Verdict {
  return { what, value: rounded(value), unit, atMost };
}

export function formatVerdict({ what, value, unit, atMost }: Verdict): string {
  const after = unit === "" ? "" : ` ${unit}`;
  // NaN is reached by nothing.
  return `${value <= atMost ? "reached" : "missed "}  ${what}: ${value}${after}, to reach: at most ${atMost}${after}`;
}
