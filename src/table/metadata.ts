// Resource metadata as operators of formats read it: values by namespace and path (envoy.config.core.v3.Metadata.filter_metadata).

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

export type FilterMetadata = Readonly<Record<string, JsonObject>>;

export const NO_METADATA: FilterMetadata = {};

/** The namespace's whole struct for an empty path; undefined when any step is missing. */
export function metadataValue(
  metadata: FilterMetadata,
  namespace: string,
  path: readonly string[],
): JsonValue | undefined {
  let value: JsonValue | undefined = Object.hasOwn(metadata, namespace) ? metadata[namespace] : undefined;
  for (const key of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return undefined;
    value = value[key];
  }
  return value;
}
