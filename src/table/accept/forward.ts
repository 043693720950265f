// What a route does with a request that it forwards (RouteAction).

import { RoutingPriority } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  type RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  type RouteAction_MaxStreamDuration,
  type RouteAction_UpgradeConfig,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { RouteFilters } from "../filter/filter.ts";
import type { HashPolicy } from "../hash-policy.ts";
import type { HedgePolicy } from "../hedge-policy.ts";
import type { MirrorPolicy } from "../mirror-policy.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import type { ForwardAction, StreamDuration } from "../route.ts";
import { acceptClusterChoice } from "./cluster-choice.ts";
import { acceptHashPolicy } from "./hash-policy.ts";
import { acceptHedgePolicy } from "./hedge-policy.ts";
import { acceptInternalRedirect } from "./internal-redirect.ts";
import { acceptMirrorPolicies } from "./mirror-policy.ts";
import { acceptRateLimits } from "./rate-limit.ts";
import { acceptRetryPolicy } from "./retry-policy.ts";
import { acceptHostRewrite, acceptPathRewrite } from "./rewrite.ts";
import { milliseconds, type Scope } from "./scope.ts";
import { Neighbours, NONE } from "./shared.ts";
import { acceptMetadataMatch } from "./subset.ts";

/** Envoy's route timeout where none is written (RouteAction.timeout). */
const DEFAULT_TIMEOUT_MS = 15_000;

/** What a route takes over from its virtual host where it says nothing itself. */
export interface ForwardDefaults {
  readonly retry: RetryPolicy | undefined;
  readonly filters: RouteFilters;
  readonly mirrors: readonly MirrorPolicy[];
  readonly hedge: HedgePolicy | undefined;
  readonly bufferLimitBytes: number | undefined;
}

const durations = new Neighbours<StreamDuration>();

function acceptDuration(scope: Scope, duration: RouteAction_MaxStreamDuration): StreamDuration {
  scope.only(duration, ["maxStreamDuration", "grpcTimeoutHeaderMax", "grpcTimeoutHeaderOffset"]);
  const { maxStreamDuration, grpcTimeoutHeaderMax, grpcTimeoutHeaderOffset } = duration;
  return durations.share({
    maxMs: maxStreamDuration && milliseconds(maxStreamDuration, 0),
    grpcMaxMs: grpcTimeoutHeaderMax && milliseconds(grpcTimeoutHeaderMax, 0),
    grpcOffsetMs: milliseconds(grpcTimeoutHeaderOffset, 0),
  });
}

const actions = new Neighbours<ForwardAction>();

function acceptHashPolicies(scope: Scope, { hashPolicy }: RouteAction): readonly HashPolicy[] {
  if (hashPolicy.length === 0) return NONE;
  return hashPolicy.flatMap((policy, i) => acceptHashPolicy(scope.field("hash_policy").index(i), policy) ?? []);
}

export function acceptForward(scope: Scope, action: RouteAction, defaults: ForwardDefaults): ForwardAction {
  scope.only(action, [
    "clusterSpecifier",
    "clusterNotFoundResponseCode",
    "timeout",
    "idleTimeout",
    "retryPolicy",
    "prefixRewrite",
    "regexRewrite",
    "hostRewriteSpecifier",
    "appendXForwardedHost",
    "requestMirrorPolicies",
    "hashPolicy",
    "metadataMatch",
    "hedgePolicy",
    "cors",
    "internalRedirectPolicy",
    "rateLimits",
    "includeVhRateLimits",
    "priority",
    "upgradeConfigs",
    "maxGrpcTimeout",
    "maxStreamDuration",
  ]);
  const stream = action.maxStreamDuration;
  const grpcMax = action.maxGrpcTimeout;
  return actions.share({
    kind: "forward",
    cluster: acceptClusterChoice(scope, action, defaults.filters),
    // A route with max_stream_duration has no other time-out (Envoy: RouteEntryImplBase::usingNewTimeouts).
    timeoutMs: stream ? 0 : milliseconds(action.timeout, DEFAULT_TIMEOUT_MS),
    idleTimeoutMs: action.idleTimeout && milliseconds(action.idleTimeout, 0),
    grpcTimeoutMaxMs: grpcMax && milliseconds(grpcMax, 0),
    duration: stream && acceptDuration(scope.field("max_stream_duration"), stream),
    retry: action.retryPolicy ? acceptRetryPolicy(scope.field("retry_policy"), action.retryPolicy) : defaults.retry,
    hostRewrite: acceptHostRewrite(scope, action),
    pathRewrite: acceptPathRewrite(scope, action),
    appendForwardedHost: action.appendXForwardedHost,
    mirrors:
      action.requestMirrorPolicies.length === 0
        ? defaults.mirrors
        : acceptMirrorPolicies(scope, action.requestMirrorPolicies),
    hash: acceptHashPolicies(scope, action),
    metadataMatch: acceptMetadataMatch(action.metadataMatch, undefined),
    hedge: action.hedgePolicy ? acceptHedgePolicy(scope.field("hedge_policy"), action.hedgePolicy) : defaults.hedge,
    internalRedirect:
      action.internalRedirectPolicy &&
      acceptInternalRedirect(scope.field("internal_redirect_policy"), action.internalRedirectPolicy),
    rateLimits: acceptRateLimits(scope.field("rate_limits"), action.rateLimits),
    includesVirtualHostLimits: action.includeVhRateLimits ?? false,
    bufferLimitBytes: defaults.bufferLimitBytes,
    priority: action.priority === RoutingPriority.HIGH ? "high" : "default",
    clusterNotFoundStatus: notFoundStatus(action.clusterNotFoundResponseCode),
    terminateConnect: acceptConnect(scope.field("upgrade_configs"), action.upgradeConfigs),
  });
}

/** Whether a CONNECT ends here. Neither does a POST, nor is a PROXY header sent. */
function acceptConnect(scope: Scope, upgrades: readonly RouteAction_UpgradeConfig[]): boolean {
  for (const [i, { connectConfig }] of upgrades.entries())
    if (connectConfig) scope.index(i).field("connect_config").only(connectConfig, []);
  return upgrades.some(
    ({ upgradeType, connectConfig }) => upgradeType.toUpperCase() === "CONNECT" && connectConfig !== undefined,
  );
}

function notFoundStatus(code: RouteAction_ClusterNotFoundResponseCode): number {
  switch (code) {
    case RouteAction_ClusterNotFoundResponseCode.NOT_FOUND:
      return 404;
    case RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR:
      return 500;
    default:
      return 503;
  }
}
