// What clients can call: a service, or a host that routes name and no service has.

import { type Client, httpRouteAt, serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service, ServicePort } from "../model/service.ts";

/** `registered` is false for a host without a service, which stands here as a service of one HTTP port. */
export interface Member {
  readonly service: Service;
  readonly registered: boolean;
}

const HTTP: readonly ServicePort[] = [{ number: 80, name: "http", protocol: "http" }];

/**
 * What `host`, as it is written in the mesh, means to a client; undefined when that is nothing. Istio honours routes for hosts without a
 * service on port 80 alone (buildSidecarVirtualHostsForVirtualService); they lead where their destinations say.
 * A name that stands for a service has those that are written for itself, on ports that it declares (Istio's, too: it is in the registry there).
 */
export function memberOf(mesh: Mesh, client: Client, host: string): Member | undefined {
  const service = serviceFor(mesh, host, client.namespace);
  if (service) return registered(service);
  const route = host === "*" ? undefined : httpRouteAt(mesh, host, client.namespace);
  if (!route) return undefined;
  const { origin, createdAt, visibility } = route;
  const alias = mesh.index.aliases.get(host)?.alias;
  const { name, namespace, ports } = alias?.ports.length ? alias : { ...route, name: host, ports: HTTP };
  const rest = { origin, createdAt, name, namespace, visibility, ports, addresses: [] };
  return { registered: false, service: { host, location: "mesh", resolution: "endpoints", ...rest } };
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
