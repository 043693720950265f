// Endpoints of a cluster, and how each is reached.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Cidr, containsAddress } from "../base/cidr.ts";
import { type Endpoint, isUnixAddress, unixPath } from "../model/endpoint.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Locality } from "../model/workload.ts";
import { formatEndpointWorkload } from "../stats/peer-metadata.ts";
import type { AddressSchema } from "../xds/gen/envoy/config/core/v3/address_pb.ts";
import type { LbEndpointSchema } from "../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "../xds/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import type { Reach } from "./leg.ts";

/** Key and value of `envoy.transport_socket_match` that choose the leg. */
export const LEG_MATCH = { leg: "mesh" };

/** The same for mutual TLS with a sidecar of Istio. */
export const ISTIO_MATCH = { leg: "istio" };

/** The same for mutual TLS with a gateway's server. */
export const GATEWAY_MATCH = { leg: "gateway" };

/** An endpoint as clients get it. Plain data: the memo compares it. */
export interface Target {
  readonly address: string;
  readonly port: number;
  readonly reach: Exclude<Reach, "withheld">;
  readonly weight: number;
  readonly locality: Locality;
  readonly node?: string | undefined;
  readonly cluster: string;
  readonly network: string;
  /** `name;namespace;canonical name;canonical revision;cluster`; undefined when the mesh knows only the address. */
  readonly workload: string | undefined;
  /** What subsets select by, and failover may. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Endpoints of one place and one priority. */
export interface LocalityGroup {
  readonly locality: Locality;
  /** 0 first. Without a gap, as Envoy demands. */
  readonly priority: number;
  readonly weight: number;
  readonly members: readonly Target[];
}

/** `machineAddress`: see View. */
export function targetOf(
  mesh: Mesh,
  endpoint: Endpoint,
  reach: Target["reach"],
  machineAddress: string | undefined,
): Target {
  const { weight, locality, node, cluster, network, labels, transport } = endpoint;
  const address = machineAddress !== undefined && isLoopback(endpoint.address) ? machineAddress : endpoint.address;
  const port = reach === "leg" && transport.kind === "leg" ? transport.port : endpoint.port;
  const place = { locality, ...(node === undefined ? {} : { node }), cluster, network };
  return { address, port, reach, weight, ...place, workload: workloadText(mesh, endpoint), labels };
}

const LOOPBACK: Cidr = { address: Uint8Array.of(127, 0, 0, 0), bits: 8 };

function isLoopback(address: string): boolean {
  return containsAddress(LOOPBACK, address);
}

function workloadText(mesh: Mesh, endpoint: Endpoint): string | undefined {
  const workload = endpoint.workload === undefined ? undefined : mesh.index.workloads.get(endpoint.workload);
  if (!workload) return undefined;
  const { workloadName: name, namespace, canonicalName, canonicalRevision, cluster } = workload;
  return formatEndpointWorkload({ name, namespace, canonicalName, canonicalRevision, cluster, app: "", version: "" });
}

const SOCKET_MATCHES = { leg: LEG_MATCH, istio: ISTIO_MATCH, server: GATEWAY_MATCH } as const;

function hostAddress(address: string, port: number): NonNullable<MessageInitShape<typeof AddressSchema>["address"]> {
  return isUnixAddress(address)
    ? { case: "pipe", value: { path: unixPath(address) } }
    : { case: "socketAddress", value: { address, portSpecifier: { case: "portValue", value: port } } };
}

function lbEndpoint(target: Target): MessageInitShape<typeof LbEndpointSchema> {
  const { address, port, reach, weight, workload } = target;
  return {
    hostIdentifier: {
      case: "endpoint",
      value: {
        address: { address: hostAddress(address, port) },
      },
    },
    loadBalancingWeight: weight,
    metadata: {
      filterMetadata: {
        ...(reach === "plaintext" ? {} : { "envoy.transport_socket_match": SOCKET_MATCHES[reach] }),
        ...(workload === undefined ? {} : { istio: { workload } }),
      },
    },
  };
}

/** `name` is the EDS service name, or the cluster's for endpoints inside of it. */
export function loadAssignment(name: string, groups: readonly LocalityGroup[]): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: groups.map(({ locality: { region, zone, subzone }, priority, weight, members }) => ({
      ...(region || zone || subzone ? { locality: { region, zone, subZone: subzone } } : {}),
      lbEndpoints: members.map(lbEndpoint),
      loadBalancingWeight: weight,
      priority,
    })),
  });
}
