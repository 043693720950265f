// Sets of resources of a view, from what its hosts brought. Everybody's are corrected where hosts brought something else than before.

import { differingKeys } from "../base/corrected-map.ts";
import type { MeshSettings } from "../model/settings.ts";
import { encodeResource } from "../xds/resource.ts";
import type { ResourceKind } from "../xds/type-urls.ts";
import type { CompileCache } from "./cache.ts";
import {
  blackHoleCluster,
  dynamicDnsCluster,
  inboundPassthroughCluster,
  passthroughCluster,
  passthroughDnsCluster,
  tunnelCluster,
} from "./cluster-special.ts";
import { FORWARD_PROXY } from "./listener-names.ts";
import type { Memo } from "./memo.ts";
import type { OutboundContext } from "./outbound-clusters.ts";
import { type NamedByHost, nameTableOf } from "./outbound-names.ts";
import type { OutboundRouting } from "./outbound-routing.ts";
import { type OutboundSets, type Owned, type Owner, shareOver } from "./outbound-sets.ts";
import { looksUpAnyHost } from "./outside.ts";
import { settingsWith } from "./own-http.ts";
import type { Compiled } from "./provenance.ts";
import { ownReceivers, receiverCluster } from "./receiver-cluster.ts";
import type { ResourceSet } from "./resource-set.ts";
import type { ServiceClusters } from "./service-clusters.ts";
import type { View } from "./visibility.ts";

/** What a view sees of some hosts, and what it comes to. */
export interface Outbound {
  readonly clusters: ReadonlyMap<string, ServiceClusters>;
  readonly routing: OutboundRouting;
  /** By host. */
  readonly named: NamedByHost;
  /** Of a view that lies over what everybody sees, its own alone. */
  readonly sets: OutboundSets;
}

type Parts = Omit<Outbound, "sets">;

export function compileSets(
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
        nameTableOf(mesh, memo, view, hosts, own.named, common?.named),
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
  const special = common ? undefined : sets.share(`${view.key}/special`, specialClusters(memo, view, mesh.settings));
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

function specialClusters(memo: Memo, view: View, mesh: MeshSettings): readonly Compiled[] {
  const { limits: pool, connectionPool } = mesh.defaults.client;
  const bufferBytes = connectionPool?.bufferBytes;
  const { preservesCase } = settingsWith(mesh, view.http).proxyHeaders;
  const clusters = [
    ...(view.captures ? [passthroughCluster, blackHoleCluster, inboundPassthroughCluster] : []),
    ...(view.hasForwardProxy ? [passthroughDnsCluster, tunnelCluster] : []),
    ...(looksUpAnyHost(mesh) && (view.captures || view.hasForwardProxy) ? [dynamicDnsCluster] : []),
  ];
  const { dynamicTls: tls, outsideTls } = mesh;
  const receivers = ownReceivers(mesh).map((receiver) =>
    memo.get(`receiver/${receiver.reach.cluster}`, [receiver], () => ({
      resource: encodeResource("cds", receiverCluster(receiver)),
      sources: [],
    })),
  );
  const ways = clusters.map((make) =>
    memo.get(`special/${make.name}${preservesCase ? "/case" : ""}`, [pool, bufferBytes, tls, outsideTls], () => ({
      resource: encodeResource("cds", make({ pool, preservesCase, bufferBytes, tls, outsideTls })),
      sources: [],
    })),
  );
  return [...ways, ...receivers];
}
