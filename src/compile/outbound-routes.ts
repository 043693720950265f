// Route configurations and virtual hosts of a view, host by host.

import { corrected } from "../base/corrected-map.ts";
import { file } from "../model/label-index.ts";
import { httpRouteFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { isHttp } from "../model/protocol.ts";
import type { HttpRoute, Route } from "../model/route.ts";
import type { ServicePort } from "../model/service.ts";
import { routeName, virtualHostName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import { hostsOfChanged } from "./cache.ts";
import { namesOf, settleDomains, withPort } from "./domains.ts";
import { addressRouteName, FORWARD_PROXY } from "./listener-names.ts";
import type { Member } from "./member.ts";
import type { Memo } from "./memo.ts";
import type { Outside } from "./outside.ts";
import type { Compiled } from "./provenance.ts";
import { sharedRoutes } from "./route-configuration.ts";
import { compileServiceRoutes, compileVirtualHost, planVirtualHost } from "./virtual-host-plan.ts";
import type { View } from "./visibility.ts";

/** What one host brings to the routes of a view. */
export interface HostRoutes {
  readonly routes: readonly Compiled[];
  readonly virtualHosts: readonly Compiled[];
}

interface ServedPort {
  readonly member: Member;
  readonly port: ServicePort;
}

/** What of members routes are made from; while they are the same, so is it. */
interface ServedByMembers {
  readonly byHost: ReadonlyMap<string, readonly Member[]>;
  readonly byPort: ReadonlyMap<number, readonly ServedPort[]>;
  /** By who asks, and where. */
  readonly domains: Map<string, Domains>;
}

const served = new WeakMap<readonly Member[], ServedByMembers>();

function servedBy(members: readonly Member[]): ServedByMembers {
  const known = served.get(members) ?? {
    byHost: Map.groupBy(members, ({ service }) => service.host),
    byPort: byPort(members),
    domains: new Map(),
  };
  served.set(members, known);
  return known;
}

/** Ports that clients can call, by number. UDP has no routes. */
function byPort(members: readonly Member[]): ReadonlyMap<number, readonly ServedPort[]> {
  const ports = new Map<number, ServedPort[]>();
  for (const member of members)
    for (const port of member.service.ports) if (port.protocol !== "udp") file(ports, port.number, { member, port });
  return new Map([...ports].sort(([a], [b]) => a - b));
}

/** The route configuration that virtual hosts travel into; `name` is its port, or the forward proxy's. */
export function routesShell(memo: Memo, name: string, kind: "port" | "proxy", outside: Outside): Compiled {
  return memo.get(`rds/${name}/${outside.policy}/${outside.via ?? ""}`, [], () => ({
    resource: encodeResource("rds", sharedRoutes(name, kind, outside)),
    sources: [],
  }));
}

/** What one host brings, by host, with the route that rules its requests; made when `written` were the mesh's routes. */
export interface RoutesOfHosts {
  readonly written: readonly Route[];
  readonly routes: ReadonlyMap<string, HostRoutes>;
  readonly rulers: ReadonlyMap<string, HttpRoute>;
}

/** `before`: of the same members, since when nothing but routes of requests changed. Hosts that are ruled by the same keep what they have. */
export function hostRoutes(
  mesh: Mesh,
  memo: Memo,
  view: View,
  members: readonly Member[],
  before: RoutesOfHosts | undefined,
): RoutesOfHosts {
  const written = mesh.routes;
  const named = before && hostsOfChanged(before.written, written);
  const looked = named ? membersAt(members, named) : members;
  const found = looked.map(({ service: { host } }) => [host, httpRouteFor(mesh, host, view.namespace)] as const);
  if (!before) {
    const rulers = new Map(found.filter((entry): entry is [string, HttpRoute] => entry[1] !== undefined));
    const hosts = new Set(found.map(([host]) => host));
    return { written, rulers, routes: gatherRoutes(mesh, memo, view, members, hosts) };
  }
  const changed = found.filter(([host, ruler]) => before.rulers.get(host) !== ruler);
  if (changed.length === 0) return { ...before, written };
  const made = gatherRoutes(mesh, memo, view, members, new Set(changed.map(([host]) => host)));
  return { written, rulers: corrected(before.rulers, changed), routes: corrected(before.routes, made) };
}

/**
 * Of `hosts` among the members. Of a name that two members claim, the first has it: whoever claims a name of one of `members` is among them.
 */
function gatherRoutes(
  mesh: Mesh,
  memo: Memo,
  view: View,
  members: readonly Member[],
  hosts: ReadonlySet<string>,
): ReadonlyMap<string, HostRoutes> {
  const { byPort: all, domains: known } = servedBy(members);
  const made = new Map([...hosts].map((host) => [host, { routes: [], virtualHosts: [] } as Gathered]));
  const add = (kind: "port" | "proxy", route: string, { member, port }: ServedPort, domains: Domains) => {
    const { service, registered } = member;
    const own = domains.get(service.host) ?? [];
    if (own.length === 0) return;
    const name = virtualHostName({ route, host: `${service.host}:${port.number}` });
    const planned = planVirtualHost(mesh, view, kind, service, port, { name, domains: own });
    // A host without a service has no default route: when no rule concerns this client, it is any other host.
    if (planned.plan.rules || registered) made.get(service.host)!.virtualHosts.push(compileVirtualHost(memo, planned));
  };
  const domainsAt = (place: Place, claiming: () => readonly ServedPort[]): Domains => {
    const { clusterDomain } = mesh.settings;
    const key = JSON.stringify([view.namespace, clusterDomain, place]);
    const domains = known.get(key) ?? settled(memo, place, claiming(), view, clusterDomain);
    known.set(key, domains);
    return domains;
  };
  for (const [number, own] of byPort(membersAt(members, hosts))) {
    const claiming = all.get(number) ?? [];
    const http = own.filter(({ port }) => isHttp(port.protocol));
    if (view.captures && http.length > 0) {
      const domains = domainsAt(`port/${number}`, () => claiming.filter(({ port }) => isHttp(port.protocol)));
      for (const one of http) add("port", routeName(number), one, domains);
    }
    if (view.captures)
      for (const { member, port } of own.filter((one) => one.port.protocol === "undeclared")) {
        const { service } = member;
        const names = { name: addressRouteName(service.host, number), domains: ["*"] };
        const planned = planVirtualHost(mesh, view, "address", service, port, names);
        made.get(service.host)!.routes.push(compileServiceRoutes(memo, planned));
      }
    // A proxy's client names host and port, so every port has its virtual host: HTTP for requests, the others for tunnels.
    if (!view.hasForwardProxy) continue;
    const domains = domainsAt(`proxy/${number}`, () => claiming);
    for (const one of own) add("proxy", FORWARD_PROXY, one, domains);
  }
  return made;
}

function membersAt(members: readonly Member[], hosts: ReadonlySet<string>): readonly Member[] {
  const { byHost } = servedBy(members);
  return [...hosts].flatMap((host) => byHost.get(host) ?? []);
}

interface Gathered {
  readonly routes: Compiled[];
  readonly virtualHosts: Compiled[];
}

type Place = `port/${number}` | `proxy/${number}`;
type Domains = ReadonlyMap<string, readonly string[]>;

/** The same arrays as long as the services are the same: comparing a virtual host with its last plan is then comparing references. */
function settled(memo: Memo, place: Place, served: readonly ServedPort[], view: View, clusterDomain: string): Domains {
  const services = served.map(({ member }) => member.service);
  return memo.get(`domains/${view.namespace}/${place}/${view.scope ? view.key : ""}`, [services, clusterDomain], () => {
    const claims = services.map((service) => [service.host, namesOf(service, view.namespace, clusterDomain)] as const);
    const domains = settleDomains(new Map(claims));
    if (place.startsWith("port/")) return domains;
    const port = Number(place.slice("proxy/".length));
    return new Map([...domains].map(([host, names]) => [host, withPort(names, port)]));
  });
}
