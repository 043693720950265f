// Subsets: lb_subset_config and the policy extension, which have the same fields, and routes' metadata_match.

import type { Cluster_LbSubsetConfig } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { Metadata } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { Subset } from "../../xds/gen/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.ts";
import type { MetadataMatch } from "../route.ts";
import type { SubsetFallback, SubsetMatch, SubsetPolicy, SubsetSelector } from "../subset.ts";
import { LB_METADATA, readJson } from "./metadata.ts";
import type { Scope } from "./scope.ts";

/** LbSubsetFallbackPolicy by number; a selector's begin with NOT_DEFINED and end with KEYS_SUBSET. */
const FALLBACKS: readonly SubsetPolicy["fallback"][] = [{ kind: "none" }, { kind: "any" }, { kind: "default" }];
const KEYS_SUBSET = 4;

/** The key under which a match brings others (Envoy: MetadataEnvoyLbKeys::FALLBACK_LIST). */
const FALLBACK_LIST = "fallback_list";

interface SelectorFields {
  readonly keys: readonly string[];
  readonly singleHostPerSubset: boolean;
  readonly fallbackPolicy: number;
  readonly fallbackKeysSubset: readonly string[];
}

function acceptSelector(scope: Scope, selector: SelectorFields, fallback: SubsetPolicy["fallback"]): SubsetSelector {
  const keys = [...new Set(selector.keys)].sort();
  const subset = selector.fallbackKeysSubset;
  if (keys.length === 0) scope.field("keys").reject("empty");
  let own: SubsetFallback | undefined = FALLBACKS[selector.fallbackPolicy - 1];
  if (selector.fallbackPolicy === KEYS_SUBSET) {
    own = { kind: "keys", keys: subset };
    const at = scope.field("fallback_keys_subset");
    if (subset.length === 0) at.reject("empty");
    if (!subset.every((key) => keys.includes(key))) at.reject("has a key that keys does not have");
    if (new Set(subset).size === keys.length) at.reject("is all of keys");
  } else if (subset.length > 0) scope.field("fallback_keys_subset").reject("only with fallback_policy KEYS_SUBSET");
  if (selector.singleHostPerSubset && keys.length !== 1)
    scope.field("single_host_per_subset").reject("only with one key");
  return {
    keys,
    fallback: own ?? (selector.fallbackPolicy === 0 ? undefined : fallback),
    singleHost: selector.singleHostPerSubset,
  };
}

/** Undefined: no selector divides anything, and the fallback has no say, as in Envoy (LoadBalancerSubsetInfoImpl::isEnabled). */
export function acceptSubsets(scope: Scope, config: Cluster_LbSubsetConfig | Subset): SubsetPolicy | undefined {
  const fallback = FALLBACKS[config.fallbackPolicy];
  if (!fallback) scope.field("fallback_policy").reject(`unknown value ${config.fallbackPolicy}`);
  if (config.scaleLocalityWeight && !config.localityWeightAware)
    scope.field("scale_locality_weight").reject("only with locality_weight_aware");
  const selectors = config.subsetSelectors.map((selector, i) =>
    acceptSelector(scope.field("subset_selectors").index(i), selector, fallback ?? { kind: "none" }),
  );
  if (selectors.length === 0) return undefined;
  return {
    fallback: fallback ?? { kind: "none" },
    defaultSubset: readJson(config.defaultSubset),
    selectors,
    localityWeightAware: config.localityWeightAware,
    scaleLocalityWeight: config.scaleLocalityWeight,
    panicModeAny: config.panicModeAny,
    listAsAny: config.listAsAny,
    fallbackList: config.metadataFallbackPolicy === 1,
    allowRedundantKeys: "allowRedundantKeys" in config && config.allowRedundantKeys,
  };
}

/** What `own` adds to, or says otherwise than, what stands above it. */
export function acceptMetadataMatch(
  own: Metadata | undefined,
  above: MetadataMatch | undefined,
): MetadataMatch | undefined {
  const fields = own?.filterMetadata[LB_METADATA];
  if (!fields) return above;
  const { [FALLBACK_LIST]: list, ...rest } = fields;
  const single: SubsetMatch = new Map([...(above?.single ?? []), ...readJson(rest)]);
  const matches = Array.isArray(list)
    ? list.map((match) =>
        typeof match === "object" && match !== null && !Array.isArray(match)
          ? new Map([...single, ...readJson(match)])
          : single,
      )
    : undefined;
  return { single, list: matches ?? above?.list };
}
