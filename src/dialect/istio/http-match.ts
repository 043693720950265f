// Match blocks of HTTP routes.

import type {
  ClaimMatch,
  HeaderMatch,
  HttpMatch,
  PathMatch,
  QueryMatch,
  StringMatch,
  ValueMatch,
} from "../../model/match.ts";
import { compareText } from "../../model/origin.ts";
import { badHeaderName } from "../diagnostics.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { claimPath } from "./claim-route.ts";
import * as diagnostics from "./diagnostics.ts";
import { type Placed, placesOf } from "./places.ts";
import type { Reading } from "./reading.ts";
import * as refusals from "./refusals.ts";
import * as traffic from "./traffic-diagnostics.ts";
import type { HttpMatchSpec, HttpRouteSpec, StringMatchSpec } from "./virtual-service-schema.ts";

/** The matches of a route, each with its places; none match everything. */
export function readMatches(
  spec: HttpRouteSpec["match"],
  path: string,
  reading: Reading,
): readonly Placed<HttpMatch>[] {
  return (spec ?? []).map((block, i) => readMatch(block, joinPath(path, i), reading));
}

function readMatch(spec: HttpMatchSpec, path: string, reading: Reading): Placed<HttpMatch> {
  const { reporter } = reading;
  checkNames(spec.headers, joinPath(path, "headers"), reporter);
  checkNames(spec.withoutHeaders, joinPath(path, "withoutHeaders"), reporter);
  const claims = [...claimMatches(spec.headers, false), ...claimMatches(spec.withoutHeaders, true)];
  if (spec.statPrefix) reporter.report(joinPath(path, "statPrefix"), traffic.statisticsOfEnvoy(spec.statPrefix));
  return {
    name: spec.name || undefined,
    ...(spec.statPrefix ? { statPrefix: spec.statPrefix } : {}),
    path: pathMatch(spec, path, reporter),
    method: stringMatch(spec.method, joinPath(path, "method"), reporter),
    scheme: stringMatch(spec.scheme, joinPath(path, "scheme"), reporter),
    authority: stringMatch(spec.authority, joinPath(path, "authority"), reporter),
    headers: [...headerMatches(spec.headers, false), ...headerMatches(spec.withoutHeaders, true)],
    query: queryMatches(spec.queryParams),
    ...(claims.length > 0 ? { claims } : {}),
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

/** A claim stands where a header's name does. What looks like one and is none, no request has. */
function checkNames(spec: HttpMatchSpec["headers"], path: string, reporter: Reporter): void {
  for (const name of Object.keys(spec ?? {}))
    if (name.startsWith("@") && !claimPath(name)) reporter.report(joinPath(path, name), badHeaderName(name));
}

function sorted(spec: HttpMatchSpec["headers"]): readonly (readonly [name: string, match: StringMatchSpec])[] {
  return Object.entries(spec ?? {}).sort(([a], [b]) => compareText(a, b));
}

function headerMatches(spec: HttpMatchSpec["headers"], invert: boolean): readonly HeaderMatch[] {
  return sorted(spec).flatMap(([name, match]) => {
    if (name.startsWith("@")) return [];
    const value = valueMatch(match);
    return [{ name: name.toLowerCase(), value, invert, missingIsEmpty: invert && value.kind !== "present" }];
  });
}

function claimMatches(spec: HttpMatchSpec["headers"], invert: boolean): readonly ClaimMatch[] {
  return sorted(spec).flatMap(([name, match]) => {
    const path = claimPath(name);
    return path ? [{ path, value: valueMatch(match), invert }] : [];
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
  const { path, method, scheme, authority, headers, query, claims, client, port } = match;
  const anyPath =
    !path || (path.kind === "prefix" && path.value === "/") || (path.kind === "regex" && path.value === ".*");
  return (
    anyPath &&
    !method &&
    !scheme &&
    !authority &&
    headers.length === 0 &&
    query.length === 0 &&
    !claims &&
    !client &&
    port === undefined
  );
}
