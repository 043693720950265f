// Everything that proxies of one view share: the services they may call, as clusters, endpoints, routes and captured listeners.

import { sameContent } from "../model/equality.ts";
import { bySpecificity } from "../model/hosts.ts";
import { clientPolicyFor, serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { compareText } from "../model/origin.ts";
import { type Service, serviceKey } from "../model/service.ts";
import { encodeResource } from "../xds/resource.ts";
import { type ResourceKind, SEND_ORDER } from "../xds/type-urls.ts";
import type { CompileCache } from "./cache.ts";
import {
  blackHoleCluster,
  inboundPassthroughCluster,
  passthroughCluster,
  passthroughDnsCluster,
  tunnelCluster,
} from "./cluster-special.ts";
import { type HeadlessResources, headlessAddresses, headlessResources, isHeadless } from "./headless.ts";
import type { AcknowledgedServerNames } from "./leg.ts";
import { FORWARD_PROXY } from "./listener-names.ts";
import { hostsOf, type Member, memberOf } from "./member.ts";
import type { Memo } from "./memo.ts";
import { type NamedService, nameTable } from "./name-table.ts";
import { namesCredentials } from "./origination.ts";
import { type OutboundRouting, outboundRouting } from "./outbound-routing.ts";
import { type Owned, shareOver } from "./outbound-sets.ts";
import { asksForPlace } from "./place.ts";
import { type Compiled, wholeObject } from "./provenance.ts";
import type { ResourceSet } from "./resource-set.ts";
import { ownerOf, type ServiceClusterContext, type ServiceClusters, serviceClusters } from "./service-clusters.ts";
import type { View } from "./visibility.ts";

export interface OutboundContext {
  readonly mesh: Mesh;
  readonly acknowledged: AcknowledgedServerNames;
  readonly cache: CompileCache;
}

/** Of one kind, what lies over the others first. */
export type OutboundSets = Readonly<Partial<Record<ResourceKind, readonly ResourceSet[]>>>;

/** What a view sees of some hosts, and what all of it comes to. */
export interface Outbound {
  readonly clusters: ReadonlyMap<string, ServiceClusters>;
  readonly routing: OutboundRouting;
  /** By host. */
  readonly named: ReadonlyMap<string, NamedService>;
  readonly sets: OutboundSets;
}

const NOT_CAPTURED: HeadlessResources = { clusters: [], endpoints: [], listeners: [] };

/** What everybody sees. */
export function compileCommon(context: OutboundContext, view: View): Outbound {
  const { cache, mesh } = context;
  const hosts = cache.references.get("hosts", [mesh.services, mesh.routes], () => [...hostsOf(mesh)].sort());
  return compileHosts(context, view, hosts, undefined);
}

/** What clients of the view see: what everybody does, and over it what is different to them. */
export function compileOutbound(context: OutboundContext, view: View, common: Outbound): OutboundSets {
  const { cache } = context;
  const hosts = cache.references.get(`differing/${view.key}`, [cache.perspectives], () =>
    cache.perspectives.differing(view),
  );
  return withHeadless(context, view, compileHosts(context, view, hosts, common).sets);
}

/** Headless services are dialled by their endpoints' addresses, which change with the endpoints: they lie over everything else. */
export function withHeadless(context: OutboundContext, view: View, sets: OutboundSets): OutboundSets {
  const { cache } = context;
  const headless = view.captures ? headlessOf(context, view) : NOT_CAPTURED;
  const share = (kind: string, members: readonly Compiled[]) =>
    cache.sets.share(`${view.key}/headless/${kind}`, members);
  return {
    ...sets,
    cds: [share("cds", headless.clusters), ...(sets.cds ?? [])],
    eds: [share("eds", headless.endpoints), ...(sets.eds ?? [])],
    lds: [share("lds", headless.listeners), ...(sets.lds ?? [])],
  };
}

/** `hosts`: as written in the mesh, sorted; those of them that mean nothing to the view are hidden from it. */
export function compileHosts(
  context: OutboundContext,
  view: View,
  hosts: readonly string[],
  common: Outbound | undefined,
  called: Mesh = context.mesh,
): Outbound {
  const { mesh, cache } = context;
  const members = cache.references.get(`members/${view.key}`, [hosts, called.services, called.routes], () =>
    membersOf(called, view, hosts),
  );
  const registered = members.filter((member) => member.registered);
  const clusters = clustersOfAll(context, view, registered);
  const routing = cache.references.get(
    `routing/${view.key}`,
    [cache.routingVersion, hosts, members, mesh.services, mesh.routes, common?.routing],
    () => outboundRouting(mesh, cache.routing, view, hosts, members, common?.routing),
  );
  const named = new Map(view.captures ? registered.flatMap(({ service }) => [...namesOf(mesh, service)]) : []);
  const own = { clusters, routing, named };
  return { ...own, sets: compileSets(context, view, hosts, own, common) };
}

/** The same map as long as it holds the same. */
function clustersOfAll(context: OutboundContext, view: View, members: readonly Member[]): Outbound["clusters"] {
  const made = members.map(({ service }) => clustersOf(context, view, service));
  return context.cache.references.get(
    `clusters-of-all/${view.key}`,
    made,
    () => new Map(members.map(({ service }, i) => [service.host, made[i]!])),
  );
}

type Parts = Omit<Outbound, "sets">;

function compileSets(
  { mesh, cache }: OutboundContext,
  view: View,
  hosts: readonly string[],
  own: Parts,
  common: Outbound | undefined,
): OutboundSets {
  const { memo, sets, references } = cache;
  const owners = [...hosts, ...own.routing.ports.keys(), FORWARD_PROXY];
  const over = (kind: ResourceKind, of: (parts: Parts) => Owned) =>
    shareOver(sets, `${view.key}/${kind}`, owners, of(own), common && of(common));
  const routing = references.get(`routing-sets/${view.key}`, [own.routing, common?.routing], () => ({
    lds: over("lds", listenersOf),
    rds: over("rds", routesOf),
    vhds: over("vhds", virtualHostsOf),
  }));
  const names = view.captures ? nameTableOf(mesh, memo, view, hosts, own, common) : undefined;
  const clusters = references.get(`cluster-sets/${view.key}`, [own.clusters, common?.clusters], () => ({
    cds: over("cds", clustersOfHost),
    eds: over("eds", endpointsOf),
  }));
  const ownSets = { ...clusters, ...routing, nds: sets.share(`${view.key}/nds`, names ? [names] : []) };
  const special = common ? undefined : sets.share(`${view.key}/special`, specialClusters(memo, view));
  return Object.fromEntries(
    SEND_ORDER.map((kind) => {
      const set = kind in ownSets ? [ownSets[kind as keyof typeof ownSets]] : [];
      return [kind, [...set, ...(kind === "cds" && special ? [special] : []), ...(common?.sets[kind] ?? [])]];
    }),
  );
}

const NONE: readonly Compiled[] = [];

function clustersOfHost({ clusters }: Parts): Owned {
  return (owner) => clusters.get(owner as string)?.clusters ?? NONE;
}

function endpointsOf({ clusters }: Parts): Owned {
  return (owner) => clusters.get(owner as string)?.endpoints ?? NONE;
}

function virtualHostsOf({ routing }: Parts): Owned {
  return (owner) => routing.routes.get(owner as string)?.virtualHosts ?? NONE;
}

function listenersOf({ routing }: Parts): Owned {
  return (owner) => {
    if (typeof owner === "string") return routing.listeners.get(owner)?.listeners ?? NONE;
    const listener = routing.ports.get(owner)?.listener;
    return listener ? [listener] : NONE;
  };
}

function routesOf({ routing }: Parts): Owned {
  return (owner) => {
    const shell = typeof owner === "number" ? routing.ports.get(owner)?.shell : routing.shell;
    if (typeof owner === "number" || owner === FORWARD_PROXY) return shell ? [shell] : NONE;
    return routing.routes.get(owner)?.routes ?? NONE;
  };
}

function headlessOf(context: OutboundContext, view: View): HeadlessResources {
  const { mesh, cache } = context;
  const hosts = cache.references.get(`headless/${view.scope ? view.key : ""}`, [mesh.services], () => [
    ...new Set(mesh.services.filter(isHeadless).map(({ host }) => host)),
  ]);
  const services = hosts.flatMap((host) => serviceFor(mesh, host, view.namespace) ?? []);
  return headlessResources(clusterContext(context, view), view, services);
}

function clusterContext({ mesh, acknowledged, cache }: OutboundContext, view: View): ServiceClusterContext {
  return {
    mesh,
    acknowledged,
    memo: cache.memo,
    machineAddress: view.machineAddress,
    place: view.place,
    holder: view.holder,
  };
}

/** Of all ports of the service, also where the view has some: whoever sees it shares them. */
export function clustersOf(context: OutboundContext, view: View, seen: Service): ServiceClusters {
  const { mesh, cache } = context;
  const service = mesh.index.services.get(serviceKey(seen)) ?? seen;
  const policy = clientPolicyFor(mesh, service, view);
  const id = serviceKey(service);
  const { defaults, trustDomain, trustDomainAliases } = mesh.settings;
  const place = view.place && asksForPlace(defaults.client, policy, service) ? view.place : undefined;
  const holder = namesCredentials(policy) ? view.holder : undefined;
  const key = `clusters/${ownerOf(service, policy, view.machineAddress, place, holder)}`;
  const settings = [defaults.client, defaults.mtls, trustDomain, trustDomainAliases];
  const inputs = [
    mesh.index.endpoints.get(id),
    policy,
    ...settings,
    mesh.serverPolicies,
    cache.reachVersion(id),
    holder && mesh.credentials,
  ];
  return cache.references.get(key, inputs, () =>
    serviceClusters({ ...clusterContext(context, view), place, holder }, service, policy),
  );
}

/** Services first, by host, then hosts without one, the most specific first: the order in which they claim names. */
function membersOf(mesh: Mesh, view: View, hosts: readonly string[]): readonly Member[] {
  const found = hosts.flatMap((host) => memberOf(mesh, view, host) ?? []);
  const strangers = found.filter((member) => !member.registered);
  return [
    ...found.filter((member) => member.registered),
    ...strangers.sort((a, b) => bySpecificity(a.service.host, b.service.host)),
  ];
}

function specialClusters(memo: Memo, view: View): readonly Compiled[] {
  const clusters = [
    ...(view.captures ? [passthroughCluster, blackHoleCluster, inboundPassthroughCluster] : []),
    ...(view.hasForwardProxy ? [passthroughDnsCluster, tunnelCluster] : []),
  ];
  return clusters.map((make) =>
    memo.get(`special/${make.name}`, [], () => ({ resource: encodeResource("cds", make()), sources: [] })),
  );
}

function namesOf(mesh: Mesh, service: Service): readonly (readonly [string, NamedService])[] {
  const addresses = isHeadless(service) ? headlessAddresses(mesh, service) : service.addresses;
  return addresses.length === 0 ? [] : [[service.host, { service, addresses }]];
}

/** Undefined when the common one has the same names. */
function nameTableOf(
  mesh: Mesh,
  memo: Memo,
  view: View,
  hosts: readonly string[],
  { named }: Parts,
  common: Outbound | undefined,
): Compiled | undefined {
  if (common && hosts.every((host) => sameContent(named.get(host), common.named.get(host)))) return undefined;
  const replaced = new Set(common ? hosts : []);
  const kept = [...(common?.named ?? [])].filter(([host]) => !replaced.has(host));
  const all = [...kept, ...named].sort(([a], [b]) => compareText(a, b)).map(([, entry]) => entry);
  const { clusterDomain } = mesh.settings;
  return memo.get(`names/${view.key}`, [all, clusterDomain], () => ({
    resource: encodeResource("nds", nameTable(all, clusterDomain)),
    sources: all.map(({ service }) => wholeObject(service.origin)),
  }));
}
