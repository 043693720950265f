// Every field of LocalityLoadBalancerSetting, which DestinationRules and MeshConfig have.

import { flag, list, mapOf, notEmpty, record, required, type Value, whole } from "../schema.ts";

const FAILOVER = list(record({ from: required(notEmpty()), to: required(notEmpty()) }));

export const LOCALITY_LB_SETTING = record({
  enabled: flag(),
  distribute: list(record({ from: required(notEmpty()), to: required(mapOf(whole(0, 100))) })),
  failover: FAILOVER,
  failoverPriority: list(notEmpty()),
});

/** Istio's ZoneAwareLoadBalancerSetting. */
export const ZONE_AWARE_LB_SETTING = record({
  enabled: flag(),
  failover: FAILOVER,
  failoverPriority: list(notEmpty()),
  minClusterSize: whole(0, 2 ** 32 - 1),
});

export type ZoneAwareLbSpec = Value<typeof ZONE_AWARE_LB_SETTING>;
export type LocalityLbSpec = Value<typeof LOCALITY_LB_SETTING>;
