// envoy.extensions.filters.http.rbac.v3: RBAC and RBACPerRoute.

import type { RBAC, RBACPerRoute } from "../../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import type { RbacFilter } from "../../filter/rbac.ts";
import { acceptRbac } from "../rbac.ts";
import type { Scope } from "../scope.ts";

export function acceptRbacFilter(scope: Scope, rbac: RBAC): RbacFilter {
  scope.only(rbac, ["rules", "shadowRules", "shadowRulesStatPrefix", "rulesStatPrefix"]);
  return {
    kind: "rbac",
    rules: rbac.rules && acceptRbac(scope.field("rules"), rbac.rules),
    shadow: rbac.shadowRules && acceptRbac(scope.field("shadow_rules"), rbac.shadowRules),
    rulesPrefix: rbac.rulesStatPrefix,
    shadowPrefix: rbac.shadowRulesStatPrefix,
  };
}

/** Without `rbac` the filter is off for the route (rbac.proto, RBACPerRoute). */
export function acceptRbacRoute(scope: Scope, perRoute: RBACPerRoute): RbacFilter {
  return perRoute.rbac
    ? acceptRbacFilter(scope.field("rbac"), perRoute.rbac)
    : { kind: "rbac", rules: undefined, shadow: undefined, rulesPrefix: "", shadowPrefix: "" };
}
