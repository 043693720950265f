// A mesh as it is through a scope: services, routes and settings of which no more is left than workloads in it are to know.

import { indexRoutes, indexServices } from "./build.ts";
import { importsRoute, importsService } from "./imports.ts";
import { file } from "./label-index.ts";
import { targetPort } from "./lookup.ts";
import type { Mesh, MeshIndex } from "./mesh.ts";
import { byAge } from "./origin.ts";
import { isHttp } from "./protocol.ts";
import type { EgressListener, EgressPort, ProxyScope } from "./proxy-scope.ts";
import { type BackendTarget, type Route, targetsOfRoute } from "./route.ts";
import { type Service, type ServiceAlias, type ServicePort, serviceKey } from "./service.ts";
import { keepAliases } from "./service-alias.ts";
import type { MeshSettings } from "./settings.ts";
import { visibleTo } from "./visibility.ts";
import type { Workload } from "./workload.ts";

/** A door that the scope opens at an address of its own, with what can be called through it. */
export interface ScopedDoor {
  readonly path: string;
  readonly port: EgressPort;
  readonly services: readonly Service[];
}

/** What a scope leaves: plain data of services, routes and settings alone, so that it outlives what else changes. */
export interface ScopedParts {
  readonly settings: MeshSettings;
  readonly routes: readonly Route[];
  /** Called by name: a service has the ports that can be called. */
  readonly called: readonly Service[];
  /** What doors are for and routes lead to beside those: a route into the scope is not broken by what stands behind it. */
  readonly behind: readonly Service[];
  readonly all: readonly Service[];
  readonly doors: readonly ScopedDoor[];
  readonly indexOfCalled: Partial<MeshIndex>;
  readonly indexOfAll: Partial<MeshIndex>;
}

export interface ScopedMesh {
  /** With the services that are called by name. */
  readonly called: Mesh;
  /** With those behind them too. */
  readonly mesh: Mesh;
  readonly behind: readonly Service[];
  readonly doors: readonly ScopedDoor[];
}

/** For a workload of `namespace`. */
export function scopedParts(mesh: Mesh, scope: ProxyScope, namespace: string): ScopedParts {
  const listeners = scope.egress ?? [EVERYTHING];
  const settings = settingsUnder(mesh.settings, scope);
  const isImported = ({ namespace: from, hosts }: Route): boolean =>
    hosts.some((host) => listeners.some((listener) => importsRoute(listener, namespace, from, host)));
  const routes = mesh.routes.filter((route) => visibleTo(route.visibility, namespace) && isImported(route));
  const { called, doors } = servicesOfListeners(mesh, listeners, namespace);
  const behind = servicesBehind(mesh, routes, settings, { called, doors }, namespace);
  const all = behind.length === 0 ? called : [...called, ...behind].sort(byKey);
  const indexOfRoutes = indexRoutes(routes);
  return {
    settings,
    routes,
    called,
    behind,
    all,
    doors,
    indexOfCalled: { ...indexOfRoutes, ...indexHosts(called) },
    indexOfAll: { ...indexOfRoutes, ...indexHosts(all) },
  };
}

/** Endpoints, workloads and policies are the mesh's own. */
export function withParts(mesh: Mesh, parts: ScopedParts): ScopedMesh {
  const { settings, routes, called, all, behind, doors, indexOfCalled, indexOfAll } = parts;
  const common = { ...mesh, settings, routes };
  return {
    called: { ...common, services: called, index: { ...mesh.index, ...indexOfCalled } },
    mesh: { ...common, services: all, index: { ...mesh.index, ...indexOfAll } },
    behind,
    doors,
  };
}

/** As the workload's own scope leaves it. */
export function meshSeenBy(mesh: Mesh, workload: Pick<Workload, "namespace" | "labels">): ScopedMesh {
  const scope = mesh.index.proxyScopes.of(workload);
  if (!scope?.egress && !scope?.outbound) return { called: mesh, mesh, behind: [], doors: [] };
  return withParts(mesh, scopedParts(mesh, scope, workload.namespace));
}

const EVERYTHING: EgressListener = { path: "", hosts: [{ namespace: { kind: "any" }, host: "*" }], except: [] };

/** By key they stay the mesh's, whole. */
function indexHosts(services: readonly Service[]): Pick<MeshIndex, "servicesByHost"> {
  const { servicesByHost } = indexServices(services);
  return { servicesByHost };
}

function settingsUnder(settings: MeshSettings, { outbound }: ProxyScope): MeshSettings {
  return outbound ? { ...settings, outboundPolicy: outbound.policy, egressProxy: outbound.via } : settings;
}

interface Found {
  readonly called: readonly Service[];
  readonly doors: readonly ScopedDoor[];
}

function servicesOfListeners(mesh: Mesh, listeners: readonly EgressListener[], namespace: string): Found {
  const ports = new Map<string, Imported>();
  const taken = new Set<number>();
  const doors: ScopedDoor[] = [];
  for (const listener of listeners) {
    const { port, path } = listener;
    const services = importedBy(mesh, listener, namespace);
    if (port && (port.isBound || port.address !== undefined)) {
      const named = services.map((service) => keepAliases(service, isNamed(listener, namespace, service)));
      doors.push({ path, port, services: servedAt(named, port) });
      continue;
    }
    for (const service of services) {
      const entry = ports.get(service.host) ?? { service, ports: [], aliases: new Set() };
      if (entry.service !== service) continue;
      ports.set(service.host, entry);
      for (const alias of service.aliases ?? [])
        if (isNamed(listener, namespace, service)(alias)) entry.aliases.add(alias);
      for (const own of service.ports)
        if (port ? own.number === port.number : !(taken.has(own.number) && isHttp(own.protocol)))
          if (!entry.ports.includes(own)) entry.ports.push(own);
    }
    // Requests of a port have one listener: what comes after adds nothing to it.
    const hasRequests = port?.takes === "requests" || port?.takes === "either";
    if (hasRequests && services.some((service) => hasPort(service, port.number))) taken.add(port.number);
  }
  const called = [...ports.values()].flatMap((entry) => {
    if (entry.ports.length === 0) return [];
    return [keepAliases(withPorts(entry.service, entry.ports), (alias) => entry.aliases.has(alias))];
  });
  return { called: called.sort(byKey), doors };
}

