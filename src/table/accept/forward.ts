// What a route does with a request that it forwards (RouteAction).

import { durationMs } from "@bufbuild/protobuf/wkt";
import { RoutingPriority } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  type RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { RouteFilters } from "../filter/filter.ts";
import type { HedgePolicy } from "../hedge-policy.ts";
import type { MirrorPolicy } from "../mirror-policy.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import type { ForwardAction } from "../route.ts";
import { acceptClusterChoice } from "./cluster-choice.ts";
import { acceptHashPolicy } from "./hash-policy.ts";
import { acceptHedgePolicy } from "./hedge-policy.ts";
import { acceptInternalRedirect } from "./internal-redirect.ts";
import { acceptMirrorPolicies } from "./mirror-policy.ts";
import { acceptRetryPolicy } from "./retry-policy.ts";
import { acceptHostRewrite, acceptPathRewrite } from "./rewrite.ts";
import { milliseconds, type Scope } from "./scope.ts";

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
    "hedgePolicy",
    "cors",
    "internalRedirectPolicy",
    "priority",
    "upgradeConfigs",
    "maxGrpcTimeout",
    "maxStreamDuration",
  ]);
  const stream = action.maxStreamDuration;
  if (stream) scope.field("max_stream_duration").only(stream, ["maxStreamDuration", "grpcTimeoutHeaderMax"]);
  if (stream?.maxStreamDuration && durationMs(stream.maxStreamDuration) !== 0)
    scope.field("max_stream_duration").field("max_stream_duration").reject("only 0 is supported by Heddle's proxy");
  const grpcMax = stream?.grpcTimeoutHeaderMax ?? action.maxGrpcTimeout;
  return {
    kind: "forward",
    cluster: acceptClusterChoice(scope, action, defaults.filters),
    // A route with max_stream_duration has no other time-out (Envoy: RouteEntryImplBase::usingNewTimeouts).
    timeoutMs: stream ? 0 : milliseconds(action.timeout, DEFAULT_TIMEOUT_MS),
    idleTimeoutMs: action.idleTimeout && milliseconds(action.idleTimeout, 0),
    grpcTimeoutMaxMs: grpcMax && milliseconds(grpcMax, 0),
    retry: action.retryPolicy ? acceptRetryPolicy(scope.field("retry_policy"), action.retryPolicy) : defaults.retry,
    hostRewrite: acceptHostRewrite(scope, action),
    pathRewrite: acceptPathRewrite(scope, action),
    appendForwardedHost: action.appendXForwardedHost,
    mirrors:
      action.requestMirrorPolicies.length === 0
        ? defaults.mirrors
        : acceptMirrorPolicies(scope, action.requestMirrorPolicies),
    hash: action.hashPolicy.flatMap((policy, i) => acceptHashPolicy(scope.field("hash_policy").index(i), policy) ?? []),
    hedge: action.hedgePolicy ? acceptHedgePolicy(scope.field("hedge_policy"), action.hedgePolicy) : defaults.hedge,
    internalRedirect:
      action.internalRedirectPolicy &&
      acceptInternalRedirect(scope.field("internal_redirect_policy"), action.internalRedirectPolicy),
    bufferLimitBytes: defaults.bufferLimitBytes,
    priority: action.priority === RoutingPriority.HIGH ? "high" : "default",
    clusterNotFoundStatus: notFoundStatus(action.clusterNotFoundResponseCode),
    terminateConnect: action.upgradeConfigs.some(
      (upgrade) => upgrade.upgradeType.toUpperCase() === "CONNECT" && upgrade.connectConfig !== undefined,
    ),
  };
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
