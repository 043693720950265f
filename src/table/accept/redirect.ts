// What a route answers with a redirect (RedirectAction).

import {
  type RedirectAction,
  RedirectAction_RedirectResponseCode,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type * as table from "../redirect.ts";
import type { Scope } from "./scope.ts";

const REDIRECT_STATUS: ReadonlyMap<RedirectAction_RedirectResponseCode, number> = new Map([
  [RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY, 301],
  [RedirectAction_RedirectResponseCode.FOUND, 302],
  [RedirectAction_RedirectResponseCode.SEE_OTHER, 303],
  [RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT, 307],
  [RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT, 308],
]);

export function acceptRedirect(scope: Scope, action: RedirectAction): table.RedirectAction {
  scope.only(action, [
    "schemeRewriteSpecifier",
    "hostRedirect",
    "portRedirect",
    "pathRewriteSpecifier",
    "responseCode",
    "stripQuery",
  ]);
  const path = action.pathRewriteSpecifier;
  if (path.case === "regexRewrite") scope.field("regex_rewrite").reject("not supported by Heddle's proxy");
  const scheme = action.schemeRewriteSpecifier;
  return {
    kind: "redirect",
    status: REDIRECT_STATUS.get(action.responseCode) ?? 301,
    scheme: scheme.case === "httpsRedirect" ? (scheme.value ? "https" : undefined) : scheme.value,
    host: action.hostRedirect || undefined,
    port: action.portRedirect || undefined,
    path:
      path.case === "pathRedirect"
        ? { kind: "full", text: path.value }
        : path.case === "prefixRewrite"
          ? { kind: "prefix", text: path.value }
          : undefined,
    stripQuery: action.stripQuery,
  };
}
