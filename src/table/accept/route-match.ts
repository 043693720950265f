// What a route takes: path, headers, query parameters.

import type { RouteMatch } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type * as table from "../route-match.ts";
import { acceptRuntimeFraction } from "./fraction.ts";
import { acceptHeaderMatch, acceptQueryMatch, acceptRegex, exactly } from "./match.ts";
import { acceptMetadataMatch } from "./metadata-match.ts";
import type { Scope } from "./scope.ts";
import { mapped, NONE } from "./shared.ts";

function acceptPath(scope: Scope, match: RouteMatch): table.PathMatch {
  const ignoreCase = match.caseSensitive === false;
  const by = match.pathSpecifier;
  switch (by.case) {
    case "prefix":
      return { kind: "prefix", text: ignoreCase ? by.value.toLowerCase() : by.value, ignoreCase };
    case "pathSeparatedPrefix":
      return { kind: "segments", text: ignoreCase ? by.value.toLowerCase() : by.value, ignoreCase };
    case "path":
      return { kind: "string", match: exactly(by.value, ignoreCase) };
    case "safeRegex":
      return { kind: "string", match: acceptRegex(scope.field("safe_regex"), by.value) };
    case "connectMatcher":
      return { kind: "connect" };
    default:
      scope.reject(by.case === undefined ? "no path to match" : `${by.case} is not supported by Heddle's proxy`);
      return { kind: "connect" };
  }
}

/** What an index of paths has of a match that was accepted; of a regex it knows nothing. */
export function pathOfIndex(match: RouteMatch | undefined): table.PathMatch {
  const by = match?.pathSpecifier;
  if (match?.caseSensitive === false) return { kind: "connect" };
  switch (by?.case) {
    case "prefix":
      return { kind: "prefix", text: by.value, ignoreCase: false };
    case "pathSeparatedPrefix":
      return { kind: "segments", text: by.value, ignoreCase: false };
    case "path":
      return { kind: "string", match: exactly(by.value, false) };
    default:
      return { kind: "connect" };
  }
}

/** One for all: it is in every virtual host. */
const ALWAYS: table.RouteMatch = {
  path: { kind: "prefix", text: "/", ignoreCase: false },
  headers: NONE,
  query: NONE,
  metadata: NONE,
  grpc: false,
  certificate: undefined,
  fraction: undefined,
  always: true,
};

const NOTHING: table.RouteMatch = {
  path: { kind: "connect" },
  headers: [],
  query: [],
  metadata: [],
  grpc: false,
  certificate: undefined,
  fraction: undefined,
  always: false,
};

export function acceptRouteMatch(scope: Scope, match: RouteMatch | undefined): table.RouteMatch {
  if (!match) {
    scope.reject("missing");
    return NOTHING;
  }
  scope.only(match, [
    "pathSpecifier",
    "caseSensitive",
    "headers",
    "queryParameters",
    "dynamicMetadata",
    "grpc",
    "tlsContext",
    "runtimeFraction",
  ]);
  const path = acceptPath(scope, match);
  const headers = mapped(match.headers, (header, i) => acceptHeaderMatch(scope.field("headers").index(i), header));
  const query = mapped(match.queryParameters, (parameter, i) =>
    acceptQueryMatch(scope.field("query_parameters").index(i), parameter),
  );
  const metadata = mapped(match.dynamicMetadata, (matcher, i) =>
    acceptMetadataMatch(scope.field("dynamic_metadata").index(i), matcher),
  );
  const fraction =
    match.runtimeFraction && acceptRuntimeFraction(scope.field("runtime_fraction"), match.runtimeFraction);
  const grpc = match.grpc !== undefined;
  const certificate = match.tlsContext && {
    presented: match.tlsContext.presented,
    validated: match.tlsContext.validated,
  };
  const everyPath = path.kind === "prefix" && path.text === "/";
  const looksAt = headers.length + query.length + metadata.length;
  const always = everyPath && looksAt === 0 && !grpc && !certificate && fraction === undefined;
  return always && !path.ignoreCase ? ALWAYS : { path, headers, query, metadata, grpc, certificate, fraction, always };
}
