// Which statistics are told (envoy.config.metrics.v3.StatsMatcher).

import { matchesString, type StringMatch } from "./string-match.ts";

/** Those with a name that fits one of `names`, or all but those. */
export interface StatsMatch {
  readonly names: readonly StringMatch[];
  readonly tellsThose: boolean;
}

/** `name`: with dots, as Envoy has it. */
export function isTold({ names, tellsThose }: StatsMatch, name: string): boolean {
  return names.some((match) => matchesString(match, name)) === tellsThose;
}
