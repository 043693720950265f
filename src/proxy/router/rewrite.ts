// What a route changes of a request that it forwards, and of its response.

import { appendHeader, getHeader, type HeaderList, setHeader } from "../../http/headers.ts";
import type { RequestHead } from "../../http/stream.ts";
import { type HeaderMutation, NO_MUTATION } from "../../table/header-mutation.ts";
import { pathWithoutQuery } from "../../table/request.ts";
import { type HostRewrite, rewritePath } from "../../table/rewrite.ts";
import type { ForwardAction, Route, WeightedCluster } from "../../table/route.ts";
import { substitute } from "../../table/substitution.ts";
import type { FormatSource } from "../format-value.ts";
import { mutateRequest, mutateResponse } from "../header-operations.ts";

/** Undefined: stays as it is, or is the endpoint's, which is not chosen yet. */
function newAuthority(head: RequestHead, rewrite: HostRewrite): string | undefined {
  switch (rewrite.kind) {
    case "literal":
      return rewrite.host;
    case "header":
      return getHeader(head.headers, rewrite.name);
    case "path":
      return substitute(rewrite.substitution, pathWithoutQuery(head.path));
    case "endpoint":
      return undefined;
  }
}

/** `tells`: what it was before. */
export function setAuthority(head: RequestHead, authority: string, appendForwardedHost: boolean, tells: boolean): void {
  if (authority === head.authority) return;
  if (appendForwardedHost) appendHeader(head.headers, "x-forwarded-host", head.authority);
  if (tells) setHeader(head.headers, "x-envoy-original-host", head.authority);
  head.authority = authority;
}

/** What was asked for is told of every rewrite, of one that changes nothing, too. */
function changePath(head: RequestHead, { match }: Route, { pathRewrite }: ForwardAction, tells: boolean): void {
  if (!pathRewrite) return;
  const path = rewritePath(pathRewrite, head.path, match.path);
  if (tells) setHeader(head.headers, "x-envoy-original-path", head.path);
  head.path = path;
}

/** `tells`: what it rewrote. Envoy's order: the weighted cluster's operations first, then the route's with what it inherits, then the rewrites. */
export function rewriteRequest(
  head: RequestHead,
  route: Route,
  action: ForwardAction,
  weighted: WeightedCluster | undefined,
  source: FormatSource,
  tells: boolean,
): void {
  const { headers } = head;
  if (weighted && weighted.headers !== NO_MUTATION) mutateRequest(headers, weighted.headers, source);
  if (route.headers !== NO_MUTATION) mutateRequest(headers, route.headers, source);
  const rewrite = action.hostRewrite ?? weighted?.hostRewrite;
  const authority = rewrite && newAuthority(head, rewrite);
  if (authority !== undefined && authority !== "") setAuthority(head, authority, action.appendForwardedHost, tells);
  changePath(head, route, action, tells);
}

/** The route's operations, then the weighted cluster's. */
export function rewriteResponse(
  headers: HeaderList,
  route: HeaderMutation,
  weighted: WeightedCluster | undefined,
  source: FormatSource,
): void {
  if (route !== NO_MUTATION) mutateResponse(headers, route, source);
  if (weighted && weighted.headers !== NO_MUTATION) mutateResponse(headers, weighted.headers, source);
}
