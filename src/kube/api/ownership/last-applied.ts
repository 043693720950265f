// The way from client-side to server-side `kubectl apply`. The annotation of the former says what kubectl had applied; fields
// that still are as it says are no conflict for the applier "kubectl", and the annotation follows what it applies now.

import { parseJsonText } from "../../../base/json-text.ts";
import { isJsonObject, type JsonObject, without } from "../../json.ts";
import type { Schema } from "../../schema.ts";
import { difference, type FieldSet, isEmpty, NONE, union } from "./field-set.ts";
import type { Conflict, Writer } from "./managers.ts";
import { compare, fieldsOf } from "./walk.ts";

const ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** Other field managers opt out of this by their name, as on Kubernetes. */
const APPLIER = "kubectl";

function annotationsOf(object: JsonObject): JsonObject {
  const { annotations } = isJsonObject(object.metadata) ? object.metadata : {};
  return isJsonObject(annotations) ? annotations : {};
}

/** The fields that client-side apply set last and that nobody has changed since. */
function fieldsLastApplied(live: JsonObject, schema: Schema): FieldSet {
  const text = annotationsOf(live)[ANNOTATION];
  const parsed = typeof text === "string" ? parseJsonText(text) : undefined;
  if (parsed?.kind !== "ok" || !isJsonObject(parsed.value)) return NONE;
  const { changed, removed } = compare(parsed.value, live, schema);
  return difference(fieldsOf(parsed.value, schema), union(changed, removed));
}

/** Whether these conflicts are with the same person's client-side apply alone. */
export function areOwnConflicts(
  conflicts: readonly Conflict[],
  live: JsonObject,
  writer: Writer,
  schema: Schema,
): boolean {
  if (writer.name !== APPLIER) return false;
  const all = conflicts.reduce((fields, conflict) => union(fields, conflict.fields), NONE);
  return isEmpty(difference(all, fieldsLastApplied(live, schema)));
}

/** The object with the annotation, where it has one, telling of `config`. */
export function withLastApplied(object: JsonObject, config: JsonObject, writer: Writer): JsonObject {
  const annotations = annotationsOf(object);
  if (writer.name !== APPLIER || !annotations[ANNOTATION]) return object;
  const own = annotationsOf(config);
  const metadata = config.metadata as JsonObject;
  const bare = Object.hasOwn(own, ANNOTATION)
    ? { ...config, metadata: { ...metadata, annotations: without(own, ANNOTATION) } }
    : config;
  const updated = { ...annotations, [ANNOTATION]: `${JSON.stringify(bare)}\n` };
  return { ...object, metadata: { ...(object.metadata as JsonObject), annotations: updated } };
}
