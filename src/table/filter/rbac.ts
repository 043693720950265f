// The RBAC filter (envoy.filters.http.rbac).

import type { RbacTable } from "../rbac.ts";

export interface RbacFilter {
  readonly kind: "rbac";
  /** Undefined: everybody may. */
  readonly rules: RbacTable | undefined;
  /** Decided, counted and told of in metadata; never enforced. */
  readonly shadow: RbacTable | undefined;
  /** Before the names of the counters and of the metadata's keys. */
  readonly rulesPrefix: string;
  readonly shadowPrefix: string;
  /** Policies are counted one by one. */
  readonly perRuleStats: boolean;
}
