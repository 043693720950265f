// Matchers of metadata (envoy.type.matcher.v3.MetadataMatcher, ValueMatcher).

import type { JsonValue } from "@bufbuild/protobuf";
import { type FilterMetadata, metadataValue } from "./metadata.ts";
import { matchesString, type StringMatch } from "./string-match.ts";

export type ValueMatch =
  | { readonly kind: "null" }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "range"; readonly start: number; readonly end: number }
  | { readonly kind: "string"; readonly match: StringMatch }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** False never matches: what is absent is not asked about (Envoy: PresentMatcher). */
  | { readonly kind: "present"; readonly value: boolean }
  /** Some element of a list. */
  | { readonly kind: "element"; readonly match: ValueMatch }
  | { readonly kind: "or"; readonly matches: readonly ValueMatch[] };

export interface MetadataMatch {
  readonly namespace: string;
  readonly path: readonly string[];
  readonly value: ValueMatch;
  readonly invert: boolean;
}

function matchesValue(match: ValueMatch, value: JsonValue | undefined): boolean {
  switch (match.kind) {
    case "null":
      return value === null;
    case "number":
      return value === match.value;
    case "range":
      return typeof value === "number" && value >= match.start && value < match.end;
    case "string":
      return typeof value === "string" && matchesString(match.match, value);
    case "boolean":
      return value === match.value;
    case "present":
      return match.value && value !== undefined;
    case "element":
      return Array.isArray(value) && value.some((element) => matchesValue(match.match, element));
    case "or":
      return match.matches.some((one) => matchesValue(one, value));
  }
}

export function matchesMetadata(match: MetadataMatch, metadata: FilterMetadata | undefined): boolean {
  const value = metadata && metadataValue(metadata, match.namespace, match.path);
  return matchesValue(match.value, value) !== match.invert;
}
