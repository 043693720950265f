// Which content of an object of a file is meant: files have no generation.

import type { JsonObject } from "../dialect/object.ts";

/** Undefined for what an API holds, which counts its generations. The namespace may be written, or be the default. */
export function digestOf(value: JsonObject): string | undefined {
  const { metadata, status: _, ...rest } = value;
  const { namespace: __, resourceVersion, ...own } = metadata as JsonObject;
  if (resourceVersion !== undefined) return undefined;
  return Bun.hash(JSON.stringify([rest, own])).toString(16);
}
