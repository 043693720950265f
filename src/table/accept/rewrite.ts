// How a route rewrites path and host.

import type { RouteAction } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { HostRewrite, PathRewrite } from "../rewrite.ts";
import type { Scope } from "./scope.ts";
import { acceptSubstitution } from "./substitution.ts";

export function acceptPathRewrite(scope: Scope, action: RouteAction): PathRewrite | undefined {
  if (action.prefixRewrite !== "" && action.regexRewrite)
    scope.field("regex_rewrite").reject("only one of prefix_rewrite and regex_rewrite may be set");
  if (action.prefixRewrite !== "") return { kind: "prefix", text: action.prefixRewrite };
  const substitution = action.regexRewrite && acceptSubstitution(scope.field("regex_rewrite"), action.regexRewrite);
  return substitution && { kind: "regex", substitution };
}

export function acceptHostRewrite(scope: Scope, action: RouteAction): HostRewrite | undefined {
  const by = action.hostRewriteSpecifier;
  switch (by.case) {
    case undefined:
      return undefined;
    case "hostRewriteLiteral":
      return { kind: "literal", host: by.value };
    case "autoHostRewrite":
      return by.value.value ? { kind: "endpoint" } : undefined;
    case "hostRewriteHeader":
      return { kind: "header", name: by.value.toLowerCase() };
    case "hostRewritePathRegex": {
      const substitution = acceptSubstitution(scope.field("host_rewrite_path_regex"), by.value);
      return substitution && { kind: "path", substitution };
    }
  }
}
