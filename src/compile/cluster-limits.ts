// Balancing, circuit breakers and ejection of a cluster.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, durationFromMs } from "@bufbuild/protobuf/wkt";
import type {
  BackendUtilization,
  ConnectionPool,
  EndpointChoice,
  HashTable,
  OutlierDetection,
  RetryBudget,
  TcpKeepalive,
  Warmup,
} from "../model/client-policy.ts";
import type { LocalityPreference } from "../model/locality-preference.ts";
import { packAny } from "../xds/any.ts";
import type {
  CircuitBreakers_Thresholds_RetryBudgetSchema,
  CircuitBreakersSchema,
} from "../xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts";
import {
  type LoadBalancingPolicy,
  LoadBalancingPolicySchema,
  type UpstreamConnectionOptionsSchema,
} from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { OutlierDetectionSchema } from "../xds/gen/envoy/config/cluster/v3/outlier_detection_pb.ts";
import { ClientSideWeightedRoundRobinSchema } from "../xds/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.ts";
import type {
  LocalityLbConfigSchema,
  SlowStartConfigSchema,
} from "../xds/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts";
import { LeastRequestSchema } from "../xds/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts";
import { MaglevSchema } from "../xds/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts";
import { RandomSchema } from "../xds/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts";
import { RingHashSchema } from "../xds/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts";
import { RoundRobinSchema } from "../xds/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts";
import { WrrLocalitySchema } from "../xds/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts";

interface NamedPolicy {
  readonly name: string;
  readonly typedConfig: Any;
}

type Balanced = Exclude<EndpointChoice, { readonly kind: "original-destination" }>;

function slowStart(warmup: Warmup | undefined): { slowStartConfig?: MessageInitShape<typeof SlowStartConfigSchema> } {
  if (!warmup) return {};
  const { durationMs, minimumPercent, aggression } = warmup;
  return {
    slowStartConfig: {
      slowStartWindow: durationFromMs(durationMs),
      aggression: { defaultValue: aggression, runtimeKey: "" },
      minWeightPercent: { value: minimumPercent },
    },
  };
}

/**
 * Localities count as much as their weights say, or as zones, or as much as their endpoints. Of that last Envoy has to be told: by
 * itself every cluster would have zones on a proxy that knows its own (ZoneAwareLoadBalancerBase).
 */
function localitiesOf(locality: LocalityPreference): MessageInitShape<typeof LocalityLbConfigSchema> {
  switch (locality.kind) {
    case "shares":
      return { localityConfigSpecifier: { case: "localityWeightedLbConfig", value: {} } };
    case "zones": {
      const value = { minClusterSize: BigInt(locality.minClusterSize) };
      return { localityConfigSpecifier: { case: "zoneAwareLbConfig", value } };
    }
    case "failover":
    case "none":
      return { localityConfigSpecifier: { case: "zoneAwareLbConfig", value: { routingEnabled: { value: 0 } } } };
  }
}

function policyOf(choice: Balanced, locality: LocalityPreference): NamedPolicy {
  const localities = { localityLbConfig: localitiesOf(locality) };
  switch (choice.kind) {
    case "least-request": {
      const config = create(LeastRequestSchema, { ...slowStart(choice.warmup), ...localities });
      return named("least_request", packAny(LeastRequestSchema, config));
    }
    case "round-robin": {
      const config = create(RoundRobinSchema, { ...slowStart(choice.warmup), ...localities });
      return named("round_robin", packAny(RoundRobinSchema, config));
    }
    case "backend-utilization":
      return byLocality(byUtilization(choice), locality);
    case "random":
      return named("random", packAny(RandomSchema, create(RandomSchema, localities)));
    case "consistent-hash":
      return hashed(choice.table, locality.kind === "shares");
  }
}

function byUtilization(choice: BackendUtilization): NamedPolicy {
  const { blackoutMs, expirationMs, updateMs, errorPenalty, metrics, warmup } = choice;
  const config = create(ClientSideWeightedRoundRobinSchema, {
    ...(blackoutMs === undefined ? {} : { blackoutPeriod: durationFromMs(blackoutMs) }),
    ...(expirationMs === undefined ? {} : { weightExpirationPeriod: durationFromMs(expirationMs) }),
    ...(updateMs === undefined ? {} : { weightUpdatePeriod: durationFromMs(updateMs) }),
    ...(errorPenalty === undefined ? {} : { errorUtilizationPenalty: errorPenalty }),
    metricNamesForComputingUtilization: [...metrics],
    ...slowStart(warmup),
  });
  return named("client_side_weighted_round_robin", packAny(ClientSideWeightedRoundRobinSchema, config));
}

