// The RBAC filter (envoy.filters.http.rbac).

import type { RbacTable } from "../rbac.ts";

export interface RbacFilter {
  readonly kind: "rbac";
  /** Undefined: everybody may. */
  readonly rules: RbacTable | undefined;
  /** Decided and counted, never enforced. */
  readonly shadow: RbacTable | undefined;
}
