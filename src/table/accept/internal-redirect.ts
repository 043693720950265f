// Internal redirects, and the predicates that restrain them.

import type { TypedExtensionConfig } from "../../xds/gen/envoy/config/core/v3/extension_pb.ts";
import type { InternalRedirectPolicy } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { AllowListedRoutesConfigSchema } from "../../xds/gen/envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config_pb.ts";
import { PreviousRoutesConfigSchema } from "../../xds/gen/envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config_pb.ts";
import { SafeCrossSchemeConfigSchema } from "../../xds/gen/envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config_pb.ts";
import type { InternalRedirectPolicy as InternalRedirectTable, RedirectPredicate } from "../internal-redirect.ts";
import { isA, type Scope } from "./scope.ts";

/** Envoy follows 302 alone unless told otherwise, and no other than these. */
const DEFAULT_STATUSES = [302];
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

function acceptPredicate(scope: Scope, { typedConfig }: TypedExtensionConfig): RedirectPredicate | undefined {
  if (typedConfig && isA(typedConfig, PreviousRoutesConfigSchema)) return { kind: "previous-routes" };
  if (typedConfig && isA(typedConfig, SafeCrossSchemeConfigSchema)) return { kind: "safe-cross-scheme" };
  const config = scope.field("typed_config").unpack(typedConfig, AllowListedRoutesConfigSchema);
  return config && { kind: "allow-listed-routes", names: new Set(config.allowedRouteNames) };
}

export function acceptInternalRedirect(scope: Scope, policy: InternalRedirectPolicy): InternalRedirectTable {
  scope.only(policy, [
    "maxInternalRedirects",
    "redirectResponseCodes",
    "predicates",
    "allowCrossSchemeRedirect",
    "responseHeadersToCopy",
  ]);
  const statuses = policy.redirectResponseCodes.filter((status) => REDIRECTS.includes(status));
  return {
    max: policy.maxInternalRedirects ?? 1,
    statuses: new Set(policy.redirectResponseCodes.length === 0 ? DEFAULT_STATUSES : statuses),
    predicates: policy.predicates.flatMap(
      (predicate, i) => acceptPredicate(scope.field("predicates").index(i), predicate) ?? [],
    ),
    allowCrossScheme: policy.allowCrossSchemeRedirect,
    responseHeadersToCopy: policy.responseHeadersToCopy.map((name) => name.toLowerCase()),
  };
}
