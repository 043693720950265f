// The listeners that captured connections to services need. HTTP shares one listener a port. Other ports go by virtual IP; without one, TLS
// goes by SNI, and bytes by a range of addresses or the address of an endpoint (headless.ts), or they leave the mesh as they came.

import { isVirtual } from "../base/virtual-addresses.ts";
import type { Mesh } from "../model/mesh.ts";
import { compareText } from "../model/origin.ts";
import { isHttp, isTls } from "../model/protocol.ts";
import type { Service, ServicePort } from "../model/service.ts";
import { listenerName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import type { ChainContext } from "./connection-manager.ts";
import { serverNamesOf } from "./domains.ts";
import { addressListener, type RangedTarget, type SharedPort, sharedPortListener } from "./listener-capture.ts";
import { addressRouteName } from "./listener-names.ts";
import type { OutboundTarget } from "./listener-outbound.ts";
import type { Member } from "./member.ts";
import type { Memo } from "./memo.ts";
import { settingsWith } from "./own-http.ts";
import { type Compiled, type Source, wholeObject } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import { serverNameRoutes, streamRoute } from "./stream-route.ts";
import type { View } from "./visibility.ts";

/** A listener at an address. Plain data: the memo compares it. */
interface AddressPlan {
  readonly address: string;
  readonly target: OutboundTarget;
  readonly sources: readonly Source[];
}

/** What one host has of the listener that a port's hosts without an address share. Of several ports, several. */
export interface PortShare {
  readonly port: number;
  /** The host of each of its requests is looked up. */
  readonly resolvesHosts?: boolean;
  readonly host: string;
  /** What is told apart by its server name, the host's own first; none: requests. */
  readonly tls: readonly OutboundTarget[];
  /** What is told apart by the address that the client chose, which is in one of the host's ranges. */
  readonly ranged?: RangedTarget;
  readonly sources: readonly Source[];
}

/** What one host brings to the listeners of a view. */
export interface HostListeners {
  readonly listeners: readonly Compiled[];
  readonly shares: readonly PortShare[];
}

/** With what says where its bytes go: the rule that shares them out, if one does, and the service. */
function targetOf(
  mesh: Mesh,
  view: View,
  service: Service,
  port: ServicePort,
): { readonly target: OutboundTarget; readonly sources: readonly Source[] } {
  const { host } = service;
  const { clusters, settings, sources } = streamRoute(mesh, service, port, view);
  const routes = addressRouteName(host, port.number);
  return {
    target: {
      host,
      port: port.number,
      protocol: port.protocol,
      stream: { clusters, settings },
      ...(service.resolution === "dynamic-dns" ? { looksUpServerName: true } : {}),
      routes,
    },
    sources,
  };
}

function planHost(
  mesh: Mesh,
  view: View,
  service: Service,
): { readonly shares: readonly PortShare[]; readonly addresses: readonly AddressPlan[] } {
  const addresses = service.addresses.filter((address) => !address.includes("/"));
  const ranges = service.addresses.filter((address) => address.includes("/"));
  const shares: PortShare[] = [];
  const plans: AddressPlan[] = [];
  for (const port of service.ports) {
    if (port.protocol === "udp") continue;
    if (isHttp(port.protocol)) {
      const resolvesHosts = service.resolution === "dynamic-dns";
      const sources = [wholeObject(service.origin)];
      shares.push({
        port: port.number,
        host: service.host,
        tls: [],
        sources,
        ...(resolvesHosts ? { resolvesHosts } : {}),
      });
      continue;
    }
    const { target, sources } = targetOf(mesh, view, service, port);
    // Who looked the name up elsewhere knows no automatic address, and has the server name to be told by.
    if (isTls(port.protocol) && addresses.every(isVirtual))
      shares.push(tlsShare(mesh, view, service, port, { target, sources }));
    else if (ranges.length > 0)
      shares.push({ port: port.number, host: service.host, tls: [], ranged: { ranges, target }, sources });
    for (const address of addresses) plans.push({ address, target, sources });
  }
  return { shares, addresses: plans };
}

function tlsShare(
  mesh: Mesh,
  view: View,
  service: Service,
  port: ServicePort,
  own: { readonly target: OutboundTarget; readonly sources: readonly Source[] },
): PortShare {
  const routes = [...serverNameRoutes(mesh, service, port, view)];
  const others = routes.map(([host, { clusters, settings }]) => ({
    ...own.target,
    host,
    stream: { clusters, settings },
    ruled: true as const,
  }));
  return {
    port: port.number,
    host: service.host,
    tls: [withServerNames(mesh, view, service, own.target), ...others],
    sources: [...own.sources, ...routes.flatMap(([, { sources }]) => sources.slice(0, 1))],
  };
}

function withServerNames(mesh: Mesh, view: View, service: Service, target: OutboundTarget): OutboundTarget {
  if (!service.aliases) return target;
  return { ...target, serverNames: serverNamesOf(service, view.namespace, mesh.settings.clusterDomain) };
}

/** By host. An address and port that two members claim is the first one's: whoever claims one of a member's is among them. */
export function hostListeners(
  mesh: Mesh,
  memo: Memo,
  view: View,
  members: readonly Member[],
): ReadonlyMap<string, HostListeners> {
  const context = contextOf(mesh, view);
  const taken = new Set<string>();
  return new Map(
    members.map(({ service }) => {
      const { shares, addresses } = planHost(mesh, view, service);
      const listeners = addresses.flatMap((plan): Compiled[] => {
        const { address, target, sources } = plan;
        const name = listenerName({ address, port: target.port });
        if (taken.has(name)) return [];
        taken.add(name);
        const compiled = memo.get(`lds/${view.key}/${name}`, [plan, mesh.settings, view.telemetry], () => ({
          resource: encodeResource("lds", addressListener(context, address, target.port, target)),
          sources,
        }));
        return [compiled];
      });
      return [service.host, { listeners, shares }];
    }),
  );
}

/** All shares of one port, put together. */
export interface PortShares {
  readonly requests: number;
  /** How many of them look hosts up. */
  readonly resolving: number;
  /** By host. */
  readonly bytes: ReadonlyMap<string, PortShare>;
}

export const NO_SHARES: PortShares = { requests: 0, resolving: 0, bytes: new Map() };

function isRequests({ tls, ranged }: PortShare): boolean {
  return tls.length === 0 && ranged === undefined;
}

/** Takes away the shares of hosts that are replaced, and adds those that replace them. */
export function replaceShares(all: PortShares, removed: readonly PortShare[], added: readonly PortShare[]): PortShares {
  const bytes = new Map(all.bytes);
  for (const share of removed) if (!isRequests(share)) bytes.delete(share.host);
  for (const share of added) if (!isRequests(share)) bytes.set(share.host, share);
  const requests = (shares: readonly PortShare[]) => shares.filter(isRequests).length;
  const resolving = (shares: readonly PortShare[]) => shares.filter(({ resolvesHosts }) => resolvesHosts).length;
  return {
    requests: all.requests - requests(removed) + requests(added),
    resolving: all.resolving - resolving(removed) + resolving(added),
    bytes,
  };
}

/** The listener of one port as plain data, with what it is made from; undefined when nobody has a share of it. */
export function sharedPort(
  port: number,
  { requests, resolving, bytes }: PortShares,
): { readonly shared: SharedPort; readonly sources: readonly Source[] } | undefined {
  if (requests === 0 && bytes.size === 0) return undefined;
  const shares = [...bytes].sort(([a], [b]) => compareText(a, b)).map(([, share]) => share);
  const shared = {
    port,
    http: requests > 0,
    resolvesHosts: resolving > 0,
    tls: shares.flatMap(({ tls }) => tls),
    ranged: shares.flatMap(({ ranged }) => ranged ?? []),
  };
  return { shared, sources: shares.flatMap(({ sources }) => sources) };
}

export function sharedListener(
  mesh: Mesh,
  memo: Memo,
  view: View,
  { shared, sources }: NonNullable<ReturnType<typeof sharedPort>>,
): Compiled {
  const name = listenerName({ address: "0.0.0.0", port: shared.port });
  return memo.get(`lds/${view.key}/${name}`, [shared, sources, mesh.settings, view.telemetry], () => ({
    resource: encodeResource("lds", sharedPortListener(contextOf(mesh, view), shared)),
    sources,
  }));
}

function contextOf({ settings }: Mesh, view: View): ChainContext {
  const own = settingsWith(settings, view.http);
  return { settings: own, features: featuresOf(view.proxyKind), direction: "outbound", telemetry: view.telemetry };
}
