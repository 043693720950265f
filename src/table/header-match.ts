// Header and query-parameter matchers of routes and policies (envoy.config.route.v3.HeaderMatcher, QueryParameterMatcher).

import { headerValue, type RequestFacts } from "./request.ts";
import { matchesString, type StringMatch } from "./string-match.ts";

export interface HeaderMatch {
  /** Lower case; pseudo-headers with their colon. */
  readonly name: string;
  readonly test:
    | { readonly kind: "present" }
    | { readonly kind: "range"; readonly start: number; readonly end: number }
    | { readonly kind: "string"; readonly match: StringMatch };
  readonly invert: boolean;
  /** A missing header is tested as "" instead of not matching. */
  readonly missingAsEmpty: boolean;
}

export interface QueryMatch {
  readonly name: string;
  /** Undefined: presence. */
  readonly match: StringMatch | undefined;
}

function test(match: HeaderMatch, value: string): boolean {
  switch (match.test.kind) {
    case "present":
      return true;
    case "range": {
      const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
      return number >= match.test.start && number < match.test.end;
    }
    case "string":
      return matchesString(match.test.match, value);
  }
}

function isPseudoHeader(name: string): boolean {
  return name.charCodeAt(0) === 58 /* : */ || name === "host";
}

function testPseudoHeader(match: HeaderMatch, request: RequestFacts): boolean | undefined {
  const value = headerValue(request, match.name);
  return value === undefined ? undefined : test(match, value);
}

/** Whether any of a header's fields passes; undefined when it has none. No field hides behind another (CVE-2026-26308). */
function testFields(match: HeaderMatch, headers: readonly string[]): boolean | undefined {
  let isThere = false;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== match.name) continue;
    if (test(match, headers[i + 1]!)) return true;
    isThere = true;
  }
  return isThere ? false : undefined;
}

/**
 * Envoy's rules (HeaderUtility::matchHeaders): an absent header never matches a value test, not even an inverted one, unless it
 * counts as empty; an inverted presence test matches absence.
 */
export function matchesHeader(match: HeaderMatch, request: RequestFacts): boolean {
  const isFound = isPseudoHeader(match.name) ? testPseudoHeader(match, request) : testFields(match, request.headers);
  if (isFound !== undefined) return isFound !== match.invert;
  if (match.test.kind === "present") return match.invert;
  return match.missingAsEmpty && test(match, "") !== match.invert;
}

/** The same with each value of a header that came several times for itself: `every` must match, or one. */
export function matchesHeaderValues(match: HeaderMatch, request: RequestFacts, every: boolean): boolean {
  const { headers } = request;
  let seen = false;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== match.name) continue;
    seen = true;
    const matches = test(match, headers[i + 1]!) !== match.invert;
    if (matches !== every) return matches;
  }
  return seen ? every : matchesHeader(match, request);
}

export function matchesHeaders(matches: readonly HeaderMatch[], request: RequestFacts): boolean {
  for (let i = 0; i < matches.length; i++) if (!matchesHeader(matches[i]!, request)) return false;
  return true;
}

/** The first value of each parameter, as it stands in the path (not decoded: Envoy compares the raw text). */
export function queryParameters(path: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const start = path.indexOf("?");
  if (start === -1) return parameters;
  for (const pair of path.slice(start + 1).split("&")) {
    const equals = pair.indexOf("=");
    const name = equals === -1 ? pair : pair.slice(0, equals);
    if (!parameters.has(name)) parameters.set(name, equals === -1 ? "" : pair.slice(equals + 1));
  }
  return parameters;
}

export function matchesQuery(matches: readonly QueryMatch[], path: string): boolean {
  if (matches.length === 0) return true;
  const parameters = queryParameters(path);
  return matches.every(({ name, match }) => {
    const value = parameters.get(name);
    return value !== undefined && (match === undefined || matchesString(match, value));
  });
}
