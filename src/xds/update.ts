// A delta response as the client reads it: decoded, with what could not be decoded named, and the words of a NACK.

import { typeNameOf } from "./any.ts";
import type { DeltaDiscoveryResponse, Resource } from "./gen/envoy/service/discovery/v3/discovery_pb.ts";
import { decodeResource } from "./resource.ts";
import { RESOURCE_TYPES, type ResourceKind, type ResourceMessage } from "./type-urls.ts";

/** Why one resource was not taken. */
export interface Rejection {
  readonly name: string;
  /** Path of the field in the names of the proto files, as in `routes[0].route.cluster`; empty for the resource as a whole. */
  readonly path: string;
  readonly reason: string;
}

interface ReceivedResource<Kind extends ResourceKind> {
  readonly name: string;
  readonly version: string;
  readonly message: ResourceMessage<Kind>;
}

interface UpdateOf<Kind extends ResourceKind> {
  readonly kind: Kind;
  readonly resources: readonly ReceivedResource<Kind>[];
  readonly removed: readonly string[];
  /** What could not be read. Part of the answer, whatever else the caller finds. */
  readonly problems: readonly Rejection[];
  readonly nonce: string;
  /** The stream that it came on, counted by the client. */
  readonly stream: number;
}

export type Update = { readonly [Kind in ResourceKind]: UpdateOf<Kind> }[ResourceKind];

/** The message in a resource, or why there is none. */
function read(kind: ResourceKind, { name, resource }: Resource): ResourceMessage<ResourceKind> | string {
  const { schema, nameOf } = RESOURCE_TYPES[kind];
  if (!resource) return "has no content";
  if (typeNameOf(resource) !== schema.typeName) return `is a ${typeNameOf(resource)}, not a ${schema.typeName}`;
  let message: ResourceMessage<ResourceKind>;
  try {
    message = decodeResource(kind, resource.value);
  } catch (error) {
    return `is not a valid ${schema.typeName}: ${error instanceof Error ? error.message : String(error)}`;
  }
  // What is told apart by the one name must not be looked up by the other. The name table has none of its own.
  const inner = (nameOf as (message: ResourceMessage<ResourceKind>) => string)(message);
  return inner === name || kind === "nds" ? message : `holds a resource of another name: ${JSON.stringify(inner)}`;
}

/** Decodes what of `response` the client wants; a server may send more. */
export function readUpdate(
  kind: ResourceKind,
  stream: number,
  response: DeltaDiscoveryResponse,
  wants: (name: string) => boolean,
): Update {
  const resources: ReceivedResource<ResourceKind>[] = [];
  const problems: Rejection[] = [];
  for (const resource of response.resources) {
    const { name, version } = resource;
    if (!wants(name)) continue;
    const message = read(kind, resource);
    if (typeof message === "string") problems.push({ name, path: "", reason: message });
    else resources.push({ name, version, message });
  }
  const removed = response.removedResources;
  // One loop for all kinds: that `kind` and the messages belong together is what read() has checked.
  return { kind, stream, nonce: response.nonce, resources, removed, problems } as Update;
}

/** Enough for hundreds of reasons; a response's header block or message must not grow with what was refused. */
const MAX_TEXT = 16 * 1024;

/** The words of a NACK: each resource by name, the field's path, the reason. */
export function rejectionText(rejections: readonly Rejection[]): string {
  const lines = rejections.map(({ name, path, reason }) =>
    path === "" ? `${name}: ${reason}` : `${name}: ${path}: ${reason}`,
  );
  const text = lines.join("\n");
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
