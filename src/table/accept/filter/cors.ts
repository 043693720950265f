// envoy.extensions.filters.http.cors.v3.CorsPolicy, and the message of the same name that routes had before it.

import type { CorsPolicy as DeprecatedCorsPolicy } from "../../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { CorsPolicy } from "../../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.ts";
import type { CorsPolicy as CorsTable } from "../../filter/cors.ts";
import type { RouteFilterTable } from "../../filter/filter.ts";
import type { RuntimeFraction } from "../../fraction.ts";
import { acceptRuntimeFraction } from "../fraction.ts";
import { acceptString } from "../match.ts";
import type { Scope } from "../scope.ts";

const FIELDS = [
  "allowOriginStringMatch",
  "allowMethods",
  "allowHeaders",
  "exposeHeaders",
  "maxAge",
  "allowCredentials",
  "allowPrivateNetworkAccess",
  "forwardNotMatchingPreflights",
  "shadowEnabled",
] as const;

type CommonFields = Pick<CorsPolicy | DeprecatedCorsPolicy, (typeof FIELDS)[number]>;

/** What a policy leaves out it takes from the level above, field by field (Envoy: CorsFilter::allowOrigins and its like). */
function readPolicy(
  scope: Scope,
  policy: CommonFields,
  enabled: RuntimeFraction,
  above: RouteFilterTable | undefined,
): CorsTable {
  const inherited = above?.kind === "cors" ? above : undefined;
  const own = policy.allowOriginStringMatch.map((match, i) =>
    acceptString(scope.field("allow_origin_string_match").index(i), match),
  );
  return {
    kind: "cors",
    allowOrigins: own.length > 0 ? own : (inherited?.allowOrigins ?? []),
    allowMethods: policy.allowMethods || (inherited?.allowMethods ?? ""),
    allowHeaders: policy.allowHeaders || (inherited?.allowHeaders ?? ""),
    exposeHeaders: policy.exposeHeaders || (inherited?.exposeHeaders ?? ""),
    maxAge: policy.maxAge || (inherited?.maxAge ?? ""),
    allowCredentials: policy.allowCredentials ?? inherited?.allowCredentials ?? false,
    allowPrivateNetwork: policy.allowPrivateNetworkAccess ?? inherited?.allowPrivateNetwork ?? false,
    forwardNotMatchingPreflights: policy.forwardNotMatchingPreflights ?? true,
    enabled,
  };
}

export function acceptCorsPolicy(scope: Scope, policy: CorsPolicy, above: RouteFilterTable | undefined): CorsTable {
  scope.only(policy, [...FIELDS, "filterEnabled"]);
  const { filterEnabled } = policy;
  return readPolicy(
    scope,
    policy,
    filterEnabled ? acceptRuntimeFraction(scope.field("filter_enabled"), filterEnabled) : 1,
    above,
  );
}

export function acceptDeprecatedCorsPolicy(
  scope: Scope,
  policy: DeprecatedCorsPolicy,
  above: RouteFilterTable | undefined,
): CorsTable {
  scope.only(policy, [...FIELDS, "enabledSpecifier"]);
  const enabled = policy.enabledSpecifier.value;
  return readPolicy(scope, policy, enabled ? acceptRuntimeFraction(scope.field("filter_enabled"), enabled) : 1, above);
}
