// xds.type.matcher.v3.Matcher, in the language of whoever asks: which inputs there are, and what an action is.

import type { Any } from "@bufbuild/protobuf/wkt";
import type { Cidr } from "../../base/cidr.ts";
import { IpSchema } from "../../xds/gen/envoy/extensions/matching/input_matchers/ip/v3/ip_pb.ts";
import type { TypedExtensionConfig } from "../../xds/gen/xds/core/v3/extension_pb.ts";
import { IPMatcherSchema } from "../../xds/gen/xds/type/matcher/v3/ip_pb.ts";
import type {
  Matcher_MatcherList_FieldMatcher,
  Matcher_MatcherList_Predicate,
  Matcher_MatcherList_Predicate_SinglePredicate,
  Matcher_MatcherTree,
  Matcher_OnMatch,
  Matcher as MatcherMessage,
} from "../../xds/gen/xds/type/matcher/v3/matcher_pb.ts";
import type { StringMatcher } from "../../xds/gen/xds/type/matcher/v3/string_pb.ts";
import type { Matcher, Predicate } from "../matcher.ts";
import { compileRegex, type StringMatch } from "../string-match.ts";
import { acceptCidr, type CidrRange } from "./cidr.ts";
import { isA, type Scope } from "./scope.ts";

/** Either member rejects what it does not know, and then says undefined. */
export interface MatcherLanguage<Input, Action> {
  input(scope: Scope, any: Any): Input | undefined;
  action(scope: Scope, any: Any | undefined): Action | undefined;
}

/** For configuration that is refused anyhow. */
const NEVER: Predicate<never> = { kind: "or", predicates: [] };

function acceptString(scope: Scope, matcher: StringMatcher): StringMatch | undefined {
  const { matchPattern: pattern, ignoreCase } = matcher;
  switch (pattern.case) {
    case "exact":
    case "prefix":
    case "suffix":
    case "contains":
      // string.proto: of these Envoy's own StringMatcher may be empty, xds's may not.
      if (pattern.value === "" && pattern.case !== "exact") scope.field(pattern.case).reject("empty");
      return { kind: pattern.case, text: ignoreCase ? pattern.value.toLowerCase() : pattern.value, ignoreCase };
    case "safeRegex": {
      if (pattern.value.engineType.case === undefined) scope.field("safe_regex").field("google_re2").reject("missing");
      const compiled = compileRegex(pattern.value.regex);
      if ("pattern" in compiled) return { kind: "regex", pattern: compiled.pattern };
      scope
        .field("safe_regex")
        .field("regex")
        .reject(`${JSON.stringify(pattern.value.regex)}: ${compiled.error}`);
      return undefined;
    }
    case undefined:
      scope.reject("no pattern");
      return undefined;
  }
}

function acceptRanges(scope: Scope, ranges: readonly CidrRange[]): Cidr[] {
  if (ranges.length === 0) scope.reject("empty");
  return ranges.flatMap((range, i) => acceptCidr(scope.index(i), range) ?? []);
}

function acceptInput<Input, Action>(
  scope: Scope,
  config: TypedExtensionConfig | undefined,
  language: MatcherLanguage<Input, Action>,
): Input | undefined {
  if (config?.typedConfig) return language.input(scope, config.typedConfig);
  scope.reject("missing");
  return undefined;
}

function acceptSinglePredicate<Input, Action>(
  scope: Scope,
  single: Matcher_MatcherList_Predicate_SinglePredicate,
  language: MatcherLanguage<Input, Action>,
): Predicate<Input> {
  const input = acceptInput(scope.field("input"), single.input, language);
  const by = single.matcher;
  if (by.case === "valueMatch") {
    const match = acceptString(scope.field("value_match"), by.value);
    return input === undefined || !match ? NEVER : { kind: "string", input, match };
  }
  const at = scope.field("custom_match");
  const ip = at.unpack(by.value?.typedConfig, IpSchema);
  const ranges = ip ? acceptRanges(at.field("cidr_ranges"), ip.cidrRanges) : [];
  return input === undefined ? NEVER : { kind: "ip", input, ranges };
}

function acceptPredicate<Input, Action>(
  scope: Scope,
  predicate: Matcher_MatcherList_Predicate | undefined,
  language: MatcherLanguage<Input, Action>,
): Predicate<Input> {
  const by = predicate?.matchType;
  switch (by?.case) {
    case "singlePredicate":
      return acceptSinglePredicate(scope.field("single_predicate"), by.value, language);
    case "notMatcher":
      return { kind: "not", predicate: acceptPredicate(scope.field("not_matcher"), by.value, language) };
    case "andMatcher":
    case "orMatcher": {
      const at = scope.field(by.case === "andMatcher" ? "and_matcher" : "or_matcher").field("predicate");
      // matcher.proto: both take two or more.
      if (by.value.predicate.length < 2) at.reject("fewer than two");
      return {
        kind: by.case === "andMatcher" ? "and" : "or",
        predicates: by.value.predicate.map((part, i) => acceptPredicate(at.index(i), part, language)),
      };
    }
    case undefined:
      scope.reject("no predicate");
      return NEVER;
  }
}

