// Whether a redirect of the upstream is followed here (Envoy: Filter::setupRedirect, convertRequestHeadersForInternalRedirect).

import { getHeader, removeHeader, setHeader } from "../../http/headers.ts";
import type { RequestHead, ResponseHead } from "../../http/stream.ts";
import type { InternalRedirectPolicy } from "../../table/internal-redirect.ts";

/** Where a request goes next. */
export interface RedirectTarget {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** Header fields of the redirect that the next request carries: name, value, … */
  readonly copied: readonly string[];
  readonly status: number;
}

/** What a request remembers of the redirects that it followed. */
export interface RedirectHistory {
  readonly count: number;
  /** Names of the routes it was on. */
  readonly routes: ReadonlySet<string>;
}

export const NO_REDIRECTS: RedirectHistory = { count: 0, routes: new Set() };

const LOCATION = /^(?:(https?):\/\/([^/?#\s]+))?(\/[^#\s]*|\?[^#\s]*)?(?:#\S*)?$/i;

function parseLocation(
  location: string,
  head: RequestHead,
): { scheme: string; authority: string; path: string } | undefined {
  const [whole, scheme, authority, path = ""] = LOCATION.exec(location) ?? [];
  if (!whole || (authority === undefined && !path.startsWith("/"))) return undefined;
  return {
    scheme: scheme?.toLowerCase() ?? head.scheme,
    authority: authority ?? head.authority,
    path: path.startsWith("/") ? path : `/${path}`,
  };
}

/** Undefined: the client gets the redirect. Predicates that ask for the next route are asked when it is known, by `admitsRoute`. */
export function followRedirect(
  policy: InternalRedirectPolicy,
  history: RedirectHistory,
  head: RequestHead,
  response: ResponseHead,
  downstreamScheme: string,
): RedirectTarget | undefined {
  if (!policy.statuses.has(response.status) || history.count >= policy.max) return undefined;
  const location = getHeader(response.headers, "location");
  const target = location === undefined ? undefined : parseLocation(location, head);
  if (!target) return undefined;
  if (!policy.allowCrossScheme && target.scheme !== downstreamScheme) return undefined;
  const safe = policy.predicates.some(({ kind }) => kind === "safe-cross-scheme");
  if (safe && target.scheme === "https" && downstreamScheme !== "https") return undefined;
  const copied = policy.responseHeadersToCopy.flatMap((name) => {
    const value = getHeader(response.headers, name);
    return value === undefined ? [] : [name, value];
  });
  return { ...target, copied, status: response.status };
}

/** Whether the route that the target leads to may be taken. */
export function admitsRoute(policy: InternalRedirectPolicy, visited: ReadonlySet<string>, route: string): boolean {
  return policy.predicates.every(
    (predicate) =>
      (predicate.kind !== "previous-routes" || !visited.has(route)) &&
      (predicate.kind !== "allow-listed-routes" || predicate.names.has(route)),
  );
}

/** The head goes where the redirect leads, and says where it was before. @returns false when the body is not to go there. */
export function moveHead(head: RequestHead, target: RedirectTarget): boolean {
  const { scheme, authority, path, copied, status } = target;
  setHeader(head.headers, "x-envoy-original-url", `${head.scheme}://${head.authority}${head.path}`);
  for (let i = 0; i < copied.length; i += 2) setHeader(head.headers, copied[i]!, copied[i + 1]!);
  head.scheme = scheme;
  head.authority = authority;
  head.path = path;
  if (status !== 303 || head.method === "GET" || head.method === "HEAD") return true;
  // RFC 9110 15.4.4: what a 303 points to is read.
  head.method = "GET";
  head.contentLength = -1;
  removeHeader(head.headers, "content-type");
  return false;
}
