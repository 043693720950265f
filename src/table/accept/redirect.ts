// What a route answers with a redirect (RedirectAction).

import {
  type RedirectAction,
  RedirectAction_RedirectResponseCode,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type * as table from "../redirect.ts";
import type { Scope } from "./scope.ts";
import { acceptSubstitution } from "./substitution.ts";

const REDIRECT_STATUS: ReadonlyMap<RedirectAction_RedirectResponseCode, number> = new Map([
  [RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY, 301],
  [RedirectAction_RedirectResponseCode.FOUND, 302],
  [RedirectAction_RedirectResponseCode.SEE_OTHER, 303],
  [RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT, 307],
  [RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT, 308],
]);

function acceptPath(scope: Scope, { pathRewriteSpecifier: by }: RedirectAction): table.RedirectAction["path"] {
  switch (by.case) {
    case undefined:
      return undefined;
    case "pathRedirect":
      return { kind: "full", text: by.value };
    case "prefixRewrite":
      return { kind: "prefix", text: by.value };
    case "regexRewrite": {
      const substitution = acceptSubstitution(scope.field("regex_rewrite"), by.value);
      return substitution && { kind: "regex", substitution };
    }
  }
}

export function acceptRedirect(scope: Scope, action: RedirectAction): table.RedirectAction {
  scope.only(action, [
    "schemeRewriteSpecifier",
    "hostRedirect",
    "portRedirect",
    "pathRewriteSpecifier",
    "responseCode",
    "stripQuery",
  ]);
  const scheme = action.schemeRewriteSpecifier;
  return {
    kind: "redirect",
    status: REDIRECT_STATUS.get(action.responseCode) ?? 301,
    scheme: scheme.case === "httpsRedirect" ? (scheme.value ? "https" : undefined) : scheme.value,
    host: action.hostRedirect || undefined,
    port: action.portRedirect || undefined,
    path: acceptPath(scope, action),
    stripQuery: action.stripQuery,
  };
}
