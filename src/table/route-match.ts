// What a route takes.

import { isChosen, type RuntimeFraction } from "./fraction.ts";
import { type HeaderMatch, matchesHeaders, matchesQuery, type QueryMatch } from "./header-match.ts";
import { type MetadataMatch, matchesMetadata } from "./metadata-match.ts";
import type { RequestContext } from "./rbac.ts";
import { type ConnectionFacts, headerValue, pathWithoutQuery, type RequestFacts } from "./request.ts";
import { matchesString, type StringMatch } from "./string-match.ts";

/** `prefix` also matches inside a segment (`/foo` takes `/foobar`), `segments` does not. `connect` takes CONNECT requests alone. */
export type PathMatch =
  | { readonly kind: "prefix"; readonly text: string; readonly ignoreCase: boolean }
  | { readonly kind: "segments"; readonly text: string; readonly ignoreCase: boolean }
  | { readonly kind: "string"; readonly match: StringMatch }
  | { readonly kind: "connect" };

export interface RouteMatch {
  readonly path: PathMatch;
  readonly headers: readonly HeaderMatch[];
  readonly query: readonly QueryMatch[];
  /** Of what filters found out. */
  readonly metadata: readonly MetadataMatch[];
  /** Only gRPC requests: content type `application/grpc`, with or without a format. */
  readonly grpc: boolean;
  /** Undefined does not restrict. `validated` implies `presented`: an unproven peer never gets as far. */
  readonly certificate:
    | { readonly presented: boolean | undefined; readonly validated: boolean | undefined }
    | undefined;
  /** The share of requests that it takes; undefined: all. */
  readonly fraction: RuntimeFraction | undefined;
  /** Matches everything: `prefix: "/"` alone. The common case needs no look at the request. */
  readonly always: boolean;
}

function matchesPath(match: PathMatch, request: RequestFacts): boolean {
  if (match.kind === "connect") return request.method === "CONNECT";
  if (request.path === "") return false; // a plain CONNECT has no path
  switch (match.kind) {
    case "prefix": {
      if (!match.ignoreCase) return request.path.startsWith(match.text);
      return request.path.slice(0, match.text.length).toLowerCase() === match.text;
    }
    case "segments": {
      const path = pathWithoutQuery(request.path);
      const head = match.ignoreCase ? path.slice(0, match.text.length).toLowerCase() : path.slice(0, match.text.length);
      return (
        head === match.text && (path.length === match.text.length || path.charCodeAt(match.text.length) === 47)
      ); /* / */
    }
    case "string":
      return matchesString(match.match, pathWithoutQuery(request.path));
  }
}

function isGrpc(request: RequestFacts): boolean {
  const type = headerValue(request, "content-type");
  return type === "application/grpc" || (type?.startsWith("application/grpc+") ?? false);
}

function matchesCertificate(match: RouteMatch, { principal }: ConnectionFacts): boolean {
  if (!match.certificate) return true;
  const { presented, validated } = match.certificate;
  const proven = principal !== "";
  return (presented ?? proven) === proven && (validated ?? proven) === proven;
}

/** What filters found out of a request: asked for where a route looks at it. */
export type FoundMetadata = Pick<RequestContext, "metadata">;

export const NOTHING_FOUND: FoundMetadata = { metadata: () => undefined };

function matchesFound(matches: readonly MetadataMatch[], found: FoundMetadata): boolean {
  if (matches.length === 0) return true;
  const metadata = found.metadata("dynamic");
  return matches.every((match) => matchesMetadata(match, metadata));
}

/** `random`: from 0 (inclusive) to 1 (exclusive), one for all routes of a request (Envoy: RouteMatcher::route's random_value). */
export function matchesRoute(
  match: RouteMatch,
  request: RequestFacts,
  connection: ConnectionFacts,
  random: number,
  found: FoundMetadata,
): boolean {
  if (match.always) return request.path !== "";
  return (
    matchesPath(match.path, request) &&
    matchesHeaders(match.headers, request) &&
    matchesQuery(match.query, request.path) &&
    matchesFound(match.metadata, found) &&
    (!match.grpc || isGrpc(request)) &&
    matchesCertificate(match, connection) &&
    (match.fraction === undefined || isChosen(match.fraction, random))
  );
}
