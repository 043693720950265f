// What a route changes of a request that it forwards.

import { setHeader } from "../../http/headers.ts";
import type { RequestHead } from "../../http/stream.ts";
import { type HeaderMutation, NO_MUTATION } from "../../table/header-mutation.ts";
import type { ForwardAction, Route } from "../../table/route.ts";
import type { FormatSource } from "../format-value.ts";
import { mutateHeaders } from "../header-operations.ts";

function rewriteAuthority(head: RequestHead, { hostRewrite }: ForwardAction): void {
  if (hostRewrite === undefined || hostRewrite === head.authority) return;
  setHeader(head.headers, "x-envoy-original-host", head.authority);
  head.authority = hostRewrite;
}

function rewritePath(head: RequestHead, { match }: Route, { prefixRewrite }: ForwardAction): void {
  if (prefixRewrite === undefined || (match.path.kind !== "prefix" && match.path.kind !== "segments")) return;
  setHeader(head.headers, "x-envoy-original-path", head.path);
  head.path = prefixRewrite + head.path.slice(match.path.text.length);
}

/** Envoy's order: the weighted cluster's operations first, then the route's with what it inherits, then the rewrites. */
export function rewriteRequest(
  head: RequestHead,
  route: Route,
  action: ForwardAction,
  cluster: HeaderMutation,
  source: FormatSource,
): void {
  const { headers } = head;
  if (cluster !== NO_MUTATION) mutateHeaders(headers, cluster.requestRemove, cluster.requestSet, source);
  if (route.headers !== NO_MUTATION)
    mutateHeaders(headers, route.headers.requestRemove, route.headers.requestSet, source);
  rewriteAuthority(head, action);
  rewritePath(head, route, action);
}

/** The route's operations, then the weighted cluster's. */
export function rewriteResponse(
  headers: string[],
  route: HeaderMutation,
  cluster: HeaderMutation,
  source: FormatSource,
): void {
  if (route !== NO_MUTATION) mutateHeaders(headers, route.responseRemove, route.responseSet, source);
  if (cluster !== NO_MUTATION) mutateHeaders(headers, cluster.responseRemove, cluster.responseSet, source);
}
