// Hedging.

import type { HedgePolicy } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { HedgePolicy as HedgePolicyTable } from "../hedge-policy.ts";
import type { Scope } from "./scope.ts";

/** `initial_requests` and `additional_request_chance` are not implemented in Envoy either (route_components.proto). */
export function acceptHedgePolicy(scope: Scope, policy: HedgePolicy): HedgePolicyTable {
  scope.only(policy, ["hedgeOnPerTryTimeout"]);
  return { onPerTryTimeout: policy.hedgeOnPerTryTimeout };
}
