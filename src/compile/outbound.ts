// Everything that proxies of one view share: the services they may call, as clusters, endpoints, routes and captured listeners.

import { differingKeys } from "../base/corrected-map.ts";
import type { ConnectionPool } from "../model/client-policy.ts";
import { sameContent, sameItems } from "../model/equality.ts";
import { bySpecificity } from "../model/hosts.ts";
import { serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { compareText } from "../model/origin.ts";
import { type Service, serviceKey } from "../model/service.ts";
import { encodeResource } from "../xds/resource.ts";
import type { ResourceKind } from "../xds/type-urls.ts";
import { type CompileCache, hostsOfChanged } from "./cache.ts";
import {
  blackHoleCluster,
  inboundPassthroughCluster,
  passthroughCluster,
  passthroughDnsCluster,
  tunnelCluster,
} from "./cluster-special.ts";
import { type HeadlessResources, headlessAddresses, headlessResources, instancesOf, isHeadless } from "./headless.ts";
import { FORWARD_PROXY } from "./listener-names.ts";
import { hostsOf, type Member, memberOf } from "./member.ts";
import type { Memo } from "./memo.ts";
import { type NamedService, nameTable } from "./name-table.ts";
import { clusterContext, clustersOfAll, type Members, type OutboundContext } from "./outbound-clusters.ts";
import { hostRoutes, type RoutesOfHosts } from "./outbound-routes.ts";
import { type OutboundRouting, outboundListening } from "./outbound-routing.ts";
import { type OutboundSets, type Owned, type Owner, shareOver } from "./outbound-sets.ts";
import { type Compiled, type Source, wholeObject } from "./provenance.ts";
import type { ResourceSet } from "./resource-set.ts";
import type { ServiceClusters } from "./service-clusters.ts";
import type { View } from "./visibility.ts";

/** What a view has over what everybody sees, and whose endpoints play a part in it. */
export interface OwnOutbound {
  readonly sets: OutboundSets;
  readonly hosts: ReadonlySet<string>;
}

/** What a view sees of some hosts, and what it comes to. */
export interface Outbound {
  readonly clusters: ReadonlyMap<string, ServiceClusters>;
  readonly routing: OutboundRouting;
  /** By host. */
  readonly named: ReadonlyMap<string, NamedService>;
  /** Of a view that lies over what everybody sees, its own alone. */
  readonly sets: OutboundSets;
}

const NOT_CAPTURED: HeadlessResources = { clusters: [], endpoints: [], listeners: [], routes: [] };

/** What everybody sees. */
export function compileCommon(context: OutboundContext, view: View): Outbound {
  const { cache, mesh } = context;
  return compileHosts(context, view, allHosts(mesh, cache), undefined);
}

interface KeptHosts {
  readonly services: Mesh["services"];
  readonly routes: Mesh["routes"];
  readonly names: ReadonlySet<string>;
  readonly sorted: readonly string[];
}

/** The same list as long as it holds the same. Routes that changed are asked for their hosts, and nobody else. */
function allHosts(mesh: Mesh, { references }: CompileCache): readonly string[] {
  const { services, routes, index } = mesh;
  const before = references.last<KeptHosts>("hosts");
  const named = before?.services === services ? hostsOfChanged(before.routes, routes) : undefined;
  const isThere = (host: string) => index.servicesByHost.has(host) || index.httpRoutes.has(host);
  const isSame = before && named?.values().every((host) => before.names.has(host) === isThere(host));
  const names = isSame ? before.names : hostsOf(mesh);
  const sorted = isSame ? before.sorted : [...names].sort();
  const kept = before && sameItems(before.sorted, sorted) ? before.sorted : sorted;
  references.set("hosts", { services, routes, names, sorted: kept } satisfies KeptHosts);
  return kept;
}

/** What is different to clients of the view. */
export function compileOutbound(context: OutboundContext, view: View, common: Outbound): OwnOutbound {
  const { cache } = context;
  const hosts = cache.references.list(`differing/${view.key}`, [cache.perspectives], () =>
    cache.perspectives.differing(view),
  );
  const { sets } = compileHosts(context, view, hosts, common);
  return { sets: withHeadless(context, view, sets), hosts: new Set([...hosts, ...headlessHosts(context, view)]) };
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
    rds: [share("rds", headless.routes), ...(sets.rds ?? [])],
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
  const { cache } = context;
  const found = membersOf(called, cache, view, hosts);
  const { members, registered } = found;
  const clusters = clustersOfAll(context, view, found);
  const routing = routingOf(context, view, hosts, members, common?.routing);
  const own = { clusters, routing, named: namesOfAll(context, view, registered) };
  return { ...own, sets: compileSets(context, view, hosts, own, common) };
}

/** Requests and byte streams apart: most routes that people change are of requests, and of one host. */
function routingOf(
  { mesh, cache }: OutboundContext,
  view: View,
  hosts: readonly string[],
  members: readonly Member[],
  common: OutboundRouting | undefined,
): OutboundRouting {
  const { references, routing: memo, routingLasting, routingVersion } = cache;
  // What a scope leaves of services may depend on routes.
  const lasting = view.scope ? routingVersion : routingLasting;
  const streams = references.list(`streams/${view.scope ? view.key : ""}`, [mesh.routes], () =>
    mesh.routes.filter(({ kind }) => kind !== "http"),
  );
  const inputs = [lasting, streams, mesh.services, hosts, members];
  const listening = references.get(`listening/${view.key}`, [...inputs, common?.listening], () =>
    outboundListening(mesh, memo, view, hosts, members, common?.listening),
  );
  const key = `routes/${view.key}`;
  const before = references.last<KeptRoutes>(key);
  const kept = before && sameItems(before.inputs, inputs) ? before : undefined;
  const found = kept?.written === mesh.routes ? kept : hostRoutes(mesh, memo, view, members, kept);
  references.set(key, { inputs, ...found } satisfies KeptRoutes);
  const { routes } = found;
  return references.get(`routing/${view.key}`, [routes, listening], () => ({ routes, listening }));
}

interface KeptRoutes extends RoutesOfHosts {
  readonly inputs: readonly unknown[];
}

const NO_NAMES: Outbound["named"] = new Map();

/** Headless services are named by their endpoints. */
function namesOfAll({ mesh, cache }: OutboundContext, view: View, members: readonly Member[]): Outbound["named"] {
  if (!view.captures) return NO_NAMES;
  const headless = cache.references.get(`headless-members/${view.key}`, [members], () =>
    members.filter(({ service }) => isHeadless(service)),
  );
  const endpoints = headless.map(({ service }) => mesh.index.endpoints.get(serviceKey(service)));
  return cache.references.get(
    `named/${view.key}`,
    [members, ...endpoints],
    () => new Map(members.flatMap(({ service }) => [...namesOf(mesh, service)])),
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
  const over = (kind: ResourceKind, owners: readonly Owner[], of: (parts: Parts) => Owned) =>
    shareOver(sets, `${view.key}/${kind}`, owners, of(own), common && of(common));
  const routing = references.get(
    `routing-sets/${view.key}`,
    [own.routing, common?.routing, hosts],
    () =>
      (common ? undefined : correctedRouting(cache, view, hosts, own)) ??
      routingSets(own.routing, hosts, (kind, of) => {
        const owners = [...hosts, ...own.routing.listening.ports.keys(), FORWARD_PROXY];
        return over(kind, owners, of);
      }),
  );
  const names = view.captures
    ? references.get(`name-table/${view.key}`, [mesh.settings, hosts, own.named, common?.named], () =>
        nameTableOf(mesh, memo, view, hosts, own, common),
      )
    : undefined;
  const commonClusters = common ? hosts.map((host) => common.clusters.get(host)) : [];
  const clusters = references.get(
    `cluster-sets/${view.key}`,
    [own.clusters, hosts, ...commonClusters],
    () =>
      (common ? undefined : correctedClusters(cache, view, hosts, own)) ?? {
        of: own.clusters,
        hosts,
        cds: over("cds", hosts, clustersOfHost),
        eds: over("eds", hosts, endpointsOf),
      },
  );
  const special = common
    ? undefined
    : sets.share(`${view.key}/special`, specialClusters(memo, view, mesh.settings.defaults.client.limits));
  return {
    lds: [routing.lds],
    rds: [routing.rds],
    vhds: [routing.vhds],
    cds: [clusters.cds, ...(special ? [special] : [])],
    eds: [clusters.eds],
    nds: [sets.share(`${view.key}/nds`, names ? [names] : [])],
  };
}

/** Sets of listeners and routes, and what they were made of. */
interface RoutingSets {
  readonly of: OutboundRouting;
  readonly hosts: readonly string[];
  readonly lds: ResourceSet;
  readonly rds: ResourceSet;
  readonly vhds: ResourceSet;
}

function routingSets(
  of: OutboundRouting,
  hosts: readonly string[],
  over: (kind: ResourceKind, of: (parts: Parts) => Owned) => ResourceSet,
): RoutingSets {
  return {
    of,
    hosts,
    lds: over("lds", listenersOf),
    rds: over("rds", routesOf),
    vhds: over("vhds", virtualHostsOf),
  };
}

/** Of everybody's routes those that are others replace what they were; undefined: some came or went, or listeners are others. */
function correctedRouting(
  { sets, references }: CompileCache,
  view: View,
  hosts: readonly string[],
  { routing }: Parts,
): RoutingSets | undefined {
  const before = references.last<RoutingSets>(`routing-sets/${view.key}`);
  if (before?.hosts !== hosts || before.of.listening !== routing.listening) return undefined;
  const replacements = new Map<Compiled, Compiled>();
  for (const host of differingKeys(before.of.routes, routing.routes)) {
    const [old, now] = [before.of.routes.get(host), routing.routes.get(host)];
    if (!old || !now) return undefined;
    if (!replaceEach(replacements, old.virtualHosts, now.virtualHosts)) return undefined;
    if (!replaceEach(replacements, old.routes, now.routes)) return undefined;
  }
  const rds = sets.correct(`${view.key}/rds`, replacements);
  const vhds = sets.correct(`${view.key}/vhds`, replacements);
  return rds && vhds && { ...before, of: routing, rds, vhds };
}

/** Sets of clusters and endpoints, and what they were made of. */
interface ClusterSets {
  readonly of: Parts["clusters"];
  readonly hosts: readonly string[];
  readonly cds: ResourceSet;
  readonly eds: ResourceSet;
}

/** Of everybody's clusters those that are others replace what they were; undefined: some came or went. */
function correctedClusters(
  { sets, references }: CompileCache,
  view: View,
  hosts: readonly string[],
  { clusters }: Parts,
): ClusterSets | undefined {
  const before = references.last<ClusterSets>(`cluster-sets/${view.key}`);
  if (before?.hosts !== hosts) return undefined;
  const replacements = new Map<Compiled, Compiled>();
  for (const host of differingKeys(before.of, clusters)) {
    const [old, now] = [before.of.get(host), clusters.get(host)];
    if (!old || !now) return undefined;
    if (!replaceEach(replacements, old.clusters, now.clusters)) return undefined;
    if (!replaceEach(replacements, old.endpoints, now.endpoints)) return undefined;
  }
  const cds = sets.correct(`${view.key}/cds`, replacements);
  const eds = sets.correct(`${view.key}/eds`, replacements);
  return cds && eds && { of: clusters, hosts, cds, eds };
}

/** Whether both have the same names. */
function replaceEach(into: Map<Compiled, Compiled>, before: readonly Compiled[], now: readonly Compiled[]): boolean {
  if (before.length !== now.length) return false;
  for (let i = 0; i < now.length; i++) {
    const [old, member] = [before[i]!, now[i]!];
    if (old.resource.name !== member.resource.name) return false;
    if (old !== member) into.set(old, member);
  }
  return true;
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
    if (typeof owner === "string") return routing.listening.listeners.get(owner)?.listeners ?? NONE;
    const listener = routing.listening.ports.get(owner)?.listener;
    return listener ? [listener] : NONE;
  };
}

function routesOf({ routing }: Parts): Owned {
  return (owner) => {
    const shell = typeof owner === "number" ? routing.listening.ports.get(owner)?.shell : routing.listening.shell;
    if (typeof owner === "number" || owner === FORWARD_PROXY) return shell ? [shell] : NONE;
    return routing.routes.get(owner)?.routes ?? NONE;
  };
}

function headlessHosts({ mesh, cache }: OutboundContext, view: View): readonly string[] {
  return cache.references.get(`headless/${view.scope ? view.key : ""}`, [mesh.services], () => [
    ...new Set(mesh.services.filter(isHeadless).map(({ host }) => host)),
  ]);
}

function headlessOf(context: OutboundContext, view: View): HeadlessResources {
  const { mesh } = context;
  const services = headlessHosts(context, view).flatMap((host) => serviceFor(mesh, host, view.namespace) ?? []);
  return headlessResources(clusterContext(context, view), view, services);
}

interface KeptMembers {
  readonly services: Mesh["services"];
  readonly aliases: Mesh["aliases"];
  readonly routes: Mesh["routes"];
  readonly hosts: readonly string[];
  readonly found: Members;
}

/** The same object as long as it holds the same. */
function membersOf(mesh: Mesh, { references }: CompileCache, view: View, hosts: readonly string[]): Members {
  const { services, aliases, routes } = mesh;
  const key = `members/${view.key}`;
  const before = references.last<KeptMembers>(key);
  const isKept =
    before?.services === services && before.aliases === aliases && before.hosts === hosts && isStill(before, routes);
  const found = isKept ? before.found : findMembers(mesh, view, hosts, before?.found);
  references.set(key, { services, aliases, routes, hosts, found } satisfies KeptMembers);
  return found;
}

/** Routes make members of hosts that have no service alone. */
function isStill({ routes, found }: KeptMembers, now: Mesh["routes"]): boolean {
  if (routes === now) return true;
  return (
    hostsOfChanged(routes, now)
      ?.values()
      .every((host) => found.byHost.has(host)) ?? false
  );
}

/** Services first, by host, then hosts without one, the most specific first: the order in which they claim names. */
function findMembers(mesh: Mesh, view: View, hosts: readonly string[], before: Members | undefined): Members {
  const found = hosts.flatMap((host) => memberOf(mesh, view, host) ?? []);
  const registered = found.filter((member) => member.registered);
  const strangers = found.filter((member) => !member.registered);
  const members = [...registered, ...strangers.sort((a, b) => bySpecificity(a.service.host, b.service.host))];
  if (before && sameItems(before.members, members)) return before;
  return { members, registered, byHost: new Map(registered.map((member) => [member.service.host, member])) };
}

function specialClusters(memo: Memo, view: View, limits: ConnectionPool | undefined): readonly Compiled[] {
  const clusters = [
    ...(view.captures ? [passthroughCluster, blackHoleCluster, inboundPassthroughCluster] : []),
    ...(view.hasForwardProxy ? [passthroughDnsCluster, tunnelCluster] : []),
  ];
  return clusters.map((make) =>
    memo.get(`special/${make.name}`, [limits], () => ({ resource: encodeResource("cds", make(limits)), sources: [] })),
  );
}

function namesOf(mesh: Mesh, service: Service): readonly (readonly [string, NamedService])[] {
  if (!isHeadless(service))
    return service.addresses.length === 0 ? [] : [[service.host, { service, addresses: service.addresses }]];
  const addresses = headlessAddresses(mesh, service);
  return addresses.length === 0 ? [] : [[service.host, { service, addresses, instances: instancesOf(mesh, service) }]];
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
    sources: all.flatMap(({ service: { origin, aliases = [] } }): readonly Source[] => [
      wholeObject(origin),
      ...aliases.map(({ origin: of, path }) => ({ origin: of, path })),
    ]),
  }));
}
