// The doors of the mesh that lead to a service, and what a gateway opens.

import { commonHosts } from "../../compile/gateway-routes.ts";
import { familyOf, type GatewayServer, gatewayKey } from "../../model/gateway.ts";
import { openedPorts } from "../../model/gateway-ports.ts";
import { type Route, targetsOfRoute } from "../../model/route.ts";
import type { Service } from "../../model/service.ts";
import type { Workload } from "../../model/workload.ts";
import { clientOf, rulesOf } from "./client-side.ts";
import type { ExposureFacts, OpenedPortFacts } from "./description.ts";
import { at, type Subject } from "./subject.ts";

export function exposuresOf(
  subject: Subject,
  service: Service,
  workload: Workload | undefined,
): readonly ExposureFacts[] {
  const { mesh } = subject;
  const routes = mesh.gatewayRoutes.filter((route) => targetsOfRoute(route).some(({ host }) => host === service.host));
  if (routes.length === 0) return [];
  const doors = mesh.workloads.filter(({ proxy }) => proxy?.gateway);
  const opened = doors.map((door) => ({
    door,
    servers: openedPorts(mesh, door).ports.flatMap(({ servers }) => servers),
  }));
  return routes.flatMap((route) => {
    const gateway = mesh.gateways.find((one) => gatewayKey(one) === route.gateway);
    if (!gateway) return [];
    const opening = opened.flatMap(({ door, servers }) => {
      const own = servers.filter((bound) => bound.gateway === gateway);
      return own.length > 0 ? [{ door, own }] : [];
    });
    const client = clientOf(route.namespace);
    // What would be reached there, while nobody opens it.
    const servers =
      opening.length > 0 ? opening.flatMap(({ own }) => own.map(({ server }) => server)) : gateway.servers;
    return [
      {
        gateway: at(subject, gateway.origin),
        route: at(subject, route.origin),
        openedBy: opening.map(({ door }) => `${door.namespace}/${door.name}`),
        urls: [...new Set(servers.flatMap((server) => urlsOf(server, route)))],
        rules: rulesOf(subject, route, service, client, workload).filter((_, i) => leadsTo(route, i, service)),
      },
    ];
  });
}

function leadsTo(route: Route, index: number, { host }: Service): boolean {
  const one = { ...route, rules: route.rules.slice(index, index + 1) } as Route;
  return targetsOfRoute(one).some((target) => target.host === host);
}

/** Names that the server and the route both have, as clients call them. */
function urlsOf(server: GatewayServer, route: Route): readonly string[] {
  const hosts = commonHosts(server.hosts, route.hosts, route.namespace);
  const at = (host: string) => (server.port === 0 ? `${host} at ${server.bind}` : `${host}:${server.port}`);
  return hosts.map((host) => `${schemeOf(server)}://${at(host)}`);
}

function schemeOf(server: GatewayServer): string {
  const family = familyOf(server);
  if (family !== "tls") return family;
  return server.protocol === "tls" || server.protocol === "tcp" ? "tls" : "https";
}

export function openedFacts(subject: Subject, workload: Workload): readonly OpenedPortFacts[] {
  if (!workload.proxy?.gateway) return [];
  return openedPorts(subject.mesh, workload).ports.flatMap(({ number, bind, servers }) =>
    servers.map(({ gateway, server }) => ({
      number,
      ...(number === 0 ? { socket: bind } : {}),
      protocol: server.protocol,
      hosts: server.hosts.map(({ host }) => host),
      by: at(subject, gateway.origin, server.path),
    })),
  );
}
