// Filters of a chain before its terminal one.

import type { TokenBucketSettings } from "./filter/local-rate-limit.ts";
import type { FilterStateRule } from "./filter-state.ts";
import type { RbacTable } from "./rbac.ts";

export interface NetworkRbac {
  readonly kind: "rbac";
  /** Undefined: everybody may. */
  readonly rules: RbacTable | undefined;
  /** Decided, counted and told of in metadata; never enforced. */
  readonly shadow: RbacTable | undefined;
  readonly statPrefix: string;
  /** Before the keys of the shadow's metadata. */
  readonly shadowPrefix: string;
  /** Whoever is refused is held that long. */
  readonly delayMs: number;
}

export type NetworkFilter =
  | NetworkRbac
  /** Kept for those after it (envoy.filters.network.set_filter_state). */
  | { readonly kind: "set-filter-state"; readonly rules: readonly FilterStateRule[] }
  /** A connection for which the bucket has no token is closed at once (envoy.filters.network.local_ratelimit). */
  | {
      readonly kind: "local-rate-limit";
      /** Where it stands: a bucket that several processes share is known by it. */
      readonly place: string;
      readonly bucket: TokenBucketSettings;
    }
  /** More connections than `max` of this chain are closed, after `delayMs` (envoy.filters.network.connection_limit). */
  | { readonly kind: "connection-limit"; readonly max: number; readonly delayMs: number };
