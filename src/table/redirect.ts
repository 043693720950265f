// Where a redirect points (Envoy: RouteEntryImplBase::newUri).

import { portOf, withoutPort } from "./authority.ts";
import { headerValue, type RequestFacts } from "./request.ts";
import { type PathRewrite, rewritePath } from "./rewrite.ts";
import type { PathMatch } from "./route-match.ts";

export interface RedirectAction {
  readonly kind: "redirect";
  readonly status: number;
  readonly scheme: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: { readonly kind: "full"; readonly text: string } | PathRewrite | undefined;
  readonly stripQuery: boolean;
}

/** What is written without a slash would be read as part of the host. */
function rooted(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

function redirectedPath(action: RedirectAction, request: RequestFacts, match: PathMatch): string {
  const query = request.path.indexOf("?");
  const search = query === -1 || action.stripQuery ? "" : request.path.slice(query);
  const path = query === -1 ? request.path : request.path.slice(0, query);
  if (!action.path) return path + search;
  if (action.path.kind !== "full") return rooted(rewritePath(action.path, path, match) + search);
  return rooted(action.path.text.includes("?") ? action.path.text : action.path.text + search);
}

/** The request's own, without its port where that is the old scheme's and the scheme changes (Envoy: processRequestHost). */
function requestHost(request: RequestFacts, scheme: string): string {
  const before = headerValue(request, "x-forwarded-proto") ?? request.scheme;
  const usual = before === "https" ? 443 : before === "http" ? 80 : undefined;
  const isLeft = scheme !== before && usual !== undefined && portOf(request.authority) === usual;
  return isLeft ? withoutPort(request.authority) : request.authority;
}

/** The Location of a redirect. A port that the route names is written whatever it is. */
export function redirectLocation(action: RedirectAction, request: RequestFacts, match: PathMatch): string {
  const scheme = action.scheme ?? request.scheme;
  const host =
    action.host ?? (action.port === undefined ? requestHost(request, scheme) : withoutPort(request.authority));
  const port = action.port === undefined ? "" : `:${action.port}`;
  return `${scheme}://${host}${port}${redirectedPath(action, request, match)}`;
}

/** Whether a request that came without TLS must come with it (Envoy: RouteMatcher, SslRedirectRoute). */
export function needsTls(requireTls: "none" | "external" | "all", request: RequestFacts): boolean {
  if (requireTls === "none" || headerValue(request, "x-forwarded-proto") === "https") return false;
  return requireTls === "all" || headerValue(request, "x-envoy-internal") !== "true";
}
