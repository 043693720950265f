// Balancing, circuit breakers and ejection of a cluster.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { BalancerKind, ConnectionPool, OutlierDetection } from "../model/client-policy.ts";
import { packAny } from "../xds/any.ts";
import type { CircuitBreakersSchema } from "../xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts";
import { type LoadBalancingPolicy, LoadBalancingPolicySchema } from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { OutlierDetectionSchema } from "../xds/gen/envoy/config/cluster/v3/outlier_detection_pb.ts";
import { LeastRequestSchema } from "../xds/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts";
import { RandomSchema } from "../xds/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts";
import { RoundRobinSchema } from "../xds/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts";
import { lazy } from "./lazy.ts";

const POLICIES = {
  "least-request": lazy(() => packAny(LeastRequestSchema, create(LeastRequestSchema))),
  "round-robin": lazy(() => packAny(RoundRobinSchema, create(RoundRobinSchema))),
  random: lazy(() => packAny(RandomSchema, create(RandomSchema))),
};

export function balancing(kind: Exclude<BalancerKind, "original-destination">): LoadBalancingPolicy {
  const name = `envoy.load_balancing_policies.${kind.replace("-", "_")}`;
  return create(LoadBalancingPolicySchema, {
    policies: [{ typedExtensionConfig: { name, typedConfig: POLICIES[kind]() } }],
  });
}

/** Istio's: no limit unless somebody set one. Envoy's own defaults (1,024 requests, 3 retries) surprise under load. */
const NO_LIMIT = 4_294_967_295;

export function circuitBreakers(pool: ConnectionPool | undefined): MessageInitShape<typeof CircuitBreakersSchema> {
  return {
    thresholds: [
      {
        maxConnections: pool?.maxConnections ?? NO_LIMIT,
        maxPendingRequests: pool?.maxPendingRequests ?? NO_LIMIT,
        maxRequests: pool?.maxRequests ?? NO_LIMIT,
        maxRetries: pool?.maxRetries ?? NO_LIMIT,
        trackRemaining: true,
      },
    ],
  };
}

/** Success-rate ejection is off, as in Istio: it ejects by comparing endpoints, which few expect. */
export function outlierDetection(policy: OutlierDetection): MessageInitShape<typeof OutlierDetectionSchema> {
  const { consecutive5xx, consecutiveGatewayErrors } = policy;
  return {
    ...(consecutive5xx > 0 ? { consecutive5xx } : {}),
    enforcingConsecutive5xx: consecutive5xx > 0 ? 100 : 0,
    ...(consecutiveGatewayErrors > 0 ? { consecutiveGatewayFailure: consecutiveGatewayErrors } : {}),
    enforcingConsecutiveGatewayFailure: consecutiveGatewayErrors > 0 ? 100 : 0,
    enforcingSuccessRate: 0,
    interval: durationFromMs(policy.intervalMs),
    baseEjectionTime: durationFromMs(policy.baseEjectionMs),
    maxEjectionPercent: policy.maxEjectionPercent,
  };
}
