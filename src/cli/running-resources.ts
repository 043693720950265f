// What a proxy runs, by its own word, as the resources that discovery brings: a dump's JSON read back into messages.

import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import type { EndpointHealth } from "../explain/explanation.ts";
import type { Running, RunningResources } from "../explain/live.ts";
import { envoyRegistry } from "../xds/envoy-types.ts";
import { parseVirtualHostName } from "../xds/names.ts";
import { encodeResource, type Resource } from "../xds/resource.ts";
import { RESOURCE_TYPES, type ResourceKind, type ResourceMessage } from "../xds/type-urls.ts";
import type { Json, ProxyDump } from "./proxy-dump.ts";
import { type AddressJson, addressText } from "./proxy-table.ts";

const KINDS = { cds: "clusters", eds: "endpoints", lds: "listeners" } as const;

/** Throws an Error for what is no such message. */
export function runningResources(dump: ProxyDump): RunningResources {
  const of = <Kind extends keyof typeof KINDS>(kind: Kind) =>
    byName(dump[KINDS[kind]].map((json) => encodeResource(kind, messageOf(kind, json))));
  return { cds: of("cds"), eds: of("eds"), lds: of("lds"), ...routesOf(dump) };
}

function messageOf<Kind extends ResourceKind>(kind: Kind, json: Json): ResourceMessage<Kind> {
  const { "@type": _, ...fields } = json;
  const options = { registry: envoyRegistry(), ignoreUnknownFields: true };
  return fromJson(RESOURCE_TYPES[kind].schema, fields as JsonValue, options) as ResourceMessage<Kind>;
}

/**
 * A dump shows virtual hosts in the route configuration that they belong to; those that came by themselves are told by their names, where the
 * configuration has such at all: that of a Unix socket brings its own.
 */
function routesOf({ routes }: ProxyDump): RunningResources {
  const messages = routes.map((json) => messageOf("rds", json));
  const discovering = messages.filter(({ vhds }) => vhds !== undefined);
  const beside = discovering.flatMap(({ name, virtualHosts }) =>
    virtualHosts.filter((host) => isBeside(host.name, name)),
  );
  for (const message of discovering)
    message.virtualHosts = message.virtualHosts.filter((host) => !isBeside(host.name, message.name));
  return {
    rds: byName(messages.map((message) => encodeResource("rds", message))),
    vhds: byName(beside.map((host) => encodeResource("vhds", host))),
  };
}

function isBeside(host: string, route: string): boolean {
  return parseVirtualHostName(host)?.route === route;
}

function byName(resources: readonly Resource[]): ReadonlyMap<string, Resource> {
  return new Map(resources.map((resource) => [resource.name, resource]));
}

// ── endpoints ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface HostJson {
  readonly address?: AddressJson;
  readonly health_status?: {
    readonly eds_health_status?: string;
    readonly failed_outlier_check?: boolean;
    readonly failed_active_health_check?: boolean;
  };
}

interface ClustersJson {
  readonly cluster_statuses?: readonly { readonly name?: string; readonly host_statuses?: readonly HostJson[] }[];
}

const EDS_HEALTH: Readonly<Record<string, EndpointHealth>> = {
  UNHEALTHY: "unhealthy",
  TIMEOUT: "unhealthy",
  DRAINING: "draining",
  DEGRADED: "degraded",
};

function healthOf({ health_status: health = {} }: HostJson): EndpointHealth {
  if (health.failed_active_health_check) return "failing-checks";
  if (health.failed_outlier_check) return "ejected";
  return EDS_HEALTH[health.eds_health_status ?? ""] ?? "healthy";
}

/** Health of hosts by cluster and address, of envoy.admin.v3.Clusters. */
export function runningHosts(clusters: Json): Extract<Running, { kind: "told" }>["hosts"] {
  const { cluster_statuses: statuses = [] } = clusters as ClustersJson;
  return new Map(
    statuses.map(({ name = "", host_statuses: hosts = [] }) => [
      name,
      new Map(hosts.map((host) => [addressText(host.address ?? {}), healthOf(host)])),
    ]),
  );
}
