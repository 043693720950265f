import { json } from "./answer.ts";

/** Heddle's proxy has no runtime layers: fractions and flags take the defaults that the configuration names. */
export function runtime(): Response {
  return json({ entries: {}, layers: [] });
}
