// What a route makes of the path and the authority of a request (Envoy: RouteEntryImplBase::finalizePathHeader, finalizeHostHeader).

import { pathWithoutQuery } from "./request.ts";
import type { PathMatch } from "./route-match.ts";
import { type Substitution, substitute } from "./substitution.ts";

export type PathRewrite =
  /** In place of what the route's path matched: the prefix, or the whole path. */
  { readonly kind: "prefix"; readonly text: string } | { readonly kind: "regex"; readonly substitution: Substitution };

export type HostRewrite =
  | { readonly kind: "literal"; readonly host: string }
  /** The host name of the endpoint chosen, where it has one. */
  | { readonly kind: "endpoint" }
  /** The value of a request header, where it is there. */
  | { readonly kind: "header"; readonly name: string }
  /** Made from the path without its query. */
  | { readonly kind: "path"; readonly substitution: Substitution };

/** The path with its query, rewritten. */
export function rewritePath(rewrite: PathRewrite, path: string, match: PathMatch): string {
  const bare = pathWithoutQuery(path);
  const query = path.slice(bare.length);
  if (rewrite.kind === "regex") return substitute(rewrite.substitution, bare) + query;
  const matched = match.kind === "prefix" || match.kind === "segments" ? match.text.length : bare.length;
  return rewrite.text + path.slice(matched);
}
