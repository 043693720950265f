// envoy.config.common.matcher.v3.MatchPredicate of a response's head.

import type {
  HttpHeadersMatch,
  MatchPredicate,
  MatchPredicate_MatchSet,
} from "../../xds/gen/envoy/config/common/matcher/v3/matcher_pb.ts";
import type { HeaderMatch } from "../header-match.ts";
import { type ResponseMatch, STATUS_FIELD } from "../response-match.ts";
import { acceptHeaderMatch } from "./match.ts";
import type { Scope } from "./scope.ts";

const STATUS = /^[1-5]\d\d$/;

/** The one status that a matcher asks for; undefined where it asks for something else. */
function statusOf({ name, test, invert }: HeaderMatch): number | undefined {
  if (name !== ":status" || invert || test.kind !== "string" || test.match.kind !== "exact") return undefined;
  return STATUS.test(test.match.text) ? Number(test.match.text) : undefined;
}

function acceptHeaders(scope: Scope, { headers }: HttpHeadersMatch): ResponseMatch {
  const matches = headers.map((header, i) => acceptHeaderMatch(scope.field("headers").index(i), header));
  const [only] = matches;
  const status = only && matches.length === 1 ? statusOf(only) : undefined;
  if (status !== undefined) return { kind: "statuses", statuses: new Set([status]) };
  const renamed = matches.map((match) => (match.name === ":status" ? { ...match, name: STATUS_FIELD } : match));
  return { kind: "headers", matches: renamed };
}

function acceptSet(scope: Scope, { rules }: MatchPredicate_MatchSet): readonly ResponseMatch[] {
  // Envoy's MatchSet.rules has min_items: 2.
  if (rules.length < 2) scope.reject("must have two rules at least");
  return rules.map((rule, i) => acceptResponseMatch(scope.index(i), rule));
}

/** Statuses, of which there may be many, are looked up at once. */
function oneOf(rules: readonly ResponseMatch[]): ResponseMatch {
  const statuses = rules.flatMap((rule) => (rule.kind === "statuses" ? [...rule.statuses] : []));
  const others = rules.filter((rule) => rule.kind !== "statuses");
  if (statuses.length === 0) return { kind: "one-of", of: others };
  const one: ResponseMatch = { kind: "statuses", statuses: new Set(statuses) };
  return others.length === 0 ? one : { kind: "one-of", of: [one, ...others] };
}

export function acceptResponseMatch(scope: Scope, { rule }: MatchPredicate): ResponseMatch {
  switch (rule.case) {
    case "anyMatch":
      if (!rule.value) scope.field("any_match").reject("must be true");
      return { kind: "any" };
    case "andMatch":
      return { kind: "all-of", of: acceptSet(scope.field("and_match").field("rules"), rule.value) };
    case "orMatch":
      return oneOf(acceptSet(scope.field("or_match").field("rules"), rule.value));
    case "notMatch":
      return { kind: "not", of: acceptResponseMatch(scope.field("not_match"), rule.value) };
    case "httpResponseHeadersMatch":
      return acceptHeaders(scope.field("http_response_headers_match"), rule.value);
    default:
      scope.reject(rule.case === undefined ? "no rule" : `${rule.case} is not supported by Heddle's proxy`);
      return { kind: "any" };
  }
}
