// Match blocks of HTTP routes.

import type { HeaderMatch, HttpMatch, PathMatch, QueryMatch, StringMatch, ValueMatch } from "../../model/match.ts";
import { compareText } from "../../model/origin.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import * as diagnostics from "./diagnostics.ts";
import { type Placed, placesOf } from "./places.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import * as traffic from "./traffic-diagnostics.ts";
import type { HttpMatchSpec, HttpRouteSpec, StringMatchSpec } from "./virtual-service-schema.ts";

/** The matches of a route, each with its places. `never`: no block ever holds, so the route does not exist (an empty list would match everything). */
export function readMatches(
  spec: HttpRouteSpec["match"],
  path: string,
  reading: Reading,
): { readonly kind: "matches"; readonly matches: readonly Placed<HttpMatch>[] } | { readonly kind: "never" } {
  if (!spec || spec.length === 0) return { kind: "matches", matches: [] };
  const matches = spec.flatMap((block, i) => readMatch(block, joinPath(path, i), reading) ?? []);
  return matches.length === 0 ? { kind: "never" } : { kind: "matches", matches };
}

function readMatch(spec: HttpMatchSpec, path: string, reading: Reading): Placed<HttpMatch> | undefined {
  const { reporter } = reading;
  const headers = [
    ...headerMatches(spec.headers, joinPath(path, "headers"), false, reporter),
    ...headerMatches(spec.withoutHeaders, joinPath(path, "withoutHeaders"), true, reporter),
  ];
  // A condition that never holds leaves its block out: dropping the condition alone would match more than was meant.
  if (headers.includes("never")) return undefined;
  if (spec.statPrefix) reporter.report(joinPath(path, "statPrefix"), traffic.statisticsOfEnvoy(spec.statPrefix));
  return {
    name: spec.name || undefined,
    ...(spec.statPrefix ? { statPrefix: spec.statPrefix } : {}),
    path: pathMatch(spec, path, reporter),
    method: stringMatch(spec.method, joinPath(path, "method"), reporter),
    scheme: stringMatch(spec.scheme, joinPath(path, "scheme"), reporter),
    authority: stringMatch(spec.authority, joinPath(path, "authority"), reporter),
    headers: headers.filter((header) => header !== "never"),
    query: queryMatches(spec.queryParams),
    client: clientSelector(spec),
    port: spec.port || undefined,
    places: placesOf(spec.gateways, reading.namespace),
  };
}

/** Of a route that delegates and of those that it delegates to: their matches are joined, which nobody can do to a regex. */
export function refuseRegexes(spec: HttpRouteSpec["match"], path: string, reporter: Reporter): void {
  for (const [i, block] of (spec ?? []).entries()) {
    const { uri, scheme, method, authority } = block;
    const fields = { ...prefixed("headers", block.headers), ...prefixed("withoutHeaders", block.withoutHeaders) };
    for (const [field, match] of Object.entries({
      ...{ uri, scheme, method, authority },
      ...fields,
      ...prefixed("queryParams", block.queryParams),
    }))
      if (match?.regex !== undefined)
        reporter.report(joinPath(joinPath(path, i), `${field}.regex`), refusals.regexOfDelegate(field));
  }
}

function prefixed(field: string, matches: HttpMatchSpec["headers"]): Readonly<Record<string, StringMatchSpec>> {
  return Object.fromEntries(Object.entries(matches ?? {}).map(([name, match]) => [`${field}.${name}`, match]));
}

/** Selectors of clients, which are settled when a client's configuration is made. */
export function clientSelector(spec: Pick<HttpMatchSpec, "sourceLabels" | "sourceNamespace">): HttpMatch["client"] {
  const { sourceLabels, sourceNamespace } = spec;
  if (!sourceNamespace && Object.keys(sourceLabels ?? {}).length === 0) return undefined;
  return { namespace: sourceNamespace, labels: sourceLabels ?? {} };
}

/** Undefined where nothing is said. */
export function stringMatch(
  spec: StringMatchSpec | undefined,
  path: string,
  reporter: Reporter,
): StringMatch | undefined {
  if (!spec) return undefined;
  for (const kind of ["exact", "prefix", "regex"] as const) {
    const value = spec[kind];
    if (value === undefined) continue;
    if (value === "") reporter.report(joinPath(path, kind), diagnostics.patternNeedsValue(kind));
    return { kind, value };
  }
  return undefined;
}

/** `ignoreUriCase` has no effect on a regex, which says `(?i)` itself. */
function pathMatch(spec: HttpMatchSpec, path: string, reporter: Reporter): PathMatch | undefined {
  const match = stringMatch(spec.uri, joinPath(path, "uri"), reporter);
  if (!match || match.kind === "regex") return match;
  return { ...match, ignoreCase: spec.ignoreUriCase ?? false };
}

/** Of a header or parameter: `{}` and regex `*`, which is no RE2, ask for presence. */
function valueMatch(spec: StringMatchSpec): ValueMatch {
  if (spec.exact !== undefined) return { kind: "exact", value: spec.exact };
  if (spec.prefix !== undefined) return { kind: "prefix", value: spec.prefix };
  if (spec.regex !== undefined && spec.regex !== "*") return { kind: "regex", value: spec.regex };
  return { kind: "present" };
}

function headerMatches(
  spec: HttpMatchSpec["headers"],
  path: string,
  invert: boolean,
  reporter: Reporter,
): readonly (HeaderMatch | "never")[] {
  return Object.entries(spec ?? {})
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, match]) => {
      if (name.startsWith("@")) {
        reporter.report(joinPath(path, name), diagnostics.claimsNotSupported(name));
        return "never";
      }
      const value = valueMatch(match);
      return { name: name.toLowerCase(), value, invert, missingIsEmpty: invert && value.kind !== "present" };
    });
}

function queryMatches(spec: HttpMatchSpec["queryParams"]): readonly QueryMatch[] {
  return Object.entries(spec ?? {})
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, match]) => ({ name, value: valueMatch(match) }));
}

/** Whether a request of any client on any port satisfies one of the matches: what comes after is never reached. */
export function matchesEverything(matches: readonly HttpMatch[]): boolean {
  return matches.length === 0 || matches.some(isCatchAll);
}

/** Istio's isCatchAllMatch: prefix `/` or regex `.*`, and no other condition. A block without any condition counts too. */
function isCatchAll(match: HttpMatch): boolean {
  const { path, method, scheme, authority, headers, query, client, port } = match;
  const anyPath =
    !path || (path.kind === "prefix" && path.value === "/") || (path.kind === "regex" && path.value === ".*");
  return (
    anyPath &&
    !method &&
    !scheme &&
    !authority &&
    headers.length === 0 &&
    query.length === 0 &&
    !client &&
    port === undefined
  );
}
