// How old an object of a file is beside those in force: the oldest of two counts, and a file seldom says when it was made.

import type { SourceObject } from "../dialect/object.ts";

/** As the API will have it: what replaces an object keeps its age, what is new is younger than everything. */
export function aged(
  written: readonly SourceObject[],
  inForce: readonly SourceObject[],
  now = Date.now(),
): readonly SourceObject[] {
  const before = new Map(inForce.map((object) => [object.key, object]));
  return written.map((object) => {
    if (object.createdAt !== 0) return object;
    const createdAt = before.get(object.key)?.createdAt || now;
    const metadata = object.value.metadata as Readonly<Record<string, unknown>>;
    const creationTimestamp = new Date(createdAt).toISOString();
    // Another value as well: dialects remember what they made of one.
    return { ...object, createdAt, value: { ...object.value, metadata: { ...metadata, creationTimestamp } } };
  });
}
