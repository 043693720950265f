// Endpoints, of EDS or inside a cluster.

import type { Address } from "../../xds/gen/envoy/config/core/v3/address_pb.ts";
import type { Locality } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { HealthStatus } from "../../xds/gen/envoy/config/core/v3/health_check_pb.ts";
import type {
  Endpoint_HealthCheckConfig,
  LbEndpoint,
  LocalityLbEndpoints,
} from "../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts";
import type { ClusterLoadAssignment } from "../../xds/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import * as table from "../endpoint.ts";
import { LB_METADATA, readDestination, readJson, readMetadata, readStrings, readWorkload } from "./metadata.ts";
import type { Scope } from "./scope.ts";

export function acceptAddress(scope: Scope, address: Address | undefined): table.Address | undefined {
  const by = address?.address;
  switch (by?.case) {
    case "socketAddress": {
      const at = scope.field("socket_address");
      at.only(by.value, ["protocol", "address", "portSpecifier"]);
      // Who uses an endpoint decides how: Envoy does not compare it either.
      const port = by.value.portSpecifier;
      if (port.case !== "portValue" || port.value > 65535) {
        at.field("port_value").reject("missing, or above 65535");
        return undefined;
      }
      return { kind: "socket", host: by.value.address, port: port.value };
    }
    case "pipe":
      return { kind: "pipe", path: by.value.path };
    case "envoyInternalAddress": {
      const listener = by.value.addressNameSpecifier.value;
      if (!listener) scope.field("envoy_internal_address").reject("no server_listener_name");
      return listener ? { kind: "internal", listener } : undefined;
    }
    default:
      scope.reject("missing");
      return undefined;
  }
}

export const HEALTH: ReadonlyMap<HealthStatus, table.Health> = new Map([
  [HealthStatus.UNKNOWN, "healthy"],
  [HealthStatus.HEALTHY, "healthy"],
  [HealthStatus.DEGRADED, "degraded"],
  [HealthStatus.DRAINING, "draining"],
  [HealthStatus.UNHEALTHY, "unhealthy"],
  [HealthStatus.TIMEOUT, "unhealthy"],
]);

export function localityOf(locality: Locality | undefined): table.Endpoint["locality"] {
  return { region: locality?.region ?? "", zone: locality?.zone ?? "", subZone: locality?.subZone ?? "" };
}

function acceptEndpointCheck(
  scope: Scope,
  config: Endpoint_HealthCheckConfig | undefined,
): table.EndpointHealthCheck | undefined {
  if (!config) return undefined;
  if (config.portValue > 65535) scope.field("port_value").reject("above 65535");
  return {
    port: config.portValue,
    address: config.address && acceptAddress(scope.field("address"), config.address),
    hostname: config.hostname,
    disabled: config.disableActiveHealthCheck,
  };
}

function acceptEndpoint(scope: Scope, endpoint: LbEndpoint, locality: LocalityLbEndpoints): table.Endpoint | undefined {
  scope.only(endpoint, ["hostIdentifier", "healthStatus", "metadata", "loadBalancingWeight"]);
  const host = endpoint.hostIdentifier;
  if (host.case !== "endpoint") {
    scope.reject("only endpoint is supported by Heddle's proxy");
    return undefined;
  }
  const at = scope.field("endpoint");
  at.only(host.value, ["address", "hostname", "healthCheckConfig"]);
  const accepted = acceptAddress(at.field("address"), host.value.address);
  if (!accepted) return undefined;
  const address =
    accepted.kind === "internal" ? { ...accepted, destination: readDestination(endpoint.metadata) } : accepted;
  return {
    address,
    weight: endpoint.loadBalancingWeight ?? 1,
    priority: locality.priority,
    locality: localityOf(locality.locality),
    localityWeight: locality.loadBalancingWeight ?? 0,
    health: HEALTH.get(endpoint.healthStatus) ?? "unhealthy",
    socketMatch: readStrings(endpoint.metadata?.filterMetadata["envoy.transport_socket_match"]),
    lbMetadata: readJson(endpoint.metadata?.filterMetadata[LB_METADATA]),
    workload: readWorkload(endpoint.metadata),
    hostname: host.value.hostname,
    healthCheck: acceptEndpointCheck(at.field("health_check_config"), host.value.healthCheckConfig),
    metadata: readMetadata(endpoint.metadata),
  };
}

export function acceptEndpoints(scope: Scope, assignment: ClusterLoadAssignment): table.EndpointSet {
  scope.only(assignment, ["clusterName", "endpoints", "policy"]);
  if (assignment.policy)
    scope.field("policy").only(assignment.policy, ["overprovisioningFactor", "weightedPriorityHealth"]);
  const endpoints = assignment.endpoints.flatMap((locality, i) => {
    const at = scope.field("endpoints").index(i);
    at.only(locality, ["locality", "lbEndpoints", "loadBalancingWeight", "priority"]);
    return locality.lbEndpoints.flatMap(
      (endpoint, j) => acceptEndpoint(at.field("lb_endpoints").index(j), endpoint, locality) ?? [],
    );
  });
  const priorities = new Set(endpoints.map(({ priority }) => priority));
  // Envoy's: up to 128 of them, and without gaps, or a priority would be there that nobody meant.
  for (const priority of priorities)
    if (priority > 0 && !assignment.endpoints.some((one) => one.priority === priority - 1))
      scope.field("endpoints").reject(`priority ${priority} without a priority ${priority - 1}`);
  return {
    endpoints,
    overprovisioningFactor: assignment.policy?.overprovisioningFactor ?? table.OVERPROVISIONING_FACTOR,
    weightedPriorityHealth: assignment.policy?.weightedPriorityHealth ?? false,
  };
}
