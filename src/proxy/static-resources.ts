// What the bootstrap itself configures: secrets, clusters, listeners. A mistake in it ends the start, with the resource and the field.

import { EXIT, Failure } from "../base/failure.ts";
import {
  type Accepted,
  checkCluster,
  checkListener,
  checkOverloadManager,
  checkSecret,
  checkStatsMatcher,
  describeRejections,
} from "../table/accept/resource.ts";
import { type OverloadTable, workersShare } from "../table/overload.ts";
import type { StatsMatch } from "../table/stats-match.ts";
import type { Bootstrap } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import type { Configuration } from "./configuration.ts";
import { defaultOverload } from "./overload/defaults.ts";

function must<T>(what: string, result: Accepted<T>): T {
  if (result.kind === "accepted") return result.table;
  throw new Failure(`${what}: ${describeRejections(result.rejections)}`, { exit: EXIT.data });
}

/**
 * What the bootstrap says of overload, else the defaults; undefined: nothing is watched. A limit of connections by itself says nothing of
 * overload. `workers`: those that share it.
 * @throws Failure naming the field that is not supported or wrong.
 */
export function overloadTable({ overloadManager }: Bootstrap, workers = 1): OverloadTable | undefined {
  const said = overloadManager && must("overload_manager", checkOverloadManager(overloadManager));
  const limits = said && said.actions.size === 0 && said.monitors.every(({ kind }) => kind === "connections");
  const usual = said && !limits ? undefined : defaultOverload();
  const table = usual && limits ? { ...usual, monitors: [...usual.monitors, ...said.monitors] } : (usual ?? said);
  return table && workersShare(table, workers);
}

/** Undefined: all statistics are told. @throws Failure as above. */
export function statsMatch({ statsConfig }: Bootstrap): StatsMatch | undefined {
  const matcher = statsConfig?.statsMatcher;
  return matcher && must("stats_config", checkStatsMatcher(matcher));
}

/** @throws Failure naming the resource and the field that is not supported or wrong. */
export function applyStaticResources(bootstrap: Bootstrap, configuration: Configuration): void {
  applyStaticUpstreams(bootstrap, configuration);
  for (const listener of bootstrap.staticResources?.listeners ?? []) {
    const { value, secrets } = must(
      `static_resources.listeners ${JSON.stringify(listener.name)}`,
      checkListener(listener),
    );
    for (const [name, content] of secrets) configuration.setSecret(name, content);
    configuration.listenerManager.setListener(value);
  }
}

/** Secrets and clusters alone: what it takes to reach a control plane. @throws Failure as above. */
export function applyStaticUpstreams({ staticResources: resources }: Bootstrap, configuration: Configuration): void {
  for (const secret of resources?.secrets ?? []) {
    const content = must(`static_resources.secrets ${JSON.stringify(secret.name)}`, checkSecret(secret));
    const refusal = content && configuration.setSecret(secret.name, content);
    if (refusal)
      throw new Failure(`static_resources.secrets ${JSON.stringify(secret.name)}: ${refusal}`, { exit: EXIT.data });
  }
  for (const cluster of resources?.clusters ?? []) {
    const { value, secrets } = must(`static_resources.clusters ${JSON.stringify(cluster.name)}`, checkCluster(cluster));
    for (const [name, content] of secrets) configuration.setSecret(name, content);
    const refusal = configuration.clusterManager.setCluster(value, true);
    if (refusal)
      throw new Failure(`static_resources.clusters ${JSON.stringify(cluster.name)}: ${refusal}`, { exit: EXIT.data });
  }
}
