// envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit

import {
  type LocalRateLimitDescriptor,
  VhRateLimitsOptions,
} from "../../../xds/gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.ts";
import type { LocalRateLimit } from "../../../xds/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.ts";
import type { TokenBucket } from "../../../xds/gen/envoy/type/v3/token_bucket_pb.ts";
import type * as table from "../../filter/local-rate-limit.ts";
import { acceptRuntimeFraction } from "../fraction.ts";
import { acceptOperations } from "../header-mutation.ts";
import { acceptRateLimits } from "../rate-limit.ts";
import { milliseconds, type Scope } from "../scope.ts";

/** Envoy's (local_rate_limit.proto). */
const DEFAULT_STATUS = 429;
const DEFAULT_MAX_DYNAMIC = 20;
const MIN_FILL_MS = 50;
const MAX_STAGE = 10;

/** Tokens come evenly and not at once when the interval is over, as Envoy's AtomicTokenBucketImpl gives them. */
export function acceptTokenBucket(scope: Scope, bucket: TokenBucket): table.TokenBucketSettings {
  scope.only(bucket, ["maxTokens", "tokensPerFill", "fillInterval"]);
  const intervalMs = milliseconds(bucket.fillInterval, 0);
  if (intervalMs < MIN_FILL_MS) scope.field("fill_interval").reject(`must be at least ${MIN_FILL_MS} ms`);
  return { maxTokens: bucket.maxTokens, rate: (bucket.tokensPerFill ?? 1) / Math.max(1, intervalMs) };
}

function acceptDescriptor(scope: Scope, limit: LocalRateLimitDescriptor): table.DescriptorLimit | undefined {
  scope.only(limit, ["entries", "tokenBucket", "shadowMode"]);
  if (limit.entries.length === 0) scope.field("entries").reject("empty");
  if (!limit.tokenBucket) {
    scope.field("token_bucket").reject("missing");
    return undefined;
  }
  return {
    descriptor: limit.entries.flatMap(({ key, value }) => [key, value]),
    bucket: acceptTokenBucket(scope.field("token_bucket"), limit.tokenBucket),
    shadow: limit.shadowMode,
  };
}

function virtualHostLimits(option: VhRateLimitsOptions): table.LocalRateLimitFilter["virtualHostLimits"] {
  switch (option) {
    case VhRateLimitsOptions.INCLUDE:
      return "include";
    case VhRateLimitsOptions.IGNORE:
      return "ignore";
    default:
      return "override";
  }
}

export function acceptLocalRateLimit(scope: Scope, limit: LocalRateLimit): table.LocalRateLimitFilter {
  scope.only(limit, [
    "statPrefix",
    "status",
    "tokenBucket",
    "filterEnabled",
    "filterEnforced",
    "requestHeadersToAddWhenNotEnforced",
    "responseHeadersToAdd",
    "descriptors",
    "stage",
    "localRateLimitPerDownstreamConnection",
    "enableXRatelimitHeaders",
    "vhRateLimits",
    "alwaysConsumeDefaultTokenBucket",
    "rateLimitedAsResourceExhausted",
    "rateLimits",
    "maxDynamicDescriptors",
  ]);
  if (limit.statPrefix === "") scope.field("stat_prefix").reject("empty");
  if (limit.stage > MAX_STAGE) scope.field("stage").reject(`must be at most ${MAX_STAGE}`);
  if (limit.maxDynamicDescriptors === 0) scope.field("max_dynamic_descriptors").reject("must be at least 1");
  const status: number = limit.status?.code ?? 0;
  const fraction = (name: string, value: LocalRateLimit["filterEnabled"]) =>
    value ? acceptRuntimeFraction(scope.field(name), value) : 0;
  return {
    kind: "local-rate-limit",
    place: scope.place,
    statPrefix: limit.statPrefix,
    status: status < 400 ? DEFAULT_STATUS : status,
    bucket: limit.tokenBucket && acceptTokenBucket(scope.field("token_bucket"), limit.tokenBucket),
    enabled: fraction("filter_enabled", limit.filterEnabled),
    enforced: fraction("filter_enforced", limit.filterEnforced),
    requestHeadersWhenNotEnforced: acceptOperations(
      scope.field("request_headers_to_add_when_not_enforced"),
      limit.requestHeadersToAddWhenNotEnforced,
    ),
    responseHeaders: acceptOperations(scope.field("response_headers_to_add"), limit.responseHeadersToAdd),
    descriptors: limit.descriptors.flatMap(
      (one, i) => acceptDescriptor(scope.field("descriptors").index(i), one) ?? [],
    ),
    maxDynamic: limit.maxDynamicDescriptors ?? DEFAULT_MAX_DYNAMIC,
    stage: limit.stage,
    perConnection: limit.localRateLimitPerDownstreamConnection,
    rateLimitHeaders: limit.enableXRatelimitHeaders !== 0,
    virtualHostLimits: virtualHostLimits(limit.vhRateLimits),
    alwaysDefault: limit.alwaysConsumeDefaultTokenBucket ?? true,
    resourceExhausted: limit.rateLimitedAsResourceExhausted,
    rateLimits: acceptRateLimits(scope.field("rate_limits"), limit.rateLimits),
  };
}
