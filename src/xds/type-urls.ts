// The resource types that Heddle serves and takes: the one table of their URLs, messages, names and order.

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { ClusterSchema } from "./gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "./gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { ListenerSchema } from "./gen/envoy/config/listener/v3/listener_pb.ts";
import { VirtualHostSchema } from "./gen/envoy/config/route/v3/route_components_pb.ts";
import { RouteConfigurationSchema } from "./gen/envoy/config/route/v3/route_pb.ts";
import { SecretSchema } from "./gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts";
import { NameTableSchema } from "./gen/istio/networking/nds/v1/nds_pb.ts";

export const TYPE_URL_PREFIX = "type.googleapis.com/";

/** The one resource of Istio's name discovery service. */
export const NAME_TABLE = "name-table";

interface ResourceType<Schema extends DescMessage> {
  readonly schema: Schema;
  /** A first request without names subscribes to everything: of the types that no other resource names. */
  readonly wildcard: boolean;
  readonly nameOf: (message: MessageShape<Schema>) => string;
}

function resourceType<Schema extends DescMessage>(
  schema: Schema,
  wildcard: boolean,
  nameOf: (message: MessageShape<Schema>) => string,
): ResourceType<Schema> & { readonly typeUrl: string } {
  return { schema, wildcard, nameOf, typeUrl: TYPE_URL_PREFIX + schema.typeName };
}

export const RESOURCE_TYPES = {
  cds: resourceType(ClusterSchema, true, (cluster) => cluster.name),
  eds: resourceType(ClusterLoadAssignmentSchema, false, (assignment) => assignment.clusterName),
  sds: resourceType(SecretSchema, false, (secret) => secret.name),
  lds: resourceType(ListenerSchema, true, (listener) => listener.name),
  rds: resourceType(RouteConfigurationSchema, false, (routes) => routes.name),
  vhds: resourceType(VirtualHostSchema, true, (host) => host.name),
  nds: resourceType(NameTableSchema, true, () => NAME_TABLE),
} as const;

/** A resource type by the name of its discovery service. */
export type ResourceKind = keyof typeof RESOURCE_TYPES;

export type ResourceMessage<Kind extends ResourceKind> = MessageShape<(typeof RESOURCE_TYPES)[Kind]["schema"]>;

/**
 * Make before break: what is referred to goes before what refers to it. Secrets may come at any time before a cluster or listener that
 * warms needs them. Nothing refers to the name table.
 */
export const SEND_ORDER: readonly ResourceKind[] = ["cds", "eds", "sds", "lds", "rds", "vhds", "nds"];

const KINDS_BY_URL = new Map<string, ResourceKind>(SEND_ORDER.map((kind) => [RESOURCE_TYPES[kind].typeUrl, kind]));

/** The kind served under `typeUrl`; undefined for a type that Heddle does not serve. */
export function kindOfTypeUrl(typeUrl: string): ResourceKind | undefined {
  return KINDS_BY_URL.get(typeUrl);
}
