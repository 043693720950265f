// Every field of LocalityLoadBalancerSetting, which DestinationRules and MeshConfig have.

import { flag, list, mapOf, notEmpty, record, required, type Value, whole } from "../schema.ts";

export const LOCALITY_LB_SETTING = record({
  enabled: flag(),
  distribute: list(record({ from: required(notEmpty()), to: required(mapOf(whole(0, 100))) })),
  failover: list(record({ from: required(notEmpty()), to: required(notEmpty()) })),
  failoverPriority: list(notEmpty()),
});

export type LocalityLbSpec = Value<typeof LOCALITY_LB_SETTING>;
