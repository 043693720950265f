// Which hosts and services a view has. The same objects as long as they hold the same.

import { sameItems } from "../model/equality.ts";
import { bySpecificity } from "../model/hosts.ts";
import type { Mesh } from "../model/mesh.ts";
import { type CompileCache, hostsOfChanged } from "./cache.ts";
import { hostsOf, memberOf } from "./member.ts";
import type { Members } from "./outbound-clusters.ts";
import type { View } from "./visibility.ts";

interface KeptHosts {
  readonly services: Mesh["services"];
  readonly routes: Mesh["routes"];
  readonly names: ReadonlySet<string>;
  readonly sorted: readonly string[];
}

/** The same list as long as it holds the same. Routes that changed are asked for their hosts, and nobody else. */
export function allHosts(mesh: Mesh, { references }: CompileCache): readonly string[] {
  const { services, routes, index } = mesh;
  const before = references.last<KeptHosts>("hosts");
  const named = before?.services === services ? hostsOfChanged(before.routes, routes) : undefined;
  const isThere = (host: string) => index.servicesByHost.has(host) || index.httpRoutes.has(host);
  const isSame = before && named?.values().every((host) => before.names.has(host) === isThere(host));
  const names = isSame ? before.names : hostsOf(mesh);
  const sorted = isSame ? before.sorted : [...names].sort();
  const kept = before && sameItems(before.sorted, sorted) ? before.sorted : sorted;
  references.set("hosts", { services, routes, names, sorted: kept } satisfies KeptHosts);
  return kept;
}

interface KeptMembers {
  readonly services: Mesh["services"];
  readonly aliases: Mesh["aliases"];
  readonly routes: Mesh["routes"];
  readonly hosts: readonly string[];
  readonly found: Members;
}

/** The same object as long as it holds the same. */
export function membersOf(mesh: Mesh, { references }: CompileCache, view: View, hosts: readonly string[]): Members {
  const { services, aliases, routes } = mesh;
  const key = `members/${view.key}`;
  const before = references.last<KeptMembers>(key);
  const isKept =
    before?.services === services && before.aliases === aliases && before.hosts === hosts && isStill(before, routes);
  const found = isKept ? before.found : findMembers(mesh, view, hosts, before?.found);
  references.set(key, { services, aliases, routes, hosts, found } satisfies KeptMembers);
  return found;
}

/** Routes make members of hosts that have no service alone. */
function isStill({ routes, found }: KeptMembers, now: Mesh["routes"]): boolean {
  if (routes === now) return true;
  return (
    hostsOfChanged(routes, now)
      ?.values()
      .every((host) => found.byHost.has(host)) ?? false
  );
}

/** Services first, by host, then hosts without one, the most specific first: the order in which they claim names. */
function findMembers(mesh: Mesh, view: View, hosts: readonly string[], before: Members | undefined): Members {
  const found = hosts.flatMap((host) => memberOf(mesh, view, host) ?? []);
  const registered = found.filter((member) => member.registered);
  const strangers = found.filter((member) => !member.registered);
  const members = [...registered, ...strangers.sort((a, b) => bySpecificity(a.service.host, b.service.host))];
  if (before && sameItems(before.members, members)) return before;
  return { members, registered, byHost: new Map(registered.map((member) => [member.service.host, member])) };
}
