// What filters keep of a connection or a request under a key (Envoy: StreamInfo::FilterState, the objects that are strings).

import type { Format } from "./format/part.ts";

export interface FilterStateObject {
  readonly value: string;
  /** Hash policies may go by it. */
  readonly hashable: boolean;
  /** Nobody puts another in its place. */
  readonly readOnly: boolean;
}

export type FilterState = ReadonlyMap<string, FilterStateObject>;

/** One object to be kept, whose value is made of what is known at that moment. */
export interface FilterStateRule extends Omit<FilterStateObject, "value"> {
  readonly key: string;
  readonly format: Format;
  /** What stands for values that are absent. */
  readonly absent: "" | "-";
  readonly skipIfEmpty: boolean;
}

/** Keeps what the rules say; `text` gives the value of each. */
export function applyFilterState(
  state: Map<string, FilterStateObject>,
  rules: readonly FilterStateRule[],
  text: (rule: FilterStateRule) => string,
): void {
  for (const rule of rules) {
    if (state.get(rule.key)?.readOnly) continue;
    const value = text(rule);
    if (value === "" && rule.skipIfEmpty) continue;
    state.set(rule.key, { value, hashable: rule.hashable, readOnly: rule.readOnly });
  }
}
