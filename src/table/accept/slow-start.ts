// slow_start_config, of clusters and of policies.

import type { Cluster_SlowStartConfig } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { SlowStartConfig } from "../../xds/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts";
import type { SlowStart } from "../balancing.ts";
import { milliseconds, type Scope } from "./scope.ts";

const MIN_WEIGHT_PERCENT = 10;

export type SlowStartFields = Cluster_SlowStartConfig | SlowStartConfig;

export function acceptSlowStart(scope: Scope, config: SlowStartFields | undefined): SlowStart | undefined {
  scope.known(config);
  const windowMs = milliseconds(config?.slowStartWindow, 0);
  if (!config || windowMs <= 0) return undefined;
  // The runtime's keys change nothing here: there is no runtime.
  const aggression = config.aggression?.defaultValue ?? 1;
  if (aggression <= 0) scope.field("aggression").reject("must be above 0");
  return { windowMs, aggression, minWeight: (config.minWeightPercent?.value ?? MIN_WEIGHT_PERCENT) / 100 };
}
