// envoy.extensions.filters.http.rbac.v3: RBAC and RBACPerRoute.

import type { RBAC, RBACPerRoute } from "../../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import type { RbacFilter } from "../../filter/rbac.ts";
import { acceptRulesOrMatcher } from "../rbac-matcher.ts";
import type { Scope } from "../scope.ts";

export function acceptRbacFilter(scope: Scope, rbac: RBAC): RbacFilter {
  scope.only(rbac, [
    "rules",
    "matcher",
    "shadowRules",
    "shadowMatcher",
    "shadowRulesStatPrefix",
    "rulesStatPrefix",
    "trackPerRuleStats",
  ]);
  const enforced = { rules: scope.field("rules"), matcher: scope.field("matcher") };
  const shadow = { rules: scope.field("shadow_rules"), matcher: scope.field("shadow_matcher") };
  return {
    kind: "rbac",
    rules: acceptRulesOrMatcher(enforced, rbac.rules, rbac.matcher, "http"),
    shadow: acceptRulesOrMatcher(shadow, rbac.shadowRules, rbac.shadowMatcher, "http"),
    rulesPrefix: rbac.rulesStatPrefix,
    shadowPrefix: rbac.shadowRulesStatPrefix,
    perRuleStats: rbac.trackPerRuleStats,
  };
}

/** Without `rbac` the filter is off for the route (rbac.proto, RBACPerRoute). */
export function acceptRbacRoute(scope: Scope, perRoute: RBACPerRoute): RbacFilter {
  return perRoute.rbac
    ? acceptRbacFilter(scope.field("rbac"), perRoute.rbac)
    : { kind: "rbac", rules: undefined, shadow: undefined, rulesPrefix: "", shadowPrefix: "", perRuleStats: false };
}
