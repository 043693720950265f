// Patches of route configurations, virtual hosts and routes, wherever they are: in RDS, in VHDS, or written out in a listener.

import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "../../xds/gen/envoy/config/route/v3/route_pb.ts";
import { type ProxyFacts, type RoutesFacts, routesFacts } from "./istio-names.ts";
import { matchesRoute, matchesRoutes, matchesVirtualHost, namesRoute } from "./match.ts";
import { type Changed, inserted, type ListRules, merge, type Patch, patchesOf, patchList } from "./patch.ts";

const ROUTES: ListRules<Route> = {
  matches: (route, patch) => matchesRoute(patch, route),
  names: namesRoute,
};

/** Changes `config`, which is a copy. Whether anything was changed. */
export function patchRoutes(
  config: RouteConfiguration,
  patches: readonly Patch[],
  proxy: ProxyFacts,
  changed: Changed,
): boolean {
  const { name } = config;
  const concerning = concerned(patches, routesFacts(name, proxy));
  let edited = false;
  for (const patch of patchesOf(concerning, "route-configuration")) {
    if (!merge(RouteConfigurationSchema, config, patch)) continue;
    changed.by(patch);
    edited = true;
  }
  config.name = name;
  const hosts = config.virtualHosts.flatMap((host) => {
    const result = patchHost(host, concerning, changed);
    if (result !== "as it was") edited = true;
    return result === "removed" ? [] : [host];
  });
  for (const patch of patchesOf(concerning, "virtual-host")) {
    const host = patch.operation === "add" ? inserted(VirtualHostSchema, patch) : undefined;
    if (!host || hosts.some((other) => other.name === host.name)) continue;
    hosts.push(host);
    changed.by(patch);
    edited = true;
  }
  config.virtualHosts = hosts;
  return edited;
}

function concerned(patches: readonly Patch[], facts: RoutesFacts): readonly Patch[] {
  return patchesOf(patches, "route-configuration", "virtual-host", "http-route").filter((patch) =>
    matchesRoutes(patch, facts),
  );
}

type Result = "as it was" | "changed" | "removed";

/** A virtual host that travels by itself. Changes `host`, which is a copy. */
export function patchVirtualHost(
  host: VirtualHost,
  routes: string,
  patches: readonly Patch[],
  proxy: ProxyFacts,
  changed: Changed,
): Result {
  return patchHost(host, concerned(patches, routesFacts(routes, proxy)), changed);
}

function patchHost(host: VirtualHost, patches: readonly Patch[], changed: Changed): Result {
  const { name } = host;
  let result: Result = "as it was";
  for (const patch of patchesOf(patches, "virtual-host")) {
    if (!matchesVirtualHost(patch, host)) continue;
    if (patch.operation === "remove") return "removed";
    if (!merge(VirtualHostSchema, host, patch)) continue;
    changed.by(patch);
    result = "changed";
  }
  host.name = name;
  for (const patch of patchesOf(patches, "http-route")) {
    if (!matchesVirtualHost(patch, host)) continue;
    const routes = patchList(RouteSchema, host.routes, patch, ROUTES);
    if (routes === host.routes) continue;
    host.routes = routes;
    changed.by(patch);
    result = "changed";
  }
  return result;
}
