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
import type { AcknowledgedServerNames } from "./leg.ts";
import type { Memo } from "./memo.ts";
import { nameTable } from "./name-table.ts";
import { outboundRoutes } from "./outbound-routes.ts";
import { type Compiled, wholeObject } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import type { ResourceSet } from "./resource-set.ts";
import { type ServiceClusters, serviceClusters } from "./service-clusters.ts";
import { type View, visibleServices } from "./visibility.ts";

export interface OutboundContext {
  readonly mesh: Mesh;
  readonly acknowledged: AcknowledgedServerNames;
  readonly cache: CompileCache;
  /** Clusters of this mesh by service, policy and proxy kind: views differ in few of them. */
  readonly clusters: Map<string, ServiceClusters>;
}

export type OutboundSets = Readonly<Partial<Record<ResourceKind, ResourceSet>>>;

export function compileOutbound(context: OutboundContext, view: View): OutboundSets {
  const { memo, sets } = context.cache;
  const services = visibleServices(context.mesh, view);
  const made = services.map((service) => clustersOf(context, view, service));
  return {
    cds: sets.share(`${view.key}/cds`, [...specialClusters(memo, view), ...made.flatMap(({ clusters }) => clusters)]),
    eds: sets.share(
      `${view.key}/eds`,
      made.flatMap(({ endpoints }) => endpoints),
    ),
    ...compileRouting(context, view, services),
  };
}

const ROUTING_KINDS = ["lds", "rds", "vhds", "nds"] as const;

/** What does not look at endpoints or policies. Most changes are of endpoints, and end here. */
function compileRouting({ mesh, cache }: OutboundContext, view: View, services: readonly Service[]): OutboundSets {
  const { routing, routingVersion: stamp, sets } = cache;
  const keyOf = (kind: ResourceKind) => `${view.key}/${kind}`;
  const unchanged = ROUTING_KINDS.map((kind) => [kind, sets.unchanged(keyOf(kind), stamp)] as const);
  if (unchanged.every(([, set]) => set)) return Object.fromEntries(unchanged) as OutboundSets;
  const { routes, virtualHosts } = outboundRoutes(mesh, routing, view, services);
  const share = (kind: ResourceKind, members: readonly Compiled[]) => sets.share(keyOf(kind), members, stamp);
  return {
    lds: share("lds", view.captures ? capturedListeners(mesh, routing, view, services) : []),
    rds: share("rds", routes),
    vhds: share("vhds", virtualHosts),
    nds: share("nds", view.captures ? [compileNames(mesh, routing, view, services)] : []),
  };
}

function clustersOf(context: OutboundContext, view: View, service: Service): ServiceClusters {
  const { mesh, acknowledged, cache } = context;
  const policy = clientPolicyFor(mesh, service, view);
  const key = `${serviceKey(service)}/${policy ? originKey(policy.origin) : ""}/${view.proxyKind}/${view.machineAddress ?? ""}`;
  const known = context.clusters.get(key);
  if (known) return known;
  const features = featuresOf(view.proxyKind);
  const made = serviceClusters(
    {
      mesh,
      acknowledged,
      memo: cache.memo,
      features,
      featuresKey: view.proxyKind,
      machineAddress: view.machineAddress,
    },
    service,
    policy,
  );
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

function compileNames(mesh: Mesh, memo: Memo, view: View, services: readonly Service[]): Compiled {
  const { clusterDomain } = mesh.settings;
  const named = services.filter(({ addresses }) => addresses.length > 0);
  return memo.get(`names/${view.namespace}`, [named, clusterDomain], () => ({
    resource: encodeResource("nds", nameTable(named, clusterDomain)),
    sources: named.map(({ origin }) => wholeObject(origin)),
  }));
}
