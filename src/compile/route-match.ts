// Conditions of a route. What selects clients or ports is decided before, when the routes of one proxy are chosen.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type {
  ClaimMatch,
  HeaderMatch,
  HttpMatch,
  PathMatch,
  QueryMatch,
  StringMatch,
  ValueMatch,
} from "../model/match.ts";
import {
  type HeaderMatcherSchema,
  type QueryParameterMatcherSchema,
  type RouteMatch,
  RouteMatchSchema,
} from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { MetadataMatcherSchema } from "../xds/gen/envoy/type/matcher/v3/metadata_pb.ts";
import { StringMatcherSchema } from "../xds/gen/envoy/type/matcher/v3/string_pb.ts";
import { claimMatcher } from "./authorization/condition.ts";

type HeaderMatcher = MessageInitShape<typeof HeaderMatcherSchema>;

/** Every request, but CONNECT: that has no path. */
export function everyRequest(): RouteMatch {
  return create(RouteMatchSchema, { pathSpecifier: { case: "prefix", value: "/" } });
}

export function connectRequests(): RouteMatch {
  return create(RouteMatchSchema, { pathSpecifier: { case: "connectMatcher", value: {} } });
}

/** Whether every request matches: later routes can never be reached. Clients and ports were looked at before. */
export function matchesEverything({ path, method, scheme, authority, headers, query, claims }: HttpMatch): boolean {
  const anyPath =
    path === undefined ||
    ((path.kind === "prefix" || path.kind === "segments") && path.value === "/") ||
    (path.kind === "regex" && path.value === ".*");
  return anyPath && !method && !scheme && !authority && headers.length === 0 && query.length === 0 && !claims;
}

export function stringMatcher(match: StringMatch) {
  const value = match.value;
  return create(StringMatcherSchema, {
    matchPattern: match.kind === "regex" ? { case: "safeRegex", value: { regex: value } } : { case: match.kind, value },
  });
}

/** A header's or a parameter's presence is asked for by a specifier of its own, not by a string matcher. */
function valueSpecifier(match: ValueMatch) {
  return match.kind === "present"
    ? ({ case: "presentMatch", value: true } as const)
    : ({ case: "stringMatch", value: stringMatcher(match) } as const);
}

function headerMatcher({ name, value, invert, missingIsEmpty }: HeaderMatch): HeaderMatcher {
  return {
    name,
    headerMatchSpecifier: valueSpecifier(value),
    invertMatch: invert,
    treatMissingHeaderAsEmpty: missingIsEmpty,
  };
}

function pseudoHeader(name: string, match: StringMatch | undefined): HeaderMatcher[] {
  if (!match) return [];
  return [{ name, headerMatchSpecifier: { case: "stringMatch", value: stringMatcher(match) } }];
}

function queryMatcher({ name, value }: QueryMatch): MessageInitShape<typeof QueryParameterMatcherSchema> {
  return { name, queryParameterMatchSpecifier: valueSpecifier(value) };
}

function metadataMatcher({ path, value, invert }: ClaimMatch): MessageInitShape<typeof MetadataMatcherSchema> {
  return { ...claimMatcher(path, value), invert };
}

/** Envoy's `path` and `prefix` look at the path without its query; `safe_regex` too, and must match all of it. */
function pathSpecifier(path: PathMatch | undefined) {
  switch (path?.kind) {
    case undefined:
      return { case: "prefix", value: "/" } as const;
    case "exact":
      return { case: "path", value: path.value } as const;
    case "prefix":
      return { case: "prefix", value: path.value } as const;
    case "segments":
      // "/" as path_separated_prefix is refused by Envoy (it must not end in a slash).
      return path.value === "/"
        ? ({ case: "prefix", value: "/" } as const)
        : ({ case: "pathSeparatedPrefix", value: path.value.replace(/\/$/, "") } as const);
    case "regex":
      return { case: "safeRegex", value: { regex: path.value } } as const;
  }
}

export function routeMatch(match: HttpMatch): RouteMatch {
  const { path, method, scheme, authority, headers, query, claims = [] } = match;
  const ignoreCase = path !== undefined && "ignoreCase" in path && path.ignoreCase;
  return create(RouteMatchSchema, {
    pathSpecifier: pathSpecifier(path),
    ...(ignoreCase ? { caseSensitive: false } : {}),
    headers: [
      ...pseudoHeader(":method", method),
      ...pseudoHeader(":scheme", scheme),
      ...pseudoHeader(":authority", authority),
      ...headers.map(headerMatcher),
    ],
    queryParameters: query.map(queryMatcher),
    dynamicMetadata: claims.map(metadataMatcher),
  });
}

/** Every request with this value in the header. */
export function headerIs(name: string, value: string): RouteMatch {
  return create(RouteMatchSchema, {
    pathSpecifier: { case: "prefix", value: "/" },
    headers: [{ name, headerMatchSpecifier: { case: "stringMatch", value: stringMatcher({ kind: "exact", value }) } }],
  });
}