/** A service with those of its ports and names that can be called. */
interface Imported {
  readonly service: Service;
  readonly ports: ServicePort[];
  readonly aliases: Set<ServiceAlias>;
}

/** A name is imported from the namespace of its service (Istio's matchingAliasService). */
function isNamed(listener: EgressListener, namespace: string, service: Service) {
  return ({ host }: ServiceAlias): boolean => importsService(listener, namespace, service.namespace, host);
}

function hasPort({ ports }: Service, number: number): boolean {
  return ports.some((port) => port.number === number);
}

/** An HTTP proxy is asked for every port, and a Unix socket has none. */
function servedAt(services: readonly Service[], { takes, number, file }: EgressPort): readonly Service[] {
  if (takes === "proxy" || file !== undefined) return services;
  return services.flatMap((service) => {
    const ports = service.ports.filter((port) => port.number === number);
    return ports.length === 0 ? [] : [withPorts(service, ports)];
  });
}

/** The same object where nothing is left out. */
function withPorts(service: Service, ports: readonly ServicePort[]): Service {
  if (ports.length === service.ports.length) return service;
  return { ...service, ports: [...ports].sort((a, b) => a.number - b.number) };
}

function byKey(a: Service, b: Service): number {
  return serviceKey(a) < serviceKey(b) ? -1 : 1;
}

/** One service a host: of several imported namespaces the workload's own has it, else the oldest. */
function importedBy(mesh: Mesh, listener: EgressListener, namespace: string): readonly Service[] {
  const byHost = new Map<string, Service>();
  for (const service of candidates(mesh, listener, namespace)) {
    if (!visibleTo(service.visibility, namespace)) continue;
    if (!importsService(listener, namespace, service.namespace, service.host)) continue;
    const known = byHost.get(service.host);
    if (!known || comesBefore(service, known, namespace)) byHost.set(service.host, service);
  }
  return [...byHost.values()].sort(byKey);
}

function comesBefore(a: Service, b: Service, namespace: string): boolean {
  const isOwn = (service: Service) => Number(service.namespace === namespace);
  return isOwn(a) - isOwn(b) > 0 || (isOwn(a) === isOwn(b) && byAge(a, b) < 0);
}

const byNamespace = new WeakMap<readonly Service[], ReadonlyMap<string, readonly Service[]>>();

function servicesIn(services: readonly Service[], namespace: string): readonly Service[] {
  let lists = byNamespace.get(services);
  if (!lists) {
    const made = new Map<string, Service[]>();
    for (const service of services) file(made, service.namespace, service);
    lists = made;
    byNamespace.set(services, made);
  }
  return lists.get(namespace) ?? [];
}

/** A thousand namespaces that each import their own and one more must not look at every service a thousand times. */
function candidates(mesh: Mesh, { hosts }: EgressListener, own: string): Iterable<Service> {
  const found = new Set<Service>();
  const namespaces = new Set<string>();
  for (const { namespace, host } of hosts) {
    if (namespace.kind === "any" && host.startsWith("*")) return mesh.services;
    if (namespace.kind === "any") for (const service of mesh.index.servicesByHost.get(host) ?? []) found.add(service);
    else namespaces.add(namespace.kind === "named" ? namespace.name : own);
  }
  for (const name of namespaces) for (const service of servicesIn(mesh.services, name)) found.add(service);
  return found;
}

/** What doors are for, what routes lead to, and the proxy for everything else. */
function servicesBehind(
  mesh: Mesh,
  routes: readonly Route[],
  settings: MeshSettings,
  { called, doors }: Found,
  namespace: string,
): readonly Service[] {
  const known = new Set(called.map(({ host }) => host));
  const atDoors = doors.flatMap(({ services }) => services.filter(({ host }) => !known.has(host) && known.add(host)));
  const wanted = new Map<string, BackendTarget[]>();
  const targets = [...routes.flatMap(targetsOfRoute), ...(settings.egressProxy ? [settings.egressProxy] : [])];
  for (const target of targets) if (!known.has(target.host)) file(wanted, target.host, target);
  const led = [...wanted].flatMap(([host, leading]) => {
    const service = reachedBehind(mesh, host, namespace);
    if (!service) return [];
    // Without a port a target means whichever was called.
    const numbers = leading.map((target) => targetPort(target, service, 0));
    const ports = numbers.includes(0) ? service.ports : service.ports.filter(({ number }) => numbers.includes(number));
    return ports.length === 0 ? [] : [withPorts(service, ports)];
  });
  return [...atDoors, ...led];
}

/** The namespace's own, else the first by namespace (Istio's pickFirstVisibleNamespace). */
function reachedBehind(mesh: Mesh, host: string, namespace: string): Service | undefined {
  const visible = (mesh.index.servicesByHost.get(host) ?? [])
    .filter(({ visibility }) => visibleTo(visibility, namespace))
    .sort(byKey);
  return visible.find((service) => service.namespace === namespace) ?? visible[0];
}
