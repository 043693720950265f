// MetadataMatcher and ValueMatcher.

import type { MetadataMatcher } from "../../xds/gen/envoy/type/matcher/v3/metadata_pb.ts";
import type { ValueMatcher } from "../../xds/gen/envoy/type/matcher/v3/value_pb.ts";
import type { MetadataMatch, ValueMatch } from "../metadata-match.ts";
import { acceptString } from "./match.ts";
import type { Scope } from "./scope.ts";

const NEVER: ValueMatch = { kind: "or", matches: [] };

function acceptValue(scope: Scope, matcher: ValueMatcher | undefined): ValueMatch {
  const by = matcher?.matchPattern;
  switch (by?.case) {
    case "nullMatch":
      return { kind: "null" };
    case "doubleMatch": {
      const number = by.value.matchPattern;
      if (number.case === "exact") return { kind: "number", value: number.value };
      if (number.case === "range") return { kind: "range", start: number.value.start, end: number.value.end };
      scope.field("double_match").reject("neither exact nor a range");
      return NEVER;
    }
    case "stringMatch":
      return { kind: "string", match: acceptString(scope.field("string_match"), by.value) };
    case "boolMatch":
      return { kind: "boolean", value: by.value };
    case "presentMatch":
      return { kind: "present", value: by.value };
    case "listMatch": {
      const at = scope.field("list_match").field("one_of");
      return { kind: "element", match: acceptValue(at, by.value.matchPattern.value) };
    }
    case "orMatch": {
      const at = scope.field("or_match").field("value_matchers");
      return { kind: "or", matches: by.value.valueMatchers.map((one, i) => acceptValue(at.index(i), one)) };
    }
    default:
      scope.reject("no pattern");
      return NEVER;
  }
}

/** The keys of a path of metadata: Envoy's MetadataMatcher and MetadataKey have alike segments. */
export function acceptSegments(
  scope: Scope,
  segments: readonly { readonly segment: { readonly case: "key" | undefined; readonly value?: string | undefined } }[],
): readonly string[] {
  return segments.map(({ segment }, i) => {
    if (segment.case !== "key" || segment.value === "") scope.index(i).reject("no key");
    return segment.value ?? "";
  });
}

export function acceptMetadataMatch(scope: Scope, matcher: MetadataMatcher): MetadataMatch {
  scope.only(matcher, ["filter", "path", "value", "invert"]);
  if (matcher.filter === "") scope.field("filter").reject("empty");
  if (matcher.path.length === 0) scope.field("path").reject("empty");
  return {
    namespace: matcher.filter,
    path: acceptSegments(scope.field("path"), matcher.path),
    value: acceptValue(scope.field("value"), matcher.value),
    invert: matcher.invert,
  };
}