/** The one policy that says nothing of localities itself. */
function byLocality(inner: NamedPolicy, locality: LocalityPreference): NamedPolicy {
  if (locality.kind !== "shares") return inner;
  const endpointPickingPolicy = { policies: [{ typedExtensionConfig: inner }] };
  return named("wrr_locality", packAny(WrrLocalitySchema, create(WrrLocalitySchema, { endpointPickingPolicy })));
}

/** `byLocality`: first a locality is chosen, by their weights, then one of its endpoints. A hash knows no zones. */
function hashed(table: HashTable, byLocality: boolean): NamedPolicy {
  const localities = byLocality ? { localityWeightedLbConfig: {} } : {};
  if (table.kind === "ring") {
    const config = create(RingHashSchema, { minimumRingSize: BigInt(table.minSize), ...localities });
    return named("ring_hash", packAny(RingHashSchema, config));
  }
  const config = create(MaglevSchema, { tableSize: BigInt(table.size), ...localities });
  return named("maglev", packAny(MaglevSchema, config));
}

function named(name: string, typedConfig: Any): NamedPolicy {
  return { name: `envoy.load_balancing_policies.${name}`, typedConfig };
}

export function balancing(choice: Balanced, locality: LocalityPreference): LoadBalancingPolicy {
  const typedExtensionConfig = policyOf(choice, locality);
  return create(LoadBalancingPolicySchema, { policies: [{ typedExtensionConfig }] });
}

/** Istio's: no limit unless somebody set one. Envoy's own defaults (1,024 requests, 3 retries) surprise under load. */
const NO_LIMIT = 4_294_967_295;

export function circuitBreakers(
  pool: ConnectionPool | undefined,
  budget: RetryBudget | undefined,
): MessageInitShape<typeof CircuitBreakersSchema> {
  return {
    thresholds: [
      {
        maxConnections: pool?.maxConnections ?? NO_LIMIT,
        maxPendingRequests: pool?.maxPendingRequests ?? NO_LIMIT,
        maxRequests: pool?.maxRequests ?? NO_LIMIT,
        maxRetries: pool?.maxRetries ?? NO_LIMIT,
        trackRemaining: true,
        ...(budget ? { retryBudget: retryBudget(budget) } : {}),
      },
    ],
  };
}

function retryBudget({
  percent,
  minConcurrency,
  intervalMs,
}: RetryBudget): MessageInitShape<typeof CircuitBreakers_Thresholds_RetryBudgetSchema> {
  return {
    budgetPercent: { value: percent },
    minRetryConcurrency: minConcurrency,
    ...(intervalMs === undefined ? {} : { budgetInterval: durationFromMs(intervalMs) }),
  };
}

/** The kernel counts in seconds. */
function seconds(ms: number): number {
  return Math.max(1, Math.round(ms / 1_000));
}

/** Undefined: Envoy's 1 MiB. */
export function bufferFields(bytes: number | undefined): { readonly perConnectionBufferLimitBytes?: number } {
  return bytes === undefined ? {} : { perConnectionBufferLimitBytes: bytes };
}

export function connectionOptions({
  probes,
  idleMs,
  intervalMs,
}: TcpKeepalive): MessageInitShape<typeof UpstreamConnectionOptionsSchema> {
  return {
    tcpKeepalive: {
      ...(probes === undefined ? {} : { keepaliveProbes: probes }),
      ...(idleMs === undefined ? {} : { keepaliveTime: seconds(idleMs) }),
      ...(intervalMs === undefined ? {} : { keepaliveInterval: seconds(intervalMs) }),
    },
  };
}

/** Success-rate ejection is off, as in Istio: it ejects by comparing endpoints, which few expect. */
export function outlierDetection(policy: OutlierDetection): MessageInitShape<typeof OutlierDetectionSchema> {
  const { consecutive5xx, consecutiveGatewayErrors, consecutiveLocalFailures, failurePercentage } = policy;
  return {
    ...(consecutive5xx > 0 ? { consecutive5xx } : {}),
    enforcingConsecutive5xx: consecutive5xx > 0 ? 100 : 0,
    ...(consecutiveGatewayErrors > 0 ? { consecutiveGatewayFailure: consecutiveGatewayErrors } : {}),
    enforcingConsecutiveGatewayFailure: consecutiveGatewayErrors > 0 ? 100 : 0,
    enforcingSuccessRate: 0,
    ...(failurePercentage === undefined
      ? {}
      : { failurePercentageThreshold: failurePercentage, enforcingFailurePercentage: 100 }),
    ...(consecutiveLocalFailures === undefined
      ? {}
      : {
          splitExternalLocalOriginErrors: true,
          consecutiveLocalOriginFailure: consecutiveLocalFailures,
          enforcingConsecutiveLocalOriginFailure: 100,
          enforcingLocalOriginSuccessRate: 0,
        }),
    interval: durationFromMs(policy.intervalMs),
    baseEjectionTime: durationFromMs(policy.baseEjectionMs),
    maxEjectionPercent: policy.maxEjectionPercent,
  };
}
