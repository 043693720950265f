// Listeners that a scope opens at addresses of their own, each with the hosts that can be called through it.

import { create } from "@bufbuild/protobuf";
import { isHttp } from "../model/protocol.ts";
import type { ScopedDoor } from "../model/scoped-mesh.ts";
import type { Service, ServicePort } from "../model/service.ts";
import type { Address } from "../xds/gen/envoy/config/core/v3/address_pb.ts";
import type { Listener } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import type { VirtualHost } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import { listenerName, virtualHostName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import { type ChainContext, httpFilter } from "./connection-manager.ts";
import { namesOf, settleDomains, withPort } from "./domains.ts";
import { filterChain, listener, pipeAddress, socketAddress } from "./listener.ts";
import { addressRouteName } from "./listener-names.ts";
import { type OutboundTarget, sniffedBytes, sniffedChains, targetChains } from "./listener-outbound.ts";

import type { OutboundContext } from "./outbound-clusters.ts";
import { looksUpAnyHost, type Outside, outsideOf } from "./outside.ts";
import { settingsWith } from "./own-http.ts";
import { mayBeHttp } from "./protocol.ts";
import type { Compiled, Source } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import { streamRoute } from "./stream-route.ts";
import { anyOtherHost, virtualHost } from "./virtual-host.ts";
import { type PlannedHost, planVirtualHost } from "./virtual-host-plan.ts";
import type { View } from "./visibility.ts";

export interface DoorResources {
  readonly listeners: readonly Compiled[];
  readonly routes: readonly Compiled[];
}

interface Door {
  readonly name: string;
  readonly address: Address;
  readonly door: ScopedDoor;
}

/** Of one address and port the first is opened. */
export function doorResources(context: OutboundContext, view: View, doors: readonly ScopedDoor[]): DoorResources {
  const made = doors.flatMap((door) => {
    const opened = doorOf(door);
    // Connections are led to a door that has no socket only where connections are captured.
    if (!opened || !(door.port.isBound || view.captures)) return [];
    return door.port.takes === "bytes" ? streamDoor(context, view, opened) : requestDoor(context, view, opened);
  });
  const names = new Set<string>();
  const distinct = made.filter(({ listener: { resource } }) => !names.has(resource.name) && names.add(resource.name));
  return {
    listeners: distinct.map(({ listener }) => listener),
    routes: distinct.flatMap(({ routes }) => routes ?? []),
  };
}

function doorOf(door: ScopedDoor): Door | undefined {
  const { address, number, file } = door.port;
  // As Istio names what is bound to a Unix socket.
  if (file !== undefined) return { name: `unix://${file}`, address: pipeAddress(file), door };
  return address === undefined
    ? undefined
    : { name: listenerName({ address, port: number }), address: socketAddress(address, number), door };
}

interface Opened {
  readonly listener: Compiled;
  readonly routes: Compiled | undefined;
}

function chainContext({ mesh }: OutboundContext, view: View): ChainContext {
  return {
    settings: settingsWith(mesh.settings, view.http),
    features: featuresOf(view.proxyKind),
    direction: "outbound",
  };
}

function sourceOf(view: View, { path }: ScopedDoor): readonly Source[] {
  return view.scope ? [{ origin: view.scope.origin, path }] : [];
}

function at({ name, address, door }: Door): Pick<Listener, "name"> & {
  readonly address: Address;
  readonly bindToPort?: false;
} {
  const place = { name, address };
  return door.port.isBound ? place : { ...place, bindToPort: false };
}

/** Bytes say nothing of whom they are for: they are the first service's. */
function streamTarget(
  { mesh }: OutboundContext,
  view: View,
  { services }: ScopedDoor,
  takes: (port: ServicePort) => boolean,
): { readonly target: OutboundTarget; readonly sources: readonly Source[] } | undefined {
  const found = services.flatMap((service) => service.ports.map((port) => ({ service, port })));
  const first = found.find(({ port }) => port.protocol !== "udp" && takes(port));
  if (!first) return undefined;
  const { service, port } = first;
  const { clusters, settings, sources } = streamRoute(mesh, service, port, view);
  const target: OutboundTarget = {
    host: service.host,
    port: port.number,
    protocol: port.protocol,
    stream: { clusters, settings },
    routes: addressRouteName(service.host, port.number),
  };
  return { target, sources };
}

function streamDoor(context: OutboundContext, view: View, opened: Door): readonly Opened[] {
  const { mesh, cache } = context;
  const { name, door } = opened;
  const stream = streamTarget(context, view, door, ({ protocol }) => !mayBeHttp(protocol));
  if (!stream) return [];
  const { target, sources } = stream;
  const all = [...sourceOf(view, door), ...sources];
  const made = cache.memo.get(`door/${view.key}/${name}`, [door.port, target, all, mesh.settings], () => {
    const chain = chainContext(context, view);
    const { patienceMs, ...chains } = targetChains(chain, name, target);
    return {
      resource: encodeResource("lds", listener(chain, "outbound", { ...at(opened), ...chains }, patienceMs)),
      sources: all,
    };
  });
  return [{ listener: made, routes: undefined }];
}

/** Requests are told apart by their Host, at an HTTP proxy and a Unix socket with the port. */
function requestDoor(context: OutboundContext, view: View, opened: Door): readonly Opened[] {
  const { mesh, cache } = context;
  const { name, door } = opened;
  const isProxy = door.port.takes === "proxy";
  const tellsPorts = isProxy || door.port.file !== undefined;
  const isServed = ({ protocol }: ServicePort) => mayBeHttp(protocol) || (isProxy && protocol !== "udp");
  const served = door.services.flatMap((service) => service.ports.filter(isServed).map((port) => ({ service, port })));
  const hosts = plannedHosts(context, view, opened, served);
  const outside = outsideOf(mesh.settings);
  const plans = hosts.map(({ plan }) => plan);
  const sources = [...sourceOf(view, door), ...hosts.flatMap((host) => host.sources)];
  const routes = cache.memo.get(`door-routes/${view.key}/${name}`, [door.port, plans, sources, outside], () => ({
    resource: encodeResource(
      "rds",
      doorRoutes(name, tellsPorts, plans.map(virtualHost), otherHosts(door, view, outside)),
    ),
    sources,
  }));
  const resolvesHosts =
    (isProxy && resolves(view)) ||
    (looksUpAnyHost(mesh.settings) && !door.port.isBound) ||
    served.some(({ service }) => service.resolution === "dynamic-dns");
  const options = { resolvesHosts, tunnels: isProxy };
  const settings = mesh.settings;
  const stream =
    door.port.takes === "either" ? streamTarget(context, view, door, ({ protocol }) => !isHttp(protocol)) : undefined;
  const all = [...sourceOf(view, door), ...(stream?.sources ?? [])];
  const made = cache.memo.get(
    `door/${view.key}/${name}`,
    [door.port, settings, options, all, view.telemetry, stream?.target],
    () => {
      const chain = chainContext(context, view);
      const http = httpFilter(chain, { statPrefix: `outbound_${name}`, routes: name, ...options });
      const { patienceMs, ...chains } =
        door.port.takes === "either"
          ? sniffedChains(chain, http, stream && sniffedBytes(chain, stream.target))
          : { filterChains: [filterChain(chain, { name: "http", filter: http })], patienceMs: undefined };
      return {
        resource: encodeResource("lds", listener(chain, "outbound", { ...at(opened), ...chains }, patienceMs)),
        sources: all,
      };
    },
  );
  return [{ listener: made, routes }];
}

function resolves(view: View): boolean {
  return view.hasForwardProxy;
}

/** A request that came to a socket of the proxy's own has no other destination: what nobody is there for is refused. */
function otherHosts({ port }: ScopedDoor, view: View, outside: Outside): VirtualHost {
  const isLetThrough =
    port.takes === "proxy" ? resolves(view) || outside.via !== undefined : !port.isBound || outside.via;
  const kind = port.takes === "proxy" ? "proxy" : "port";
  return anyOtherHost(kind, isLetThrough ? outside : { policy: "registry-only", via: undefined });
}

function plannedHosts(
  { mesh }: OutboundContext,
  view: View,
  { name, door }: Door,
  served: readonly { readonly service: Service; readonly port: ServicePort }[],
): readonly PlannedHost[] {
  const isProxy = door.port.takes === "proxy";
  const { clusterDomain } = mesh.settings;
  const claims = new Map(
    served.map(({ service, port }) => {
      const { own, others } = namesOf(service, view.namespace, clusterDomain);
      const at = (names: readonly string[]) => namesAt(door, service, port, names);
      return [`${service.host}:${port.number}`, { own: at(own), others: at(others) }];
    }),
  );
  const domains = settleDomains(claims);
  return served.flatMap(({ service, port }) => {
    const key = `${service.host}:${port.number}`;
    const own = domains.get(key) ?? [];
    if (own.length === 0) return [];
    const names = { name: virtualHostName({ route: name, host: key }), domains: own };
    // The requests inside of a tunnel would be read by the forward proxy, which may not know the host: HTTP is asked for without.
    const kind = isProxy && !isHttp(port.protocol) ? "proxy" : "port";
    return [planVirtualHost(mesh, view, kind, service, port, names)];
  });
}

/** Who calls through a Unix socket has no port to name: a name without one is the service's first port for requests. */
function namesAt(
  { port: { takes, file } }: ScopedDoor,
  service: Service,
  port: ServicePort,
  names: readonly string[],
): readonly string[] {
  if (takes === "proxy") return withPort(names, port.number);
  if (file === undefined) return names;
  const first =
    service.ports.find(({ number }) => number === 80) ?? service.ports.find(({ protocol }) => mayBeHttp(protocol));
  return [...(port === first ? names : []), ...names.map((name) => `${name}:${port.number}`)];
}

function doorRoutes(
  name: string,
  tellsPorts: boolean,
  hosts: VirtualHost[],
  otherwise: VirtualHost,
): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [...hosts, otherwise],
    validateClusters: false,
    ignorePortInHostMatching: !tellsPorts,
  });
}
