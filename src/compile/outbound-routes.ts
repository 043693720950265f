// Route configurations and virtual hosts of a view.

import { httpRoutesSeenBy } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { isHttp } from "../model/protocol.ts";
import type { Service, ServicePort } from "../model/service.ts";
import { routeName, virtualHostName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import { domainsOf, settleDomains, withPort } from "./domains.ts";
import { addressRouteName, FORWARD_PROXY } from "./listener-names.ts";
import type { Memo } from "./memo.ts";
import type { Compiled } from "./provenance.ts";
import { sharedRoutes } from "./route-configuration.ts";
import { compileServiceRoutes, compileVirtualHost, planVirtualHost } from "./virtual-host-plan.ts";
import type { View } from "./visibility.ts";

export interface OutboundRoutes {
  readonly routes: readonly Compiled[];
  readonly virtualHosts: readonly Compiled[];
}

interface Member {
  readonly service: Service;
  readonly port: ServicePort;
}

/** Ports that clients can call, by number. UDP has no routes. */
function byPort(services: readonly Service[]): ReadonlyMap<number, readonly Member[]> {
  const ports = new Map<number, Member[]>();
  for (const service of services) {
    for (const port of service.ports) {
      if (port.protocol === "udp") continue;
      const members = ports.get(port.number);
      if (members) members.push({ service, port });
      else ports.set(port.number, [{ service, port }]);
    }
  }
  return new Map([...ports].sort(([a], [b]) => a - b));
}

/**
 * Hosts that routes name and no service has, as services of one HTTP port: Istio honours such routes on port 80 alone
 * (buildSidecarVirtualHostsForVirtualService). They lead where their destinations say.
 */
function unregistered(mesh: Mesh, view: View, services: readonly Service[]): readonly Service[] {
  const known = new Set(services.map(({ host }) => host));
  return httpRoutesSeenBy(mesh, view.namespace).flatMap(({ host, route }): Service[] => {
    if (known.has(host) || host === "*") return [];
    const { origin, createdAt, namespace, visibility } = route;
    const ports: readonly ServicePort[] = [{ number: 80, name: "http", protocol: "http" }];
    const rest = { origin, createdAt, namespace, visibility, ports, addresses: [] };
    return [{ host, name: host, location: "mesh", resolution: "endpoints", ...rest }];
  });
}

export function outboundRoutes(mesh: Mesh, memo: Memo, view: View, services: readonly Service[]): OutboundRoutes {
  const { clusterDomain, outboundPolicy } = mesh.settings;
  const strangers = new Set(unregistered(mesh, view, services));
  const routes: Compiled[] = [];
  const virtualHosts: Compiled[] = [];
  const shell = (name: string, kind: "port" | "proxy") =>
    memo.get(`rds/${name}`, [outboundPolicy], () => ({
      resource: encodeResource("rds", sharedRoutes(name, kind, outboundPolicy)),
      sources: [],
    }));
  const add = (kind: "port" | "proxy", route: string, { service, port }: Member, domains: readonly string[]) => {
    if (domains.length === 0) return;
    const name = virtualHostName({ route, host: `${service.host}:${port.number}` });
    const planned = planVirtualHost(mesh, view, kind, service, port, { name, domains });
    // A host without a service has no default route: when no rule concerns this client, it is any other host.
    if (planned.plan.rules || !strangers.has(service)) virtualHosts.push(compileVirtualHost(memo, planned));
  };
  for (const [number, members] of byPort([...services, ...strangers])) {
    const http = members.filter(({ port }) => isHttp(port.protocol));
    if (view.captures && http.length > 0) {
      const domains = settled(memo, `port/${number}`, http, view, clusterDomain);
      routes.push(shell(routeName(number), "port"));
      for (const member of http) add("port", routeName(number), member, domains.get(member.service.host) ?? []);
    }
    if (view.captures)
      for (const { service, port } of members.filter((member) => member.port.protocol === "undeclared")) {
        const names = { name: addressRouteName(service.host, number), domains: ["*"] };
        routes.push(compileServiceRoutes(memo, planVirtualHost(mesh, view, "address", service, port, names)));
      }
    // A proxy's client names host and port, so every port has its virtual host: HTTP for requests, the others for tunnels.
    if (!view.hasForwardProxy) continue;
    const domains = settled(memo, `proxy/${number}`, members, view, clusterDomain);
    for (const member of members) add("proxy", FORWARD_PROXY, member, domains.get(member.service.host) ?? []);
  }
  if (view.hasForwardProxy) routes.push(shell(FORWARD_PROXY, "proxy"));
  return { routes, virtualHosts };
}

/** The same arrays as long as the services are the same: comparing a virtual host with its last plan is then comparing references. */
function settled(
  memo: Memo,
  place: `port/${number}` | `proxy/${number}`,
  members: readonly Member[],
  view: View,
  clusterDomain: string,
): ReadonlyMap<string, readonly string[]> {
  const services = members.map(({ service }) => service);
  return memo.get(`domains/${view.namespace}/${place}`, [services, clusterDomain], () => {
    const claims = services.map(
      (service) => [service.host, domainsOf(service, view.namespace, clusterDomain)] as const,
    );
    const domains = settleDomains(new Map(claims));
    if (place.startsWith("port/")) return domains;
    const port = Number(place.slice("proxy/".length));
    return new Map([...domains].map(([host, names]) => [host, withPort(names, port)]));
  });
}
