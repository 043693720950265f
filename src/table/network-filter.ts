// Filters of a chain before its terminal one.

import type { TokenBucketSettings } from "./filter/local-rate-limit.ts";
import type { RbacTable } from "./rbac.ts";

export type NetworkFilter =
  | { readonly kind: "rbac"; readonly rules: RbacTable }
  /** A connection for which the bucket has no token is closed at once (envoy.filters.network.local_ratelimit). */
  | {
      readonly kind: "local-rate-limit";
      /** Where it stands: a bucket that several processes share is known by it. */
      readonly place: string;
      readonly bucket: TokenBucketSettings;
    }
  /** More connections than `max` of this chain are closed, after `delayMs` (envoy.filters.network.connection_limit). */
  | { readonly kind: "connection-limit"; readonly max: number; readonly delayMs: number };
