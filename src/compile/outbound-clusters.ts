// Clusters and endpoints of the services that a view sees, which is all that a changed endpoint touches.

import { corrected, differingKeys } from "../base/corrected-map.ts";
import { clientPolicyFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Service, serviceKey } from "../model/service.ts";
import type { CompileCache, Moving } from "./cache.ts";
import type { AcknowledgedServerNames } from "./leg.ts";
import type { Member } from "./member.ts";
import { namesCredentials } from "./origination.ts";
import { settingsWith } from "./own-http.ts";
import { asksForPlace } from "./place.ts";
import { ownerOf, type ServiceClusterContext, type ServiceClusters, serviceClusters } from "./service-clusters.ts";
import type { View } from "./visibility.ts";

export interface OutboundContext {
  readonly mesh: Mesh;
  readonly acknowledged: AcknowledgedServerNames;
  readonly cache: CompileCache;
}

export interface Members {
  readonly members: readonly Member[];
  readonly registered: readonly Member[];
  /** Those that are registered. */
  readonly byHost: ReadonlyMap<string, Member>;
}

/** What services of a view were compiled to. */
interface KeptClusters {
  readonly lasting: readonly unknown[];
  readonly moving: Moving;
  readonly members: Members;
  readonly clusters: ClustersByHost;
}

type ClustersByHost = ReadonlyMap<string, ServiceClusters>;

/** The same map as long as it holds the same. While nothing but endpoints changed, services whose endpoints did are looked at alone. */
export function clustersOfAll(context: OutboundContext, view: View, members: Members): ClustersByHost {
  const { references, lasting, moving } = context.cache;
  const key = `clusters-of-all/${view.key}`;
  const kept = references.last<KeptClusters>(key);
  const isKept = kept?.lasting === lasting && kept.members === members;
  const clusters = isKept
    ? corrected(kept.clusters, movedClusters(context, view, kept))
    : allClusters(context, view, members, kept?.clusters);
  references.set(key, { lasting, moving, members, clusters } satisfies KeptClusters);
  return clusters;
}

function movedClusters(
  context: OutboundContext,
  view: View,
  { members, moving }: KeptClusters,
): readonly (readonly [string, ServiceClusters])[] {
  return [...context.cache.movedSince(moving)].flatMap((host) => {
    const member = members.byHost.get(host);
    return member ? [[member.service.host, clustersOf(context, view, member.service)] as const] : [];
  });
}

function allClusters(
  context: OutboundContext,
  view: View,
  { registered }: Members,
  before: ClustersByHost | undefined,
): ClustersByHost {
  const made = new Map(registered.map(({ service }) => [service.host, clustersOf(context, view, service)]));
  const isSame = before?.size === made.size && differingKeys(before, made).size === 0;
  return isSame ? before : made;
}

export function clusterContext({ mesh, acknowledged, cache }: OutboundContext, view: View): ServiceClusterContext {
  return {
    mesh,
    acknowledged,
    memo: cache.memo,
    machineAddress: view.machineAddress,
    place: view.place,
    holder: view.holder,
    preservesCase: settingsWith(mesh.settings, view.http).proxyHeaders.preservesCase,
  };
}

/** Of all ports of the service, also where the view has some: whoever sees it shares them. */
export function clustersOf(context: OutboundContext, view: View, seen: Service): ServiceClusters {
  const { mesh, cache } = context;
  const service = mesh.index.services.get(serviceKey(seen)) ?? seen;
  const policy = clientPolicyFor(mesh, service, view);
  const id = serviceKey(service);
  const { defaults, trustDomain, trustDomainAliases, outsideTls, clusterStatNames } = mesh.settings;
  const place = view.place && asksForPlace(defaults.client, policy, service) ? view.place : undefined;
  const holder = namesCredentials(policy) ? view.holder : undefined;
  const shared = clusterContext(context, view);
  const key = `clusters/${ownerOf(service, policy, shared.machineAddress, place, holder, shared.preservesCase)}`;
  const settings = [defaults.client, defaults.mtls, trustDomain, trustDomainAliases, outsideTls, clusterStatNames];
  const inputs = [
    mesh.index.endpoints.get(id),
    policy,
    ...settings,
    mesh.serverPolicies,
    cache.reachVersion(id),
    holder && mesh.credentials,
  ];
  return cache.references.get(key, inputs, () => serviceClusters({ ...shared, place, holder }, service, policy));
}
