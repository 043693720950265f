// Captured connections to headless services. Clients look up the endpoints and dial the one they want, so each has a listener at its address
// (Istio: buildSidecarOutboundListeners, of services without an address) and a cluster of its own: who dials db-1 must not reach db-0. Requests go
// the same way, whatever host they name: Istio's cluster of such a service is ORIGINAL_DST (convertResolution), with nothing to choose from. That
// type would not do here, since the leg has a port of its own at each endpoint.

import { parseAddress } from "../base/cidr.ts";
import type { ClientPolicy, Subset } from "../model/client-policy.ts";
import { clientPolicyFor, endpointsOf } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { compareText } from "../model/origin.ts";
import { isTls } from "../model/protocol.ts";
import type { Service, ServicePort } from "../model/service.ts";
import { clusterName, endpointSubset, listenerName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import type { ChainContext } from "./connection-manager.ts";
import { addressListener } from "./listener-capture.ts";
import { endpointRouteName } from "./listener-names.ts";
import type { OutboundTarget } from "./listener-outbound.ts";
import { settingsWith } from "./own-http.ts";
import { mayBeHttp } from "./protocol.ts";
import type { Compiled } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import { endpointCluster, type ServiceClusterContext } from "./service-clusters.ts";
import { type StreamRoute, streamRoute } from "./stream-route.ts";
import { compileServiceRoutes, type PlannedHost, planVirtualHost } from "./virtual-host-plan.ts";
import type { View } from "./visibility.ts";

export interface HeadlessResources {
  readonly clusters: readonly Compiled[];
  readonly endpoints: readonly Compiled[];
  readonly listeners: readonly Compiled[];
  readonly routes: readonly Compiled[];
}

/** A service of the mesh that clients reach by its endpoints' addresses. */
export function isHeadless({ resolution, location, addresses }: Service): boolean {
  return resolution === "passthrough" && location === "mesh" && addresses.length === 0;
}

/** Addresses of a headless service that clients may be told: of endpoints that are ready, each once. */
export function headlessAddresses(mesh: Mesh, service: Service): readonly string[] {
  const ready = service.ports.flatMap((port) =>
    endpointsOf(mesh, service, port.number).filter(({ health }) => health === "healthy"),
  );
  return [...new Set(ready.map(({ address }) => address))].filter(parseAddress).sort();
}

/** By the names of their own, sorted: the addresses of those that clients may be told. */
export function instancesOf(mesh: Mesh, service: Service): readonly (readonly [string, readonly string[]])[] {
  const found = new Map<string, Set<string>>();
  for (const { number } of service.ports)
    for (const { hostname, address, health } of endpointsOf(mesh, service, number)) {
      if (hostname === undefined || health !== "healthy" || !parseAddress(address)) continue;
      found.set(hostname, (found.get(hostname) ?? new Set()).add(address));
    }
  return [...found].sort(([a], [b]) => compareText(a, b)).map(([name, addresses]) => [name, [...addresses].sort()]);
}

/** TLS is told apart by its SNI. */
function isDialled({ protocol }: ServicePort): boolean {
  return protocol !== "udp" && !isTls(protocol);
}

/**
 * The ports that endpoints are dialled at: the one that they listen on, as without a mesh, and the service's, as with Istio. Ready or not:
 * readiness comes and goes, and the listener of an address would take its connections with it.
 */
function dialledPorts(mesh: Mesh, service: Service, port: ServicePort): ReadonlyMap<string, ReadonlySet<number>> {
  const ports = new Map<string, Set<number>>();
  for (const { address, applicationPort } of endpointsOf(mesh, service, port.number)) {
    if (!parseAddress(address)) continue;
    const known = ports.get(address) ?? new Set([port.number]);
    ports.set(address, known.add(applicationPort));
  }
  return ports;
}

/** An endpoint's listeners, before they are made. Plain data: the memo compares it. */
interface Dialled {
  readonly service: Service;
  readonly port: ServicePort;
  readonly address: string;
  readonly numbers: readonly number[];
}

/** An address and port that two services claim is the first one's. */
function planDialled(mesh: Mesh, services: readonly Service[]): readonly Dialled[] {
  const claimed = new Set<string>();
  const claim = (address: string, port: number) => {
    const name = listenerName({ address, port });
    return !claimed.has(name) && claimed.add(name);
  };
  return services.filter(isHeadless).flatMap((service) =>
    service.ports.filter(isDialled).flatMap((port) =>
      [...dialledPorts(mesh, service, port)].flatMap(([address, ports]): Dialled[] => {
        const numbers = [...ports].filter((number) => claim(address, number));
        return numbers.length === 0 ? [] : [{ service, port, address, numbers }];
      }),
    ),
  );
}

export function headlessResources(
  context: ServiceClusterContext,
  view: View,
  services: readonly Service[],
): HeadlessResources {
  const planned = planDialled(context.mesh, services).map((dialled) => planEndpoint(context.mesh, view, dialled));
  const made = planned.flatMap(({ dialled, policy, subsets }) =>
    subsets.map((subset) => endpointCluster(context, dialled.service, dialled.port, policy, subset, dialled.address)),
  );
  return {
    clusters: made.map(({ cluster }) => cluster),
    endpoints: made.flatMap(({ endpoints }) => endpoints ?? []),
    listeners: planned.flatMap((endpoint) => endpointListeners(context, view, endpoint)),
    routes: planned.flatMap(({ http }) => (http ? compileServiceRoutes(context.memo, http) : [])),
  };
}

interface EndpointPlan {
  readonly dialled: Dialled;
  readonly policy: ClientPolicy | undefined;
  /** Those that routes name; undefined stands for none. */
  readonly subsets: readonly (Subset | undefined)[];
  readonly http: PlannedHost | undefined;
  readonly stream: StreamRoute;
}

/** The service's routes, with the endpoint in its place: a subset has no say in who is reached, but in how. */
function planEndpoint(mesh: Mesh, view: View, dialled: Dialled): EndpointPlan {
  const { service, port, address } = dialled;
  const policy = clientPolicyFor(mesh, service, view);
  const subsets = new Set<Subset | undefined>([undefined]);
  const nameOf = (subset: string) =>
    clusterName({ direction: "outbound", port: port.number, subset, host: service.host });
  const own = new Map([undefined, ...(policy?.subsets ?? [])].map((subset) => [nameOf(subset?.name ?? ""), subset]));
  const atEndpoint = (cluster: string): string => {
    if (!own.has(cluster)) return cluster;
    const subset = own.get(cluster);
    subsets.add(subset);
    return nameOf(endpointSubset(subset?.name ?? "", address));
  };
  const routed = streamRoute(mesh, service, port, view);
  const stream = { ...routed, clusters: routed.clusters.map((to) => ({ ...to, name: atEndpoint(to.name) })) };
  const http = mayBeHttp(port.protocol) ? endpointRoutes(mesh, view, dialled, nameOf(""), atEndpoint) : undefined;
  return { dialled, policy, subsets: [...subsets], http, stream };
}

function endpointRoutes(
  mesh: Mesh,
  view: View,
  { service, port, address }: Dialled,
  whole: string,
  atEndpoint: (cluster: string) => string,
): PlannedHost {
  const names = { name: endpointRouteName(service.host, port.number, address), domains: ["*"] };
  const planned = planVirtualHost(mesh, view, "address", service, port, names);
  const rules = planned.plan.rules?.map((rule) => ({
    ...rule,
    backends: rule.backends.map((backend) => ({ ...backend, cluster: atEndpoint(backend.cluster) })),
  }));
  return { ...planned, plan: { ...planned.plan, rules, cluster: atEndpoint(whole) } };
}

function endpointListeners(
  { mesh, memo }: ServiceClusterContext,
  view: View,
  { dialled: { service, port, address, numbers }, stream: { clusters, settings: way, sources } }: EndpointPlan,
): readonly Compiled[] {
  const settings = settingsWith(mesh.settings, view.http);
  const { proxyKind, telemetry } = view;
  const { host } = service;
  const chain: ChainContext = { settings, features: featuresOf(proxyKind), direction: "outbound", telemetry };
  const routes = endpointRouteName(host, port.number, address);
  const stream = { clusters, settings: way };
  const target: OutboundTarget = { host, port: port.number, protocol: port.protocol, stream, routes };
  return numbers.map((number) =>
    memo.get(
      `lds/${view.key}/${listenerName({ address, port: number })}`,
      [target, sources, settings, telemetry],
      () => ({
        resource: encodeResource("lds", addressListener(chain, address, number, target)),
        sources,
      }),
    ),
  );
}
