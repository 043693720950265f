// Which other resources a resource needs: the clusters that listeners and routes send to, the endpoints of a cluster. The delta server
// orders by them: nothing may refer to what its client does not have yet.

import type { Message } from "@bufbuild/protobuf";
import { isMessage } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { packedIn, unpackAny } from "./any.ts";
import { type Cluster, Cluster_DiscoveryType } from "./gen/envoy/config/cluster/v3/cluster_pb.ts";
import type { ResourceKind, ResourceMessage } from "./type-urls.ts";

/** Fields that hold a cluster's name, wherever they are: routes, mirrors, TCP proxies, gRPC services, trace collectors. */
const CLUSTER_FIELDS: ReadonlySet<string> = new Set(["cluster", "clusterName", "collectorCluster"]);

/** Messages whose own name is that of a cluster. */
const NAMED_LIKE_CLUSTER: ReadonlySet<string> = new Set([
  "envoy.config.route.v3.WeightedCluster.ClusterWeight",
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight",
]);

function collectClusters(value: unknown, field: string, into: Set<string>): void {
  if (typeof value === "string") {
    if (value !== "" && CLUSTER_FIELDS.has(field)) into.add(value);
  } else if (Array.isArray(value)) {
    for (const item of value) collectClusters(item, field, into);
  } else if (isMessage(value, AnySchema)) {
    collectClusters(packedIn(value) ?? unpackAny(value), "", into);
  } else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    collectFromFields(value as Readonly<Record<string, unknown>>, into);
  }
}

function collectFromFields(fields: Readonly<Record<string, unknown>>, into: Set<string>): void {
  if (typeof fields.case === "string" && "value" in fields) {
    collectClusters(fields.value, fields.case, into); // a oneof: `{ case: name of the field, value }`
    return;
  }
  if (NAMED_LIKE_CLUSTER.has(String(fields.$typeName))) into.add(String(fields.name));
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (typeof value === "string" || (typeof value === "object" && value !== null)) collectClusters(value, name, into);
  }
}

function clustersOf(message: Message): readonly string[] {
  const clusters = new Set<string>();
  collectClusters(message, "", clusters);
  return [...clusters].sort();
}

function endpointsOf(cluster: Cluster): readonly string[] {
  const { clusterDiscoveryType, edsClusterConfig, name } = cluster;
  if (clusterDiscoveryType.case !== "type" || clusterDiscoveryType.value !== Cluster_DiscoveryType.EDS) return [];
  return [edsClusterConfig?.serviceName || name];
}

/** Names of what `message` refers to: of a listener, route configuration or virtual host the clusters, of a cluster its endpoints. */
export function referencesOf<Kind extends ResourceKind>(kind: Kind, message: ResourceMessage<Kind>): readonly string[] {
  switch (kind) {
    case "cds":
      return endpointsOf(message as ResourceMessage<"cds">);
    case "lds":
    case "rds":
    case "vhds":
      return clustersOf(message);
    default:
      return [];
  }
}
