// Filters of a chain before its terminal one.

import type { RbacTable } from "./rbac.ts";

export type NetworkFilter =
  | { readonly kind: "rbac"; readonly rules: RbacTable }
  /** More connections than `max` of this chain are closed, after `delayMs` (envoy.filters.network.connection_limit). */
  | { readonly kind: "connection-limit"; readonly max: number; readonly delayMs: number };
