// Finding virtual hosts the two ways a client asks for them: all of a route configuration, and one by a Host header. Each index is made
// once for a map of resources, by whichever client asks first.

import { parseVirtualHostName } from "./names.ts";
import type { ResourceMap } from "./snapshot.ts";

const byRoute = new WeakMap<ResourceMap, ReadonlyMap<string, readonly string[]>>();
const byAlias = new WeakMap<ResourceMap, ReadonlyMap<string, string>>();

function indexByRoute(resources: ResourceMap): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const name of resources.keys()) {
    const route = parseVirtualHostName(name)?.route;
    if (route === undefined) continue;
    const members = index.get(route);
    if (members) members.push(name);
    else index.set(route, [name]);
  }
  byRoute.set(resources, index);
  return index;
}

function indexByAlias(resources: ResourceMap): ReadonlyMap<string, string> {
  const index = new Map<string, string>();
  for (const { name, aliases } of resources.values()) for (const alias of aliases) index.set(alias, name);
  byAlias.set(resources, index);
  return index;
}

/** Names of the virtual hosts of a route configuration. */
export function virtualHostsOf(resources: ResourceMap, route: string): readonly string[] {
  return (byRoute.get(resources) ?? indexByRoute(resources)).get(route) ?? [];
}

/** Names of the route configurations that have virtual hosts. */
export function routesOf(resources: ResourceMap): readonly string[] {
  return [...(byRoute.get(resources) ?? indexByRoute(resources)).keys()];
}

/** Name of the virtual host that answers for `<route configuration>/<host>`. */
export function findVirtualHost(resources: ResourceMap, alias: string): string | undefined {
  return (byAlias.get(resources) ?? indexByAlias(resources)).get(alias);
}
