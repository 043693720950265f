// Finding virtual hosts the two ways a client asks for them: all of a route configuration, and one by a Host header. The indexes are made
// once for each map of resources, whichever client asks first.

import { parseVirtualHostName } from "./names.ts";
import type { ResourceMap } from "./snapshot.ts";

interface Index {
  readonly byRoute: ReadonlyMap<string, readonly string[]>;
  readonly byAlias: ReadonlyMap<string, string>;
}

const indexes = new WeakMap<ResourceMap, Index>();

function indexOf(resources: ResourceMap): Index {
  const known = indexes.get(resources);
  if (known) return known;
  const byRoute = new Map<string, string[]>();
  const byAlias = new Map<string, string>();
  for (const { name, aliases } of resources.values()) {
    for (const alias of aliases) byAlias.set(alias, name);
    const route = parseVirtualHostName(name)?.route;
    if (route === undefined) continue;
    const members = byRoute.get(route);
    if (members) members.push(name);
    else byRoute.set(route, [name]);
  }
  const index = { byRoute, byAlias };
  indexes.set(resources, index);
  return index;
}

/** Names of the virtual hosts of a route configuration. */
export function virtualHostsOf(resources: ResourceMap, route: string): readonly string[] {
  return indexOf(resources).byRoute.get(route) ?? [];
}

/** Name of the virtual host that answers for `<route configuration>/<host>`. */
export function findVirtualHost(resources: ResourceMap, alias: string): string | undefined {
  return indexOf(resources).byAlias.get(alias);
}
