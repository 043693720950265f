// A share of requests (envoy.type.v3.FractionalPercent).

/** From 0 to 1. Heddle's proxy has no runtime: the default value is the value. */
export type RuntimeFraction = number;

/** `random`: from 0 (inclusive) to 1 (exclusive). */
export function isChosen(fraction: RuntimeFraction, random: number): boolean {
  return random < fraction;
}
