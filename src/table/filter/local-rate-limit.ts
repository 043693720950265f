// Token buckets of this proxy alone (envoy.filters.http.local_ratelimit).

import type { RuntimeFraction } from "../fraction.ts";
import type { HeaderOperation } from "../header-mutation.ts";
import type { Descriptor, RateLimit } from "../rate-limit.ts";

export interface TokenBucketSettings {
  readonly maxTokens: number;
  /** Tokens a millisecond. */
  readonly rate: number;
}

export interface DescriptorLimit {
  /** A value of "" stands for any, each with a bucket of its own. */
  readonly descriptor: Descriptor;
  readonly bucket: TokenBucketSettings;
  /** Counted, and never the reason of a refusal. */
  readonly shadow: boolean;
}

export interface LocalRateLimitFilter {
  readonly kind: "local-rate-limit";
  /** Where it stands: buckets that several processes share are known by it. */
  readonly place: string;
  readonly statPrefix: string;
  readonly status: number;
  /** What is taken from when no descriptor matches; undefined: then there is no limit. */
  readonly bucket: TokenBucketSettings | undefined;
  readonly enabled: RuntimeFraction;
  readonly enforced: RuntimeFraction;
  readonly requestHeadersWhenNotEnforced: readonly HeaderOperation[];
  readonly responseHeaders: readonly HeaderOperation[];
  readonly descriptors: readonly DescriptorLimit[];
  /** Of values that stand for any of one limit, the ones kept. */
  readonly maxDynamic: number;
  readonly stage: number;
  readonly perConnection: boolean;
  /** x-ratelimit-limit, -remaining and -reset (draft-polli-ratelimit-headers-03). */
  readonly rateLimitHeaders: boolean;
  readonly virtualHostLimits: "override" | "include" | "ignore";
  /** The default bucket is taken from as well when descriptors match. */
  readonly alwaysDefault: boolean;
  readonly resourceExhausted: boolean;
  /** In place of those of the route; empty for none. */
  readonly rateLimits: readonly RateLimit[];
}
