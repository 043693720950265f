// Fields that a schema gives a value when the writer did not. Kubernetes does this on every write, so readers need not.

import { isJsonArray, isJsonObject, type Json, type JsonObject } from "../json.ts";
import { fieldOf, type Schema } from "../schema.ts";

function defaultedObject(value: JsonObject, schema: Schema): JsonObject {
  const fields = new Map<string, Json>();
  for (const [name, item] of Object.entries(value)) fields.set(name, withDefaults(item, fieldOf(schema, name).schema));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default !== undefined && !fields.has(name)) fields.set(name, property.default);
  }
  return Object.fromEntries(fields);
}

/** `value` with the defaults of `schema` in all objects that exist. */
export function withDefaults(value: Json, schema: Schema | undefined): Json {
  if (!schema) return value;
  if (isJsonObject(value)) return defaultedObject(value, schema);
  if (isJsonArray(value) && schema.items) return value.map((item) => withDefaults(item, schema.items));
  return value;
}

/** `value` without fields that are null, where the schema names them: to Kubernetes' own kinds null means "not set". */
export function withoutNulls(value: Json, schema: Schema | undefined): Json {
  if (isJsonArray(value)) return value.map((item) => withoutNulls(item, schema?.items));
  if (!isJsonObject(value)) return value;
  const kept = Object.entries(value).filter(([name, item]) => item !== null || !fieldOf(schema, name).schema);
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutNulls(item, fieldOf(schema, name).schema)]));
}
