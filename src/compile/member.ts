// What clients can call: a service, or a host that routes name and no service has.

import { type Client, httpRouteAt, serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service, ServicePort } from "../model/service.ts";

/** `registered` is false for a host without a service, which stands here as a service of one HTTP port. */
export interface Member {
  readonly service: Service;
  readonly registered: boolean;
}

/**
 * What `host`, as it is written in the mesh, means to a client; undefined when that is nothing. Istio honours routes for hosts without a
 * service on port 80 alone (buildSidecarVirtualHostsForVirtualService); they lead where their destinations say.
 */
export function memberOf(mesh: Mesh, client: Client, host: string): Member | undefined {
  const service = serviceFor(mesh, host, client.namespace);
  if (service) return registered(service);
  const route = host === "*" ? undefined : httpRouteAt(mesh, host, client.namespace);
  if (!route) return undefined;
  const { origin, createdAt, namespace, visibility } = route;
  const ports: readonly ServicePort[] = [{ number: 80, name: "http", protocol: "http" }];
  const rest = { origin, createdAt, namespace, visibility, ports, addresses: [] };
  return { registered: false, service: { host, name: host, location: "mesh", resolution: "endpoints", ...rest } };
}

const members = new WeakMap<Service, Member>();

/** The same object for the same service. */
function registered(service: Service): Member {
  const known = members.get(service) ?? { service, registered: true };
  members.set(service, known);
  return known;
}

/** Every host of the mesh that may mean something to somebody. */
export function hostsOf(mesh: Mesh): ReadonlySet<string> {
  return new Set([...mesh.index.servicesByHost.keys(), ...mesh.index.httpRoutes.keys()]);
}
