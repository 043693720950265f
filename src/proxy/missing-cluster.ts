// A route configuration that leads to a cluster that is not there (Envoy: RouteConfiguration.validate_clusters).

import { tableOf } from "../table/deferred-virtual-host.ts";
import type { RouteConfiguration } from "../table/http.ts";
import type { FilterChain, Listener } from "../table/listener.ts";
import type { ForwardAction } from "../table/route.ts";

/** Those that serve and those that warm (Envoy: ClusterInfoMaps::hasCluster). */
interface Clusters {
  has(name: string): boolean;
}

/** In Envoy's words. */
function missingOf({ cluster }: ForwardAction, clusters: Clusters): string | undefined {
  switch (cluster.kind) {
    case "single":
      return clusters.has(cluster.name) ? undefined : `cluster '${cluster.name}'`;
    case "weighted": {
      const missing = cluster.clusters.find(({ name }) => !clusters.has(name));
      return missing && `weighted cluster '${missing.name}'`;
    }
    case "header":
      return undefined; // said by each request
  }
}

/** Why `routes` are refused, in Envoy's words. */
export function missingCluster(routes: RouteConfiguration, clusters: Clusters): string | undefined {
  for (const host of routes.virtualHosts.all)
    for (const { action } of tableOf(host).routes) {
      const what = action.kind === "forward" ? missingOf(action, clusters) : undefined;
      if (what !== undefined) return `route: unknown ${what}`;
    }
  return undefined;
}

function chainsOf({ matches, chains, defaultChain }: Listener): readonly FilterChain[] {
  return [...matches.map(({ chain }) => chain), ...chains.values(), ...(defaultChain ? [defaultChain] : [])];
}

/** Of the routes that stand in a listener: validated unless they say otherwise. */
export function missingClusterOfListener(listener: Listener, clusters: Clusters): string | undefined {
  for (const { terminal } of chainsOf(listener)) {
    if (terminal.kind !== "http" || terminal.http.routes.kind !== "inline") continue;
    const { routes } = terminal.http.routes;
    const reason = routes.validateClusters === false ? undefined : missingCluster(routes, clusters);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