function acceptOnMatch<Input, Action>(
  scope: Scope,
  on: Matcher_OnMatch | undefined,
  language: MatcherLanguage<Input, Action>,
): Matcher<Input, Action> | undefined {
  const by = on?.onMatch;
  switch (by?.case) {
    case "matcher":
      return acceptMatcher(scope.field("matcher"), by.value, language);
    case "action": {
      const action = language.action(scope.field("action").field("typed_config"), by.value.typedConfig);
      return action === undefined ? undefined : { kind: "action", action };
    }
    default:
      scope.reject("neither a matcher nor an action");
      return undefined;
  }
}

function acceptEntry<Input, Action>(
  scope: Scope,
  { predicate, onMatch }: Matcher_MatcherList_FieldMatcher,
  language: MatcherLanguage<Input, Action>,
): { predicate: Predicate<Input>; then: Matcher<Input, Action> }[] {
  const condition = acceptPredicate(scope.field("predicate"), predicate, language);
  const then = acceptOnMatch(scope.field("on_match"), onMatch, language);
  return then ? [{ predicate: condition, then }] : [];
}

/** By the addresses' ranges (xds.type.matcher.v3.IPMatcher; Envoy: TrieMatcher): the narrowest first, then as they stand. */
function acceptIpTree<Input, Action>(
  scope: Scope,
  input: Input,
  config: TypedExtensionConfig,
  otherwise: Matcher<Input, Action> | undefined,
  language: MatcherLanguage<Input, Action>,
): Matcher<Input, Action> | undefined {
  const tree = scope.unpack(config.typedConfig, IPMatcherSchema);
  const ranges = (tree?.rangeMatchers ?? []).flatMap(({ ranges, exclusive, onMatch }, i) => {
    const at = scope.field("range_matchers").index(i);
    const then = onMatch && acceptOnMatch(at.field("on_match"), onMatch, language);
    return acceptRanges(at.field("ranges"), ranges).map((range) => ({ range, exclusive, then }));
  });
  return { kind: "ranges", input, ranges: ranges.sort((a, b) => b.range.bits - a.range.bits), otherwise };
}

function acceptTree<Input, Action>(
  scope: Scope,
  tree: Matcher_MatcherTree,
  otherwise: Matcher<Input, Action> | undefined,
  language: MatcherLanguage<Input, Action>,
): Matcher<Input, Action> | undefined {
  const input = acceptInput(scope.field("input"), tree.input, language);
  if (input === undefined) return undefined;
  const by = tree.treeType;
  if (by.case === "customMatch") return acceptIpTree(scope.field("custom_match"), input, by.value, otherwise, language);
  if (by.case === undefined) {
    scope.reject("no tree_type");
    return undefined;
  }
  const at = scope.field(by.case === "exactMatchMap" ? "exact_match_map" : "prefix_match_map").field("map");
  const entries = Object.entries(by.value.map).flatMap(([value, on]) => {
    const then = acceptOnMatch(at.key(value), on, language);
    return then ? [[value, then] as const] : [];
  });
  if (Object.keys(by.value.map).length === 0) at.reject("empty");
  if (by.case === "exactMatchMap") return { kind: "exact", input, map: new Map(entries), otherwise };
  const prefixes = entries.map(([prefix, then]) => ({ prefix, then }));
  return { kind: "prefix", input, prefixes: prefixes.sort((a, b) => b.prefix.length - a.prefix.length), otherwise };
}

/** Undefined: it leads nowhere, or is refused. */
export function acceptMatcher<Input, Action>(
  scope: Scope,
  matcher: MatcherMessage,
  language: MatcherLanguage<Input, Action>,
): Matcher<Input, Action> | undefined {
  scope.only(matcher, ["matcherType", "onNoMatch"]);
  const otherwise = matcher.onNoMatch && acceptOnMatch(scope.field("on_no_match"), matcher.onNoMatch, language);
  const by = matcher.matcherType;
  switch (by.case) {
    case "matcherTree":
      return acceptTree(scope.field("matcher_tree"), by.value, otherwise, language);
    case "matcherList": {
      const at = scope.field("matcher_list").field("matchers");
      if (by.value.matchers.length === 0) at.reject("empty");
      const entries = by.value.matchers.flatMap((entry, i) => acceptEntry(at.index(i), entry, language));
      return { kind: "list", entries, otherwise };
    }
    case undefined:
      return otherwise;
  }
}

/** The input whose message `any` is, of those that take no settings; refused when it is none. */
export function inputOf<Input>(
  scope: Scope,
  any: Any,
  inputs: readonly (readonly [schema: Parameters<typeof isA>[1], input: Input])[],
): Input | undefined {
  const input = inputs.find(([schema]) => isA(any, schema))?.[1];
  if (input === undefined) scope.reject(`${JSON.stringify(any.typeUrl)} is not supported by Heddle's proxy`);
  return input;
}
