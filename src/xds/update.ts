// A delta response as the client reads it, in steps: its resources are decoded one by one, when their turn comes, and the words of a NACK.

import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Steps } from "../base/steps.ts";
import { typeNameOf } from "./any.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "./gen/envoy/config/route/v3/route_pb.ts";
import {
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type Resource,
  ResourceSchema,
} from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import { decodeResource } from "./resource.ts";
import { RESOURCE_TYPES, type ResourceKind, type ResourceMessage } from "./type-urls.ts";
import { cutField } from "./wire.ts";

/** Why one resource was not taken. */
export interface Rejection {
  readonly name: string;
  /** Path of the field in the names of the proto files, as in `routes[0].route.cluster`; empty for the resource as a whole. */
  readonly path: string;
  readonly reason: string;
}

/** A resource as it came: what is in it is not decoded yet. */
export type ReceivedResource = Readonly<Pick<Resource, "name" | "version" | "resource">>;

export interface Update {
  readonly kind: ResourceKind;
  readonly resources: readonly ReceivedResource[];
  readonly removed: readonly string[];
  readonly nonce: string;
  /** The stream that it came on, counted by the client. */
  readonly stream: number;
}

/** The response in a message of the stream, which may hold 10,000 resources. @throws Error when it holds none such. */
export function* readResponse(message: Uint8Array): Steps<DeltaDiscoveryResponse> {
  const { elements, rest } = yield* cutField(message, DeltaDiscoveryResponseSchema.field.resources.number);
  const response = fromBinary(DeltaDiscoveryResponseSchema, rest);
  for (const element of elements) {
    response.resources.push(fromBinary(ResourceSchema, element));
    yield;
  }
  return response;
}

/** What of `response` the client wants; a server may send more. */
export function updateOf(
  kind: ResourceKind,
  stream: number,
  response: DeltaDiscoveryResponse,
  wants: (name: string) => boolean,
): Update {
  const resources = response.resources.filter(({ name }) => wants(name));
  return { kind, stream, nonce: response.nonce, resources, removed: response.removedResources };
}

/** The bytes of the message in a resource, or why there are none of its type. */
function bytesIn(kind: ResourceKind, content: Any | undefined): Uint8Array | string {
  const { typeName } = RESOURCE_TYPES[kind].schema;
  if (!content) return "has no content";
  return typeNameOf(content) === typeName ? content.value : `is a ${typeNameOf(content)}, not a ${typeName}`;
}

function invalid(kind: ResourceKind, error: unknown): string {
  const { typeName } = RESOURCE_TYPES[kind].schema;
  return `is not a valid ${typeName}: ${error instanceof Error ? error.message : String(error)}`;
}

/** What is told apart by the one name must not be looked up by the other. */
function misnamed(name: string, inner: string): string | undefined {
  return inner === name ? undefined : `holds a resource of another name: ${JSON.stringify(inner)}`;
}

/** The message in a resource, or why there is none. */
export function readResource<Kind extends ResourceKind>(
  kind: Kind,
  { name, resource }: ReceivedResource,
): ResourceMessage<Kind> | string {
  const bytes = bytesIn(kind, resource);
  if (typeof bytes === "string") return bytes;
  let message: ResourceMessage<Kind>;
  try {
    message = decodeResource(kind, bytes);
  } catch (error) {
    return invalid(kind, error);
  }
  if (kind === "nds") return message; // the name table has no name of its own
  const nameOf = RESOURCE_TYPES[kind].nameOf as (message: ResourceMessage<Kind>) => string;
  return misnamed(name, nameOf(message)) ?? message;
}

/** A route configuration of which the virtual hosts are not decoded yet. */
export interface RouteConfigurationParts {
  readonly config: RouteConfiguration;
  /** The message without its virtual hosts. */
  readonly shellBytes: Uint8Array;
  readonly virtualHosts: readonly Uint8Array[];
}

/** What readResource does for a route configuration, which may hold 5,000 virtual hosts. */
export function* readRouteConfiguration({ name, resource }: ReceivedResource): Steps<RouteConfigurationParts | string> {
  const bytes = bytesIn("rds", resource);
  if (typeof bytes === "string") return bytes;
  try {
    const { elements, rest } = yield* cutField(bytes, RouteConfigurationSchema.field.virtualHosts.number);
    const config = decodeResource("rds", rest);
    return misnamed(name, config.name) ?? { config, shellBytes: rest, virtualHosts: elements };
  } catch (error) {
    return invalid("rds", error);
  }
}

/** Enough for hundreds of reasons; a response's header block or message must not grow with what was refused. */
const MAX_TEXT = 16 * 1024;

/** The words of a NACK: each resource by name, the field's path, the reason. */
export function rejectionText(rejections: readonly Rejection[]): string {
  let text = "";
  for (const { name, path, reason } of rejections) {
    const line = path === "" ? `${name}: ${reason}` : `${name}: ${path}: ${reason}`;
    text += text === "" ? line : `\n${line}`;
    if (text.length > MAX_TEXT) return `${text.slice(0, MAX_TEXT)}…`;
  }
  return text;
}
