// Everything that proxies of one view share: the services they may call, as clusters, endpoints, routes and captured listeners.

import { clientPolicyFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { originKey } from "../model/origin.ts";
import { isTls } from "../model/protocol.ts";
import { type Service, serviceKey } from "../model/service.ts";
import { encodeResource } from "../xds/resource.ts";
import type { ResourceKind } from "../xds/type-urls.ts";
import {
  blackHoleCluster,
  inboundPassthroughCluster,
  passthroughCluster,
  passthroughDnsCluster,
  tunnelCluster,
} from "./cluster-special.ts";
import type { ChainContext } from "./connection-manager.ts";
import type { AcknowledgedServerNames } from "./leg.ts";
import { serviceListeners } from "./listener-capture.ts";
import { addressRouteName } from "./listener-names.ts";
import type { OutboundTarget } from "./listener-outbound.ts";
import type { Memo } from "./memo.ts";
import { nameTable } from "./name-table.ts";
import { outboundRoutes } from "./outbound-routes.ts";
import { type Compiled, wholeObject } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import type { ResourceSet, ResourceSets } from "./resource-set.ts";
import { type ServiceClusters, serviceClusters } from "./service-clusters.ts";
import { streamRoute } from "./stream-route.ts";
import { type View, visibleServices } from "./visibility.ts";

export interface OutboundContext {
  readonly mesh: Mesh;
  readonly acknowledged: AcknowledgedServerNames;
  readonly memo: Memo;
  readonly sets: ResourceSets;
  /** Clusters of this mesh by service, policy and proxy kind: views differ in few of them. */
  readonly clusters: Map<string, ServiceClusters>;
}

export type OutboundSets = Readonly<Partial<Record<ResourceKind, ResourceSet>>>;

export function compileOutbound(context: OutboundContext, view: View): OutboundSets {
  const { mesh, memo, sets } = context;
  const services = visibleServices(mesh, view);
  const made = services.map((service) => clustersOf(context, view, service));
  const { routes, virtualHosts } = outboundRoutes(mesh, memo, view, services);
  const share = (kind: ResourceKind, members: readonly Compiled[]) => sets.share(`${view.key}/${kind}`, members);
  return {
    cds: share("cds", [...specialClusters(memo, view), ...made.flatMap(({ clusters }) => clusters)]),
    eds: share(
      "eds",
      made.flatMap(({ endpoints }) => endpoints),
    ),
    lds: share("lds", view.captures ? capturedListeners(context, view, services) : []),
    rds: share("rds", routes),
    vhds: share("vhds", virtualHosts),
    nds: share("nds", view.captures ? [compileNames(mesh, memo, view, services)] : []),
  };
}

function clustersOf(context: OutboundContext, view: View, service: Service): ServiceClusters {
  const policy = clientPolicyFor(context.mesh, service, view);
  const key = `${serviceKey(service)}/${policy ? originKey(policy.origin) : ""}/${view.proxyKind}`;
  const known = context.clusters.get(key);
  if (known) return known;
  const features = featuresOf(view.proxyKind);
  const made = serviceClusters({ ...context, features, featuresKey: view.proxyKind }, service, policy);
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

function capturedListeners(
  { mesh, memo }: OutboundContext,
  view: View,
  services: readonly Service[],
): readonly Compiled[] {
  const chain: ChainContext = { settings: mesh.settings, features: featuresOf(view.proxyKind), direction: "outbound" };
  const targets = services.flatMap((service) =>
    service.ports
      .filter(({ protocol }) => protocol !== "udp")
      .map((port) => {
        const { host } = service;
        const stream = streamRoute(mesh, service, port, view).clusters;
        const routes = addressRouteName(host, port.number);
        const target: OutboundTarget = { host, port: port.number, protocol: port.protocol, stream, routes };
        const addresses = service.addresses.filter((address) => !address.includes("/"));
        return { target, addresses, tls: isTls(port.protocol), origin: service.origin };
      }),
  );
  return memo.get(`listeners/${view.key}`, [targets, mesh.settings], () => {
    const sources = new Map<number, Compiled["sources"][number][]>();
    for (const { target, origin } of targets) {
      const list = sources.get(target.port) ?? [];
      sources.set(target.port, [...list, wholeObject(origin)]);
    }
    return serviceListeners(chain, targets).map((listener) => {
      const resource = encodeResource("lds", listener);
      return { resource, sources: sources.get(portOf(resource.name)) ?? [] };
    });
  });
}

function portOf(listenerName: string): number {
  return Number(listenerName.slice(listenerName.lastIndexOf("_") + 1));
}

function compileNames(mesh: Mesh, memo: Memo, view: View, services: readonly Service[]): Compiled {
  const { clusterDomain } = mesh.settings;
  const named = services.filter(({ addresses }) => addresses.length > 0);
  return memo.get(`names/${view.namespace}`, [named, clusterDomain], () => ({
    resource: encodeResource("nds", nameTable(named, clusterDomain)),
    sources: named.map(({ origin }) => wholeObject(origin)),
  }));
}
