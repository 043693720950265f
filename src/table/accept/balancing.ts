// How a cluster balances: lb_policy with its configuration, or a load_balancing_policy. The first policy that is known counts, as in Envoy.

import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  type Cluster,
  type Cluster_CommonLbConfig,
  Cluster_LbPolicy,
  Cluster_RingHashLbConfig_HashFunction,
  type LoadBalancingPolicy,
} from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { RuntimeDouble } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { ClientSideWeightedRoundRobinSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.ts";
import { ClusterProvidedSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.ts";
import {
  type ConsistentHashingLbConfig,
  type LocalityLbConfig,
  type LocalityLbConfig_ZoneAwareLbConfig,
  LocalityLbConfig_ZoneAwareLbConfig_LocalityBasis,
} from "../../xds/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts";
import {
  type LeastRequest,
  LeastRequest_SelectionMethod,
  LeastRequestSchema,
} from "../../xds/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts";
import { MaglevSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts";
import { RandomSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts";
import {
  RingHash_HashFunction,
  RingHashSchema,
} from "../../xds/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts";
import { RoundRobinSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts";
import { SubsetSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.ts";
import { WrrLocalitySchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts";
import type { BalancerPolicy, Balancing, ConsistentHashing, LocalityPolicy } from "../balancing.ts";
import type { SubsetPolicy } from "../subset.ts";
import { readPeakEwma } from "./peak-ewma.ts";
import { acceptByReportedLoad } from "./reported-load.ts";
import { isA, type Scope } from "./scope.ts";
import { acceptSlowStart, type SlowStartFields } from "./slow-start.ts";
import { acceptSubsets } from "./subset.ts";

/** Envoy's defaults. */
const MINIMUM_RING = 1_024;
const MAXIMUM_RING = 8_388_608;
const MAGLEV_TABLE = 65_537;
const MAGLEV_LARGEST = 5_000_011;
const MIN_CLUSTER_SIZE = 6;
const PANIC_THRESHOLD = 50;

const ZONES: LocalityPolicy = {
  kind: "zone-aware",
  minClusterSize: MIN_CLUSTER_SIZE,
  routingEnabled: 100,
  failTrafficOnPanic: false,
  forcedLocalHosts: Number.POSITIVE_INFINITY,
  basis: "hosts",
};

type HashingFields = Message & Pick<ConsistentHashingLbConfig, "useHostnameForHashing" | "hashBalanceFactor">;

function acceptHashing(scope: Scope, config: HashingFields | undefined): ConsistentHashing {
  scope.known(config);
  const balanceFactor = config?.hashBalanceFactor ?? 0;
  if (config?.hashBalanceFactor !== undefined && balanceFactor < 100)
    scope.field("hash_balance_factor").reject("below 100");
  return { byHostname: config?.useHostnameForHashing ?? false, balanceFactor };
}

interface RingSizes {
  readonly minimumRingSize?: bigint | undefined;
  readonly maximumRingSize?: bigint | undefined;
}

function acceptRing(
  scope: Scope,
  sizes: RingSizes | undefined,
  isMurmur: boolean,
  hashing: ConsistentHashing,
): BalancerPolicy {
  const minimumSize = Number(sizes?.minimumRingSize ?? MINIMUM_RING);
  const maximumSize = Number(sizes?.maximumRingSize ?? MAXIMUM_RING);
  if (minimumSize > maximumSize) scope.reject(`minimum_ring_size ${minimumSize} > maximum_ring_size ${maximumSize}`);
  if (maximumSize > MAXIMUM_RING) scope.field("maximum_ring_size").reject(`above ${MAXIMUM_RING}`);
  return { kind: "ring-hash", minimumSize, maximumSize, hashFunction: isMurmur ? "murmur-hash-2" : "xx-hash", hashing };
}

function isPrime(value: number): boolean {
  for (let factor = 2; factor * factor <= value; factor++) if (value % factor === 0) return false;
  return value > 1;
}

function acceptMaglev(scope: Scope, size: bigint | undefined, hashing: ConsistentHashing): BalancerPolicy {
  const tableSize = Number(size ?? MAGLEV_TABLE);
  if (tableSize > MAGLEV_LARGEST) scope.field("table_size").reject(`above ${MAGLEV_LARGEST}`);
  else if (!isPrime(tableSize)) scope.field("table_size").reject("not a prime");
  return { kind: "maglev", tableSize, hashing };
}

interface LeastRequestFields {
  readonly choiceCount?: number | undefined;
  readonly activeRequestBias?: RuntimeDouble | undefined;
  readonly slowStartConfig?: SlowStartFields | undefined;
}

function acceptLeastRequest(scope: Scope, config: LeastRequestFields | undefined, fullScan: boolean): BalancerPolicy {
  const choices = config?.choiceCount ?? 2;
  if (choices < 2) scope.field("choice_count").reject("below 2");
  const activeRequestBias = config?.activeRequestBias?.defaultValue ?? 1;
  if (activeRequestBias < 0) scope.field("active_request_bias").reject("below 0");
  const slowStart = acceptSlowStart(scope.field("slow_start_config"), config?.slowStartConfig);
  return { kind: "least-request", choices, fullScan, activeRequestBias, slowStart };
}

type ZoneFields = LocalityLbConfig_ZoneAwareLbConfig;

/** What a policy's own configuration has beyond the cluster's. */
function acceptZoneExtras(scope: Scope, { forceLocalZone, localityBasis }: ZoneFields) {
  const at = scope.field("zone_aware_lb_config");
  at.field("force_local_zone").known(forceLocalZone);
  const { HEALTHY_HOSTS_NUM, HEALTHY_HOSTS_WEIGHT } = LocalityLbConfig_ZoneAwareLbConfig_LocalityBasis;
  if (localityBasis !== HEALTHY_HOSTS_NUM && localityBasis !== HEALTHY_HOSTS_WEIGHT)
    at.field("locality_basis").reject(`unknown value ${localityBasis}`);
  return {
    forcedLocalHosts: forceLocalZone ? (forceLocalZone.minSize ?? 1) : Number.POSITIVE_INFINITY,
    basis: localityBasis === HEALTHY_HOSTS_WEIGHT ? ("weights" as const) : ("hosts" as const),
  };
}

function acceptLocality(
  scope: Scope,
  config: Pick<Cluster_CommonLbConfig | LocalityLbConfig, "localityConfigSpecifier"> | undefined,
): LocalityPolicy {
  const by = config?.localityConfigSpecifier;
  scope.known(by?.value);
  if (by?.case === "localityWeightedLbConfig") return { kind: "weighted" };
  if (by?.case !== "zoneAwareLbConfig") return ZONES;
  const { routingEnabled, minClusterSize, failTrafficOnPanic } = by.value;
  const zones = {
    ...ZONES,
    minClusterSize: Number(minClusterSize ?? MIN_CLUSTER_SIZE),
    routingEnabled: routingEnabled?.value ?? 100,
    failTrafficOnPanic,
  };
  return "localityBasis" in by.value ? { ...zones, ...acceptZoneExtras(scope, by.value) } : zones;
}

type Accepted = Pick<Balancing, "policy" | "locality" | "subsets">;

const ROUND_ROBIN: BalancerPolicy = { kind: "round-robin", slowStart: undefined };

function acceptLegacyPolicy(scope: Scope, cluster: Cluster): BalancerPolicy {
  const { lbConfig, commonLbConfig } = cluster;
  const hashing = () =>
    acceptHashing(
      scope.field("common_lb_config").field("consistent_hashing_lb_config"),
      commonLbConfig?.consistentHashingLbConfig,
    );
  switch (cluster.lbPolicy) {
    case Cluster_LbPolicy.LEAST_REQUEST:
      return acceptLeastRequest(
        scope.field("least_request_lb_config"),
        lbConfig.case === "leastRequestLbConfig" ? lbConfig.value : undefined,
        false,
      );
    case Cluster_LbPolicy.RANDOM:
      return { kind: "random" };
    case Cluster_LbPolicy.RING_HASH: {
      const config = lbConfig.case === "ringHashLbConfig" ? lbConfig.value : undefined;
      const isMurmur = config?.hashFunction === Cluster_RingHashLbConfig_HashFunction.MURMUR_HASH_2;
      return acceptRing(scope.field("ring_hash_lb_config"), config, isMurmur, hashing());
    }
    case Cluster_LbPolicy.MAGLEV: {
      const size = lbConfig.case === "maglevLbConfig" ? lbConfig.value.tableSize : undefined;
      return acceptMaglev(scope.field("maglev_lb_config"), size, hashing());
    }
    case Cluster_LbPolicy.ROUND_ROBIN:
      return lbConfig.case === "roundRobinLbConfig"
        ? {
            kind: "round-robin",
            slowStart: acceptSlowStart(scope.field("round_robin_lb_config"), lbConfig.value.slowStartConfig),
          }
        : ROUND_ROBIN;
    default:
      return ROUND_ROBIN;
  }
}

function acceptLeastRequestPolicy(scope: Scope, config: LeastRequest): Accepted {
  const fullScan = config.selectionMethod === LeastRequest_SelectionMethod.FULL_SCAN || config.enableFullScan === true;
  return {
    policy: acceptLeastRequest(scope, config, fullScan),
    locality: acceptLocality(scope.field("locality_lb_config"), config.localityLbConfig),
    subsets: undefined,
  };
}

/** Undefined: a policy that Heddle does not know. */
function acceptTyped(scope: Scope, any: Any): Accepted | undefined {
  const read = <D extends DescMessage>(schema: D): MessageShape<D> | undefined => {
    const config = scope.unpack(any, schema);
    scope.known(config);
    return config;
  };
  const plain = (policy: BalancerPolicy, locality: LocalityPolicy): Accepted => ({
    policy,
    locality,
    subsets: undefined,
  });
  if (isA(any, RoundRobinSchema)) {
    const config = read(RoundRobinSchema);
    const slowStart = acceptSlowStart(scope.field("slow_start_config"), config?.slowStartConfig);
    return plain(
      { kind: "round-robin", slowStart },
      acceptLocality(scope.field("locality_lb_config"), config?.localityLbConfig),
    );
  }
  // It has no settings of localities; wrr_locality around it has.
  if (isA(any, ClientSideWeightedRoundRobinSchema))
    return plain(acceptByReportedLoad(scope, read(ClientSideWeightedRoundRobinSchema)), ZONES);
  if (isA(any, RandomSchema))
    return plain(
      { kind: "random" },
      acceptLocality(scope.field("locality_lb_config"), read(RandomSchema)?.localityLbConfig),
    );
  if (isA(any, ClusterProvidedSchema)) return plain(ROUND_ROBIN, ZONES);
  if (isA(any, LeastRequestSchema)) {
    const config = read(LeastRequestSchema);
    return config && acceptLeastRequestPolicy(scope, config);
  }
  if (isA(any, RingHashSchema)) {
    const config = read(RingHashSchema);
    const hashing = acceptHashing(
      scope.field("consistent_hashing_lb_config"),
      config?.consistentHashingLbConfig ?? config,
    );
    const isMurmur = config?.hashFunction === RingHash_HashFunction.MURMUR_HASH_2;
    return plain(
      acceptRing(scope, config, isMurmur, hashing),
      config?.localityWeightedLbConfig ? { kind: "weighted" } : ZONES,
    );
  }
  if (isA(any, MaglevSchema)) {
    const config = read(MaglevSchema);
    const hashing = acceptHashing(scope.field("consistent_hashing_lb_config"), config?.consistentHashingLbConfig);
    return plain(
      acceptMaglev(scope, config?.tableSize, hashing),
      config?.localityWeightedLbConfig ? { kind: "weighted" } : ZONES,
    );
  }
  if (isA(any, WrrLocalitySchema)) {
    const config = read(WrrLocalitySchema);
    const inner = acceptPolicies(scope.field("endpoint_picking_policy"), config?.endpointPickingPolicy);
    return { ...inner, locality: { kind: "weighted" } };
  }
  if (isA(any, SubsetSchema)) {
    const config = read(SubsetSchema);
    const inner = acceptPolicies(scope.field("subset_lb_policy"), config?.subsetLbPolicy);
    const subsets: SubsetPolicy | undefined = config && acceptSubsets(scope, config);
    return { ...inner, subsets };
  }
  return undefined;
}

function acceptPolicies(scope: Scope, list: LoadBalancingPolicy | undefined): Accepted {
  const policies = list?.policies ?? [];
  for (const [i, policy] of policies.entries()) {
    const at = scope.field("policies").index(i).field("typed_extension_config").field("typed_config");
    const any = policy.typedExtensionConfig?.typedConfig;
    const accepted = any && acceptTyped(at, any);
    if (accepted) return accepted;
  }
  scope.field("policies").reject("none of them is supported by Heddle's proxy");
  return { policy: ROUND_ROBIN, locality: ZONES, subsets: undefined };
}

function acceptLegacy(scope: Scope, cluster: Cluster): Accepted {
  return {
    policy: acceptLegacyPolicy(scope, cluster),
    locality: acceptLocality(scope.field("common_lb_config"), cluster.commonLbConfig),
    subsets: cluster.lbSubsetConfig && acceptSubsets(scope.field("lb_subset_config"), cluster.lbSubsetConfig),
  };
}

export function acceptBalancing(scope: Scope, cluster: Cluster): Balancing {
  const accepted =
    cluster.loadBalancingPolicy === undefined
      ? acceptLegacy(scope, cluster)
      : acceptPolicies(scope.field("load_balancing_policy"), cluster.loadBalancingPolicy);
  const threshold = cluster.commonLbConfig?.healthyPanicThreshold?.value ?? PANIC_THRESHOLD;
  return {
    ...accepted,
    policy: readPeakEwma(scope, cluster.metadata) ?? accepted.policy,
    // Envoy reckons in whole per cent (PROTOBUF_PERCENT_TO_ROUNDED_INTEGER_OR_DEFAULT).
    panicThreshold: Math.round(threshold),
  };
}
