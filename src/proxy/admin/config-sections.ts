// Clusters, endpoints, listeners, routes and secrets of a dump, from the bytes that are held of them.

import { fromBinary } from "@bufbuild/protobuf";
import { unpackAs } from "../../xds/any.ts";
import { ClusterSchema } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { type Listener, ListenerSchema } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { VirtualHostSchema } from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "../../xds/gen/envoy/config/route/v3/route_pb.ts";
import { HttpConnectionManagerSchema } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { SecretSchema } from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { parseVirtualHostName } from "../../xds/names.ts";
import { RESOURCE_TYPES, type ResourceKind } from "../../xds/type-urls.ts";
import type { HeldFailure, HeldResource, HeldVersion } from "../held-resources.ts";
import {
  type JsonObject,
  readBootstrap,
  type Section,
  type SectionItem,
  shown,
  shownBytes,
  timestamp,
} from "./config-section.ts";
import type { AdminState } from "./state.ts";

/** The bootstrap's own resources. */
function staticResources(
  state: AdminState,
): NonNullable<ReturnType<typeof readBootstrap>["staticResources"]> | undefined {
  return readBootstrap(state).staticResources;
}

function errorState(kind: ResourceKind, failure: HeldFailure | undefined): JsonObject {
  if (!failure) return {};
  const { details, version, bytes, attemptedMs } = failure;
  return {
    error_state: {
      ...(bytes ? { failed_configuration: shownBytes(RESOURCE_TYPES[kind].schema, bytes) } : {}),
      last_update_attempt: timestamp(attemptedMs),
      details,
      ...(version === "" ? {} : { version_info: version }),
    },
  };
}

/** Envoy's ClientResourceStatus: what becomes of a resource is told of those that were refused. */
function status(failure: HeldFailure | undefined): JsonObject {
  return failure ? { client_status: "NACKED" } : {};
}

function versionJson(kind: ResourceKind, field: string, { version, bytes, updatedMs }: HeldVersion): JsonObject {
  return {
    version_info: version,
    [field]: shownBytes(RESOURCE_TYPES[kind].schema, bytes),
    last_updated: timestamp(updatedMs),
  };
}

