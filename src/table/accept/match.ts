// Matchers: strings, headers, query parameters, paths.

import type { HeaderMatcher, QueryParameterMatcher } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { PathMatcher } from "../../xds/gen/envoy/type/matcher/v3/path_pb.ts";
import type { RegexMatcher } from "../../xds/gen/envoy/type/matcher/v3/regex_pb.ts";
import type { StringMatcher } from "../../xds/gen/envoy/type/matcher/v3/string_pb.ts";
import type { HeaderMatch, QueryMatch } from "../header-match.ts";
import { compileRegex, type StringMatch } from "../string-match.ts";
import type { Scope } from "./scope.ts";

const NEVER: StringMatch = { kind: "exact", text: "", ignoreCase: false };

export function exactly(text: string, ignoreCase = false): StringMatch {
  return { kind: "exact", text: ignoreCase ? text.toLowerCase() : text, ignoreCase };
}

export function acceptRegex(scope: Scope, matcher: RegexMatcher): StringMatch {
  scope.only(matcher, ["regex", "engineType"]);
  const compiled = compileRegex(matcher.regex);
  if ("pattern" in compiled) return { kind: "regex", pattern: compiled.pattern };
  scope.field("regex").reject(`${JSON.stringify(matcher.regex)}: ${compiled.error}`);
  return NEVER;
}

export function acceptString(scope: Scope, matcher: StringMatcher | undefined): StringMatch {
  if (matcher === undefined) {
    scope.reject("missing");
    return NEVER;
  }
  scope.only(matcher, ["matchPattern", "ignoreCase"]);
  const { matchPattern: pattern, ignoreCase } = matcher;
  switch (pattern.case) {
    case "exact":
    case "prefix":
    case "suffix":
    case "contains":
      return { kind: pattern.case, text: ignoreCase ? pattern.value.toLowerCase() : pattern.value, ignoreCase };
    case "safeRegex":
      return acceptRegex(scope.field("safe_regex"), pattern.value);
    default:
      scope.reject(pattern.case === undefined ? "no pattern" : `${pattern.case} is not supported by Heddle's proxy`);
      return NEVER;
  }
}

/** The deprecated members of the oneof (`exact_match` and its like) mean what Envoy takes them for. */
function headerTest(scope: Scope, matcher: HeaderMatcher): { test: HeaderMatch["test"]; negated: boolean } {
  const string = (match: StringMatch) => ({ test: { kind: "string", match } as const, negated: false });
  const by = matcher.headerMatchSpecifier;
  switch (by.case) {
    case undefined:
      return { test: { kind: "present" }, negated: false };
    case "presentMatch":
      return { test: { kind: "present" }, negated: !by.value };
    case "stringMatch":
      return string(acceptString(scope.field("string_match"), by.value));
    case "exactMatch":
      return string(exactly(by.value));
    case "prefixMatch":
      return string({ kind: "prefix", text: by.value, ignoreCase: false });
    case "suffixMatch":
      return string({ kind: "suffix", text: by.value, ignoreCase: false });
    case "containsMatch":
      return string({ kind: "contains", text: by.value, ignoreCase: false });
    case "safeRegexMatch":
      return string(acceptRegex(scope.field("safe_regex_match"), by.value));
    case "rangeMatch":
      return { test: { kind: "range", start: Number(by.value.start), end: Number(by.value.end) }, negated: false };
  }
}

export function acceptHeaderMatch(scope: Scope, matcher: HeaderMatcher): HeaderMatch {
  scope.only(matcher, ["name", "headerMatchSpecifier", "invertMatch", "treatMissingHeaderAsEmpty"]);
  if (matcher.name === "") scope.field("name").reject("empty");
  const { test, negated } = headerTest(scope, matcher);
  return {
    name: matcher.name.toLowerCase(),
    test,
    invert: matcher.invertMatch !== negated,
    missingAsEmpty: matcher.treatMissingHeaderAsEmpty,
  };
}

export function acceptQueryMatch(scope: Scope, matcher: QueryParameterMatcher): QueryMatch {
  scope.only(matcher, ["name", "queryParameterMatchSpecifier"]);
  const by = matcher.queryParameterMatchSpecifier;
  if (by.case === "presentMatch" && !by.value)
    scope.field("present_match").reject("false is not supported by Heddle's proxy");
  return {
    name: matcher.name,
    match: by.case === "stringMatch" ? acceptString(scope.field("string_match"), by.value) : undefined,
  };
}

export function acceptPathMatch(scope: Scope, matcher: PathMatcher): StringMatch {
  scope.only(matcher, ["rule"]);
  return acceptString(scope.field("path"), matcher.rule.case === "path" ? matcher.rule.value : undefined);
}
