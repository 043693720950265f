// Small resources for this folder's tests.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { packAny } from "./any.ts";
import { Cluster_DiscoveryType, ClusterSchema } from "./gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ApiVersion, type ConfigSourceSchema } from "./gen/envoy/config/core/v3/config_source_pb.ts";
import type { LbEndpointSchema } from "./gen/envoy/config/endpoint/v3/endpoint_components_pb.ts";
import { ClusterLoadAssignmentSchema } from "./gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import type { FilterSchema } from "./gen/envoy/config/listener/v3/listener_components_pb.ts";
import { ListenerSchema } from "./gen/envoy/config/listener/v3/listener_pb.ts";
import { type RouteSchema, VirtualHostSchema } from "./gen/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "./gen/envoy/config/route/v3/route_pb.ts";
import { TcpProxySchema } from "./gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import { encodeResource, type Resource } from "./resource.ts";
import type { Snapshot } from "./snapshot.ts";
import type { ResourceKind, ResourceMessage } from "./type-urls.ts";
import { type ReceivedResource, readResource } from "./update.ts";

export const ADS: MessageInitShape<typeof ConfigSourceSchema> = {
  configSourceSpecifier: { case: "ads", value: {} },
  resourceApiVersion: ApiVersion.V3,
};

/** A cluster whose endpoints come by EDS, under its own name unless `serviceName` is given. */
export function cluster(name: string, { connectTimeoutMs = 1, serviceName = "" } = {}): Resource {
  const message = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: ADS, serviceName },
    connectTimeout: { seconds: 0n, nanos: connectTimeoutMs * 1_000_000 },
  });
  return encodeResource("cds", message);
}

function lbEndpoint(port: number): MessageInitShape<typeof LbEndpointSchema> {
  const socketAddress = { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } } as const;
  const address = { address: { case: "socketAddress", value: socketAddress } } as const;
  return { hostIdentifier: { case: "endpoint", value: { address } } };
}

/** Endpoints on ports of the loopback address. */
export function assignment(clusterName: string, ...ports: number[]): Resource {
  const endpoints = [{ lbEndpoints: ports.map(lbEndpoint) }];
  return encodeResource("eds", create(ClusterLoadAssignmentSchema, { clusterName, endpoints }));
}

/** A listener that sends its connections to `cluster`, or nowhere. */
export function listener(name: string, cluster?: string): Resource {
  const clusterSpecifier = { case: "cluster", value: cluster ?? "" } as const;
  const tcp = create(TcpProxySchema, { statPrefix: name, clusterSpecifier });
  const filter: MessageInitShape<typeof FilterSchema> = {
    name: "envoy.filters.network.tcp_proxy",
    configType: { case: "typedConfig", value: packAny(TcpProxySchema, tcp) },
  };
  return encodeResource("lds", create(ListenerSchema, { name, filterChains: [{ filters: [filter] }] }));
}

function routesTo(clusters: readonly string[]): MessageInitShape<typeof RouteSchema>[] {
  return clusters.map((name) => ({
    match: { pathSpecifier: { case: "prefix", value: `/${name}` } },
    action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: name } } },
  }));
}

/** A route configuration with one virtual host of its own, and the others by VHDS. */
export function routeConfiguration(name: string, clusters: readonly string[] = []): Resource {
  const virtualHosts = [{ name: "own", domains: ["own"], routes: routesTo(clusters) }];
  return encodeResource("rds", create(RouteConfigurationSchema, { name, virtualHosts, vhds: { configSource: ADS } }));
}

/** The virtual host `<route configuration>/<host>` with a route to each cluster. */
export function virtualHost(name: string, clusters: readonly string[], domains: readonly string[] = [name]): Resource {
  return encodeResource("vhds", create(VirtualHostSchema, { name, domains: [...domains], routes: routesTo(clusters) }));
}

/** A snapshot of these resources, its maps in the order of names. */
export function snapshotOf(resources: readonly Resource[], version = "1"): Snapshot {
  const byKind: Partial<Record<ResourceKind, Map<string, Resource>>> = {};
  for (const resource of resources.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    byKind[resource.kind] ??= new Map();
    byKind[resource.kind]!.set(resource.name, resource);
  }
  return { version, resources: byKind };
}

/** The message in a resource that a client received. @throws Error when there is none. */
export function messageIn<Kind extends ResourceKind>(kind: Kind, resource: ReceivedResource): ResourceMessage<Kind> {
  const read = readResource(kind, resource);
  if (typeof read === "string") throw new Error(`${resource.name}: ${read}`);
  return read;
}