/** Sorted by name, whatever the order in which they came. */
function byName<T>(held: ReadonlyMap<string, T>): [string, T][] {
  return [...held].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function* dynamicItems(
  kind: ResourceKind,
  field: string,
  held: ReadonlyMap<string, HeldResource>,
): Generator<SectionItem> {
  for (const [name, { current, failure }] of byName(held))
    yield {
      name,
      json: () => ({
        ...(kind === "sds" ? { name } : {}),
        ...(current ? versionJson(kind, field, current) : {}),
        ...errorState(kind, failure),
        ...status(failure),
      }),
    };
}

/** Those that serve, in the versions that do; and what was refused, beside which nothing warms. */
function activeClusters({ configuration: { held, clusterManager } }: AdminState): ReadonlyMap<string, HeldResource> {
  const active = new Map(held.of("cds"));
  for (const name of clusterManager.warming) {
    const previous = active.get(name)?.previous;
    if (previous) active.set(name, { current: previous, previous: undefined, failure: undefined });
    else active.delete(name);
  }
  return active;
}

function warmingClusters({ configuration }: AdminState): ReadonlyMap<string, HeldResource> {
  const held = configuration.held.of("cds");
  const warming = new Map<string, HeldResource>();
  for (const name of configuration.clusterManager.warming) {
    const resource = held.get(name);
    if (resource) warming.set(name, resource);
  }
  return warming;
}

export function clustersSection(state: AdminState): Section {
  return {
    type: "ClustersConfigDump",
    fieldNames: ["version_info"],
    fields: () => ({}),
    lists: [
      {
        field: "static_clusters",
        type: "ClustersConfigDump.StaticCluster",
        items: () =>
          (staticResources(state)?.clusters ?? []).map((cluster) => ({
            name: cluster.name,
            json: () => ({ cluster: shown(ClusterSchema, cluster), last_updated: timestamp(state.startedMs) }),
          })),
      },
      {
        field: "dynamic_active_clusters",
        type: "ClustersConfigDump.DynamicCluster",
        items: () => dynamicItems("cds", "cluster", activeClusters(state)),
      },
      {
        field: "dynamic_warming_clusters",
        type: "ClustersConfigDump.DynamicCluster",
        items: () => dynamicItems("cds", "cluster", warmingClusters(state)),
      },
    ],
  };
}

export function endpointsSection(state: AdminState): Section {
  return {
    type: "EndpointsConfigDump",
    fieldNames: [],
    fields: () => ({}),
    lists: [
      {
        field: "static_endpoint_configs",
        type: "EndpointsConfigDump.StaticEndpointConfig",
        items: () => staticEndpoints(state),
      },
      {
        field: "dynamic_endpoint_configs",
        type: "EndpointsConfigDump.DynamicEndpointConfig",
        items: () => dynamicItems("eds", "endpoint_config", state.configuration.held.of("eds")),
      },
    ],
  };
}

/** Those that stand in clusters, the bootstrap's or discovered. */
function* staticEndpoints(state: AdminState): Generator<SectionItem> {
  const discovered = byName(state.configuration.held.of("cds")).flatMap(([, { current }]) =>
    current ? [fromBinary(ClusterSchema, current.bytes)] : [],
  );
  for (const { name, loadAssignment } of [...(staticResources(state)?.clusters ?? []), ...discovered]) {
    if (!loadAssignment) continue;
    yield {
      name,
      json: () => ({
        endpoint_config: shown(ClusterLoadAssignmentSchema, { ...loadAssignment, clusterName: name }),
        last_updated: timestamp(state.startedMs),
      }),
    };
  }
}

function listenerJson(name: string, { current, previous, failure }: HeldResource, warming: boolean): JsonObject {
  const active = warming ? previous : current;
  return {
    name,
    ...(active ? { active_state: versionJson("lds", "listener", active) } : {}),
    ...(warming && current ? { warming_state: versionJson("lds", "listener", current) } : {}),
    ...errorState("lds", failure),
    ...status(failure),
  };
}

export function listenersSection(state: AdminState): Section {
  const { configuration } = state;
  return {
    type: "ListenersConfigDump",
    fieldNames: ["version_info"],
    fields: () => ({}),
    lists: [
      {
        field: "static_listeners",
        type: "ListenersConfigDump.StaticListener",
        items: () =>
          (staticResources(state)?.listeners ?? []).map((listener) => ({
            name: listener.name,
            json: () => ({ listener: shown(ListenerSchema, listener), last_updated: timestamp(state.startedMs) }),
          })),
      },
      {
        field: "dynamic_listeners",
        type: "ListenersConfigDump.DynamicListener",
        items: () => {
          const warming = new Set(configuration.listenerManager.warmingNames);
          return byName(configuration.held.of("lds")).map(([name, held]) => ({
            name,
            json: () => listenerJson(name, held, warming.has(name)),
          }));
        },
      },
    ],
  };
}

/** Route configurations that stand in listeners. */
function* inlineRoutes(listener: Listener): Generator<RouteConfiguration> {
  const chains = [...listener.filterChains, ...(listener.defaultFilterChain ? [listener.defaultFilterChain] : [])];
  for (const { configType } of chains.flatMap(({ filters }) => filters)) {
    const manager =
      configType.case === "typedConfig" ? unpackAs(HttpConnectionManagerSchema, configType.value) : undefined;
    if (manager?.routeSpecifier.case === "routeConfig") yield manager.routeSpecifier.value;
  }
}

function* staticRoutes(state: AdminState): Generator<SectionItem> {
  const dump = (listener: Listener, updatedMs: number): SectionItem[] =>
    [...inlineRoutes(listener)].map((routes) => ({
      name: routes.name,
      json: () => ({ route_config: shown(RouteConfigurationSchema, routes), last_updated: timestamp(updatedMs) }),
    }));
  for (const listener of staticResources(state)?.listeners ?? []) yield* dump(listener, state.startedMs);
  for (const [, { current }] of byName(state.configuration.held.of("lds")))
    if (current) yield* dump(fromBinary(ListenerSchema, current.bytes), current.updatedMs);
}

/** Of a route configuration, the virtual hosts that VHDS brought. */
function virtualHostsOf(state: AdminState, name: string): [string, HeldResource][] {
  return byName(state.configuration.held.of("vhds")).filter(([host]) => parseVirtualHostName(host)?.route === name);
}

/** A virtual host has no place of its own in a dump: that it was refused is told of the route configuration that it belongs to. */
function failureOfHosts(hosts: readonly [string, HeldResource][]): HeldFailure | undefined {
  const failed = hosts.flatMap(([name, { failure }]) => (failure ? [{ name, failure }] : []));
  const [first] = failed;
  if (!first) return undefined;
  const details = failed.map(({ name, failure }) => `${name}: ${failure.details}`).join("\n");
  return { ...first.failure, details, bytes: undefined };
}

/** With the virtual hosts that VHDS brought, as Envoy shows what is in force. */
function routesJson(state: AdminState, name: string, { current, failure: own }: HeldResource): JsonObject {
  if (!current) return { ...errorState("rds", own), ...status(own) };
  const routes = fromBinary(RouteConfigurationSchema, current.bytes);
  const hosts = virtualHostsOf(state, name);
  const failure = own ?? failureOfHosts(hosts);
  for (const [, host] of routes.vhds ? hosts : [])
    if (host.current) routes.virtualHosts.push(fromBinary(VirtualHostSchema, host.current.bytes));
  return {
    version_info: current.version,
    route_config: shown(RouteConfigurationSchema, routes),
    last_updated: timestamp(current.updatedMs),
    ...errorState("rds", failure),
    ...status(failure),
  };
}

export function routesSection(state: AdminState): Section {
  return {
    type: "RoutesConfigDump",
    fieldNames: [],
    fields: () => ({}),
    lists: [
      {
        field: "static_route_configs",
        type: "RoutesConfigDump.StaticRouteConfig",
        items: () => staticRoutes(state),
      },
      {
        field: "dynamic_route_configs",
        type: "RoutesConfigDump.DynamicRouteConfig",
        items: () =>
          byName(state.configuration.held.of("rds")).map(([name, held]) => ({
            name,
            json: () => routesJson(state, name, held),
          })),
      },
    ],
  };
}

export function secretsSection(state: AdminState): Section {
  return {
    type: "SecretsConfigDump",
    fieldNames: [],
    fields: () => ({}),
    lists: [
      {
        field: "static_secrets",
        type: "SecretsConfigDump.StaticSecret",
        items: () =>
          (staticResources(state)?.secrets ?? []).map((secret) => ({
            name: secret.name,
            json: () => ({
              name: secret.name,
              last_updated: timestamp(state.startedMs),
              secret: shown(SecretSchema, secret),
            }),
          })),
      },
      {
        field: "dynamic_active_secrets",
        type: "SecretsConfigDump.DynamicSecret",
        items: () => dynamicItems("sds", "secret", state.configuration.held.of("sds")),
      },
      { field: "dynamic_warming_secrets", type: "SecretsConfigDump.DynamicSecret", items: () => [] },
    ],
  };
}
