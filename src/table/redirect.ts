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

/** The Location of a redirect. */
export function redirectLocation(action: RedirectAction, request: RequestFacts, match: PathMatch): string {
  const scheme = action.scheme ?? request.scheme;
  const host = action.host ?? withoutPort(request.authority);
  const schemeChanged = action.scheme !== undefined && action.scheme !== request.scheme;
  const port = action.port ?? (action.host !== undefined || schemeChanged ? undefined : portOf(request.authority));
  // A port that the route names is written whatever it is; the request's own only where the new scheme needs it.
  const isImplied = action.port === undefined && port === (scheme === "https" ? 443 : 80);
  return `${scheme}://${host}${port === undefined || isImplied ? "" : `:${port}`}${redirectedPath(action, request, match)}`;
}

/** Whether a request that came without TLS must come with it (Envoy: RouteMatcher, SslRedirectRoute). */
export function needsTls(requireTls: "none" | "external" | "all", request: RequestFacts): boolean {
  if (requireTls === "none" || headerValue(request, "x-forwarded-proto") === "https") return false;
  return requireTls === "all" || headerValue(request, "x-envoy-internal") !== "true";
}
