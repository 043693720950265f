// Everything that proxies of one view share: the services they may call, as clusters, endpoints, routes and captured listeners.

import { clientPolicyFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { originKey } from "../model/origin.ts";
import { type Service, serviceKey } from "../model/service.ts";
import { encodeResource } from "../xds/resource.ts";
import type { ResourceKind } from "../xds/type-urls.ts";
import type { CompileCache } from "./cache.ts";
import { capturedListeners } from "./captured.ts";
import {
  blackHoleCluster,
  inboundPassthroughCluster,
  passthroughCluster,
  passthroughDnsCluster,
  tunnelCluster,
} from "./cluster-special.ts";
import { type HeadlessResources, headlessAddresses, headlessResources, isHeadless } from "./headless.ts";
import type { AcknowledgedServerNames } from "./leg.ts";
import type { Memo } from "./memo.ts";
import { type NamedService, nameTable } from "./name-table.ts";
import { outboundRoutes } from "./outbound-routes.ts";
import { type Compiled, wholeObject } from "./provenance.ts";
import type { ResourceSet } from "./resource-set.ts";
import { type ServiceClusterContext, type ServiceClusters, serviceClusters } from "./service-clusters.ts";
import { type View, visibleServices } from "./visibility.ts";

export interface OutboundContext {
  readonly mesh: Mesh;
  readonly acknowledged: AcknowledgedServerNames;
  readonly cache: CompileCache;
  /** Clusters of this mesh by service, policy and proxy kind: views differ in few of them. */
  readonly clusters: Map<string, ServiceClusters>;
}

/** Of one kind, what routing alone decides and what endpoints do are sets apart. */
export type OutboundSets = Readonly<Partial<Record<ResourceKind, readonly ResourceSet[]>>>;

type RoutingSets = Readonly<Record<(typeof ROUTING_KINDS)[number], ResourceSet>>;

const NOT_CAPTURED: HeadlessResources = { clusters: [], endpoints: [], listeners: [] };

export function compileOutbound(context: OutboundContext, view: View): OutboundSets {
  const { memo, sets } = context.cache;
  const services = visibleServices(context.mesh, view);
  const made = services.map((service) => clustersOf(context, view, service));
  const headless = view.captures ? headlessResources(clusterContext(context, view), view, services) : NOT_CAPTURED;
  const routing = compileRouting(context, view, services);
  const share = (kind: string, members: readonly Compiled[]) => sets.share(`${view.key}/${kind}`, members);
  const clusters = [...specialClusters(memo, view), ...made.flatMap((service) => service.clusters)];
  const endpoints = made.flatMap((service) => service.endpoints);
  return {
    cds: [share("cds", [...clusters, ...headless.clusters])],
    eds: [share("eds", [...endpoints, ...headless.endpoints])],
    lds: [routing.lds, share("lds/headless", headless.listeners)],
    rds: [routing.rds],
    vhds: [routing.vhds],
    nds: [share("nds", view.captures ? [compileNames(context, view, services)] : [])],
  };
}

const ROUTING_KINDS = ["lds", "rds", "vhds"] as const;

/** What does not look at endpoints or policies. Most changes are of endpoints, and end here. */
function compileRouting({ mesh, cache }: OutboundContext, view: View, services: readonly Service[]): RoutingSets {
  const { routing, routingVersion: stamp, sets } = cache;
  const keyOf = (kind: ResourceKind) => `${view.key}/${kind}`;
  const unchanged = ROUTING_KINDS.map((kind) => [kind, sets.unchanged(keyOf(kind), stamp)] as const);
  if (unchanged.every(([, set]) => set)) return Object.fromEntries(unchanged) as RoutingSets;
  const { routes, virtualHosts } = outboundRoutes(mesh, routing, view, services);
  const share = (kind: ResourceKind, members: readonly Compiled[]) => sets.share(keyOf(kind), members, stamp);
  return {
    lds: share("lds", view.captures ? capturedListeners(mesh, routing, view, services) : []),
    rds: share("rds", routes),
    vhds: share("vhds", virtualHosts),
  };
}

function clusterContext({ mesh, acknowledged, cache }: OutboundContext, view: View): ServiceClusterContext {
  return { mesh, acknowledged, memo: cache.memo, machineAddress: view.machineAddress };
}

function clustersOf(context: OutboundContext, view: View, service: Service): ServiceClusters {
  const { mesh } = context;
  const policy = clientPolicyFor(mesh, service, view);
  const key = `${serviceKey(service)}/${policy ? originKey(policy.origin) : ""}/${view.machineAddress ?? ""}`;
  const known = context.clusters.get(key);
  if (known) return known;
  const made = serviceClusters(clusterContext(context, view), service, policy);
  context.clusters.set(key, made);
  return made;
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

function compileNames({ mesh, cache }: OutboundContext, view: View, services: readonly Service[]): Compiled {
  const { clusterDomain } = mesh.settings;
  const named = services.flatMap((service): NamedService[] => {
    const addresses = isHeadless(service) ? headlessAddresses(mesh, service) : service.addresses;
    return addresses.length === 0 ? [] : [{ service, addresses }];
  });
  return cache.memo.get(`names/${view.namespace}`, [named, clusterDomain], () => ({
    resource: encodeResource("nds", nameTable(named, clusterDomain)),
    sources: named.map(({ service }) => wholeObject(service.origin)),
  }));
}
