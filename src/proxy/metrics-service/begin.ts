// Begins to stream statistics where the bootstrap asks for it. What does it is loaded then alone: most proxies are scraped.

import type { Bootstrap } from "../../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import type { Stat } from "../admin/stat.ts";
import type { Cluster } from "../upstream/cluster.ts";

interface HasClusters {
  readonly clusters: ReadonlyMap<string, Cluster>;
}

/** @returns what ends it. */
export function metricsStreams(
  bootstrap: Bootstrap,
  { clusters }: HasClusters,
  stats: () => Promise<readonly Stat[]>,
): () => void {
  if (bootstrap.statsSinks.length === 0) return () => {};
  let end: (() => void) | undefined;
  let isOver = false;
  void import("./metrics-stream.ts").then(({ streamMetrics }) => {
    if (!isOver) end = streamMetrics({ bootstrap, clusters, stats });
  });
  return () => {
    isOver = true;
    end?.();
  };
}
