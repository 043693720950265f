// Captured connections to headless services. Clients look up the endpoints and dial the one they want, so each has a listener at its address
// (Istio: buildSidecarOutboundListeners, of services without an address) and a cluster of its own: who dials db-1 must not reach db-0. Requests go
// the same way, whatever host they name: Istio's cluster of such a service is ORIGINAL_DST (convertResolution), with nothing to choose from. That
// type would not do here, since the leg has a port of its own at each endpoint.

import { parseAddress } from "../base/cidr.ts";
import { clientPolicyFor, endpointsOf } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { compareText } from "../model/origin.ts";
import { isTls } from "../model/protocol.ts";
import type { Service, ServicePort } from "../model/service.ts";
import { clusterName, listenerName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import type { ChainContext } from "./connection-manager.ts";
import { addressListener } from "./listener-capture.ts";
import { endpointRouteName } from "./listener-names.ts";
import type { OutboundTarget } from "./listener-outbound.ts";
import { settingsWith } from "./own-http.ts";
import { mayBeHttp } from "./protocol.ts";
import type { Compiled, Source } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import { endpointCluster, type ServiceClusterContext } from "./service-clusters.ts";
import { streamRoute } from "./stream-route.ts";
import { compileServiceRoutes, planVirtualHost } from "./virtual-host-plan.ts";
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
  const { mesh } = context;
  const dialled = planDialled(mesh, services);
  const made = dialled.map(({ service, port, address }) =>
    endpointCluster(context, service, port, clientPolicyFor(mesh, service, view), address),
  );
  return {
    clusters: made.map(({ cluster }) => cluster),
    endpoints: made.flatMap(({ endpoints }) => endpoints ?? []),
    listeners: dialled.flatMap((endpoint) => endpointListeners(context, view, endpoint)),
    routes: dialled.flatMap((endpoint) => endpointRoutes(context, view, endpoint) ?? []),
  };
}

function endpointListeners(
  { mesh, memo }: ServiceClusterContext,
  view: View,
  { service, port, address, numbers }: Dialled,
): readonly Compiled[] {
  const settings = settingsWith(mesh.settings, view.http);
  const { proxyKind, telemetry } = view;
  const chain: ChainContext = { settings, features: featuresOf(proxyKind), direction: "outbound", telemetry };
  const { target, sources } = targetAt(mesh, view, service, port, address);
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

/** The service's, with the endpoint in its place. */
function endpointRoutes({ mesh, memo }: ServiceClusterContext, view: View, dialled: Dialled): Compiled | undefined {
  const { service, port, address } = dialled;
  if (!mayBeHttp(port.protocol)) return undefined;
  const names = { name: endpointRouteName(service.host, port.number, address), domains: ["*"] };
  const planned = planVirtualHost(mesh, view, "address", service, port, names);
  const name = (subset: string) =>
    clusterName({ direction: "outbound", port: port.number, subset, host: service.host });
  const rules = planned.plan.rules?.map((rule) => ({
    ...rule,
    backends: rule.backends.map((backend) =>
      backend.cluster === name("") ? { ...backend, cluster: name(address) } : backend,
    ),
  }));
  return compileServiceRoutes(memo, { ...planned, plan: { ...planned.plan, rules, cluster: name(address) } });
}

/** A route of the service's says where its bytes go, whichever endpoint was dialled. */
function targetAt(
  mesh: Mesh,
  view: View,
  service: Service,
  port: ServicePort,
  address: string,
): { readonly target: OutboundTarget; readonly sources: readonly Source[] } {
  const { host } = service;
  const name = (subset: string) => clusterName({ direction: "outbound", port: port.number, subset, host });
  const { clusters: routed, settings, sources } = streamRoute(mesh, service, port, view);
  const own = routed.length === 1 && routed[0]?.name === name("");
  const stream = { clusters: own ? [{ name: name(address), weight: 1 }] : routed, settings };
  const routes = endpointRouteName(host, port.number, address);
  return { target: { host, port: port.number, protocol: port.protocol, stream, routes }, sources };
}
