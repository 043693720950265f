// How many downstream connections the proxy takes in all (Envoy: envoy.resource_monitors.global_downstream_max_connections).

import { readFileSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import { EXIT, Failure } from "../base/failure.ts";
import type { Bootstrap } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { DownstreamConnectionsConfigSchema } from "../xds/gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts";

/** Of the descriptors that the process may have: the rest is for upstreams, files, and to be able to say that there are none left. */
const SHARE_OF_DESCRIPTORS = 0.8;

/** The soft limit; where /proc does not tell, nobody counts. */
function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * What the bootstrap's overload manager says, else a share of the descriptors. `workers`: those that share what the bootstrap allows; each
 * has descriptors of its own.
 * @throws Failure when it says nothing that can be counted to.
 */
export function maxConnections({ overloadManager }: Bootstrap, workers = 1): number {
  for (const { configType } of overloadManager?.resourceMonitors ?? []) {
    if (!configType.value?.typeUrl.endsWith(`/${DownstreamConnectionsConfigSchema.typeName}`)) continue;
    const max = Number(
      fromBinary(DownstreamConnectionsConfigSchema, configType.value.value).maxActiveDownstreamConnections,
    );
    if (max > 0) return Math.ceil(max / workers);
    throw new Failure("overload_manager: max_active_downstream_connections must be above 0", { exit: EXIT.data });
  }
  return Math.floor(descriptorLimit() * SHARE_OF_DESCRIPTORS);
}
