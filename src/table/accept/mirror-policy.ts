// Request mirroring.

import type { RouteAction_RequestMirrorPolicy } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { MirrorPolicy } from "../mirror-policy.ts";
import { acceptRuntimeFraction } from "./fraction.ts";
import type { Scope } from "./scope.ts";

function acceptMirrorPolicy(scope: Scope, policy: RouteAction_RequestMirrorPolicy): MirrorPolicy {
  scope.only(policy, ["cluster", "clusterHeader", "runtimeFraction", "traceSampled", "disableShadowHostSuffixAppend"]);
  if ((policy.cluster === "") === (policy.clusterHeader === ""))
    scope.reject("exactly one of cluster and cluster_header must be set");
  return {
    cluster:
      policy.cluster === ""
        ? { kind: "header", header: policy.clusterHeader.toLowerCase() }
        : { kind: "name", name: policy.cluster },
    fraction: policy.runtimeFraction
      ? acceptRuntimeFraction(scope.field("runtime_fraction"), policy.runtimeFraction)
      : 1,
    hostSuffix: !policy.disableShadowHostSuffixAppend,
    traceSampled: policy.traceSampled,
  };
}

export function acceptMirrorPolicies(
  scope: Scope,
  policies: readonly RouteAction_RequestMirrorPolicy[],
): readonly MirrorPolicy[] {
  return policies.map((policy, i) => acceptMirrorPolicy(scope.field("request_mirror_policies").index(i), policy));
}
