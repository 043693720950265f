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

/** One struct for each namespace, its keys sorted, of namespaces and values in turns; the later value of a key holds. */
export function mergeMetadata(found: readonly (string | JsonObject)[]): FilterMetadata {
  const merged: Record<string, JsonObject> = {};
  for (let i = 0; i < found.length; i += 2) {
    const namespace = found[i] as string;
    merged[namespace] = { ...merged[namespace], ...(found[i + 1] as JsonObject) };
  }
  for (const [namespace, values] of Object.entries(merged))
    merged[namespace] = Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
  return merged;
}
