// Who may connect (envoy.filters.network.rbac). Decided once, when the connection has reached its chain: what rules look at does not change
// while it lasts. Envoy waits for the first byte of the client, and has connected to a host by then.

import type { JsonObject } from "@bufbuild/protobuf";
import * as names from "../stats/names/filter.ts";
import type { NetworkRbac as RbacFilter } from "../table/network-filter.ts";
import { decideRbac } from "../table/rbac.ts";
import type { ConnectionFacts } from "../table/request.ts";
import type { FilterCount } from "./filter/filter.ts";

export const RBAC_NAMESPACE = "envoy.filters.network.rbac";

export class NetworkRbac {
  readonly #table: RbacFilter;
  readonly stats = { allowed: 0, denied: 0, shadowAllowed: 0, shadowDenied: 0 };

  constructor(table: RbacFilter) {
    this.#table = table;
  }

  /** What the shadow would do, for logs; undefined: there is none. */
  shadow(facts: ConnectionFacts): JsonObject | undefined {
    const { shadow, shadowPrefix } = this.#table;
    if (!shadow) return undefined;
    const { allowed, policy } = decideRbac(shadow, facts, undefined);
    if (allowed) this.stats.shadowAllowed++;
    else this.stats.shadowDenied++;
    const result = { [`${shadowPrefix}shadow_engine_result`]: allowed ? "allowed" : "denied" };
    return policy === undefined ? result : { [`${shadowPrefix}shadow_effective_policy_id`]: policy, ...result };
  }

  /** Why the connection is refused, in Envoy's words; undefined: it is not. */
  refusal(facts: ConnectionFacts): string | undefined {
    const { rules } = this.#table;
    if (!rules) return undefined;
    const { allowed, policy } = decideRbac(rules, facts, undefined);
    if (allowed) this.stats.allowed++;
    else this.stats.denied++;
    return allowed ? undefined : `rbac_access_denied_matched_policy[${(policy ?? "none").replaceAll(/\s/g, "_")}]`;
  }

  counts(): readonly FilterCount[] {
    const { statPrefix, shadow, shadowPrefix, rules } = this.#table;
    const { allowed, denied, shadowAllowed, shadowDenied } = this.stats;
    const own = [statPrefix];
    const ofShadow = [shadowPrefix, statPrefix];
    const enforced = [
      { counter: names.NETWORK_RBAC_ALLOWED, labels: own, value: allowed },
      { counter: names.NETWORK_RBAC_DENIED, labels: own, value: denied },
    ];
    const shadowed = [
      { counter: names.NETWORK_RBAC_SHADOW_ALLOWED, labels: ofShadow, value: shadowAllowed },
      { counter: names.NETWORK_RBAC_SHADOW_DENIED, labels: ofShadow, value: shadowDenied },
    ];
    return [...(rules ? enforced : []), ...(shadow ? shadowed : [])];
  }
}
