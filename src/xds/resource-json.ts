// Resources as JSON, as `/config_dump` shows them: the proto's own field names, an Any with its `@type`.

import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { jsonRegistry } from "./any.ts";
import { decodeResource, type Resource } from "./resource.ts";
import { resourcesOf, type Snapshot } from "./snapshot.ts";
import { RESOURCE_TYPES, type ResourceKind } from "./type-urls.ts";

/** Without an `@type` of its own: of a message that is no Any. Throws when the bytes are not such a message. */
export function resourceJson({ kind, bytes }: Pick<Resource, "kind" | "bytes">, registry = jsonRegistry()): JsonObject {
  const options = { registry, useProtoFieldName: true };
  return toJson(RESOURCE_TYPES[kind].schema, decodeResource(kind, bytes), options) as JsonObject;
}

/** The messages of one type, by name. */
export function messagesOf(
  snapshot: Snapshot,
  kind: ResourceKind,
  registry = jsonRegistry(),
): ReadonlyMap<string, JsonObject> {
  return new Map([...resourcesOf(snapshot, kind)].map(([name, resource]) => [name, resourceJson(resource, registry)]));
}
