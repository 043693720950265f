// Where a redirect points (Envoy: RouteEntryImplBase::newUri).

import type { RequestFacts } from "../table/request.ts";
import type { PathMatch, RedirectAction } from "../table/route.ts";
import { portOf, withoutPort } from "../table/virtual-hosts.ts";

function redirectedPath(action: RedirectAction, request: RequestFacts, match: PathMatch): string {
  const query = request.path.indexOf("?");
  const search = query === -1 || action.stripQuery ? "" : request.path.slice(query);
  const path = query === -1 ? request.path : request.path.slice(0, query);
  if (!action.path) return path + search;
  if (action.path.kind === "full") return action.path.text.includes("?") ? action.path.text : action.path.text + search;
  const matched = match.kind === "prefix" || match.kind === "segments" ? match.text.length : path.length;
  return action.path.text + path.slice(matched) + search;
}

/** The Location of a redirect. The default port of the scheme is left out. */
export function redirectLocation(action: RedirectAction, request: RequestFacts, match: PathMatch): string {
  const scheme = action.scheme ?? request.scheme;
  const host = action.host ?? withoutPort(request.authority);
  const schemeChanged = action.scheme !== undefined && action.scheme !== request.scheme;
  const port = action.port ?? (action.host !== undefined || schemeChanged ? undefined : portOf(request.authority));
  const standard = scheme === "https" ? 443 : 80;
  return `${scheme}://${host}${port === undefined || port === standard ? "" : `:${port}`}${redirectedPath(action, request, match)}`;
}
