// One message merged into another, as Istio merges a patch: fields that the patch has win, lists grow, maps and messages merge, and an extension's
// configuration merges into one of its own type.

import {
  clone,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  isFieldSet,
  type JsonObject,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { typeNameOf } from "./any.ts";
import { envoyRegistry } from "./envoy-types.ts";
import { type TypedStruct, TypedStructSchema } from "./gen/xds/type/v3/typed_struct_pb.ts";
import { TYPE_URL_PREFIX } from "./type-urls.ts";

export type Lists = "grow" | "are replaced";

type Fields = Record<string, unknown>;
interface OneofValue {
  readonly case: string | undefined;
  readonly value?: unknown;
}

function fieldValue(message: Fields, { oneof, localName }: DescField): unknown {
  if (!oneof) return message[localName];
  const chosen = message[oneof.localName] as OneofValue;
  return chosen.case === localName ? chosen.value : undefined;
}

function setValue(message: Fields, { oneof, localName }: DescField, value: unknown): void {
  if (oneof) message[oneof.localName] = { case: localName, value };
  else message[localName] = value;
}

/** Changes `target`; `patch` stays as it is. */
export function mergeMessage(schema: DescMessage, target: Message, patch: Message, lists: Lists): void {
  mergeFields(schema, target, clone(schema, patch), lists);
}

function mergeFields(schema: DescMessage, target: Message, patch: Message, lists: Lists): void {
  const to = target as unknown as Fields;
  const from = patch as unknown as Fields;
  for (const field of schema.fields) {
    if (!isFieldSet(patch, field)) continue;
    const value = fieldValue(from, field);
    switch (field.fieldKind) {
      case "list":
        to[field.localName] =
          lists === "grow" ? [...(to[field.localName] as unknown[]), ...(value as unknown[])] : value;
        break;
      case "map":
        mergeMap(field.message, to[field.localName] as Fields, value as Fields, lists);
        break;
      case "message":
        setValue(to, field, mergedValue(field.message, fieldValue(to, field), value, lists));
        break;
      default:
        setValue(to, field, value);
    }
  }
}

function mergeMap(values: DescMessage | undefined, target: Fields, patch: Fields, lists: Lists): void {
  for (const [key, value] of Object.entries(patch))
    target[key] = values ? mergedValue(values, target[key], value, lists) : value;
}

function mergedValue(schema: DescMessage, before: unknown, patch: unknown, lists: Lists): unknown {
  if (before === undefined) return patch;
  switch (schema.typeName) {
    case "google.protobuf.Any":
      return mergedAny(before as Any, patch as Any, lists);
    case "google.protobuf.Struct":
      return mergedJson(before as JsonObject, patch as JsonObject, lists);
  }
  // Durations, and numbers that tell 0 from nothing: a half of each of two would be neither.
  if (schema.typeName.startsWith("google.protobuf.")) return patch;
  mergeFields(schema, before as Message, patch as Message, lists);
  return before;
}

function mergedAny(before: Any, patch: Any, lists: Lists): Any {
  const name = typeNameOf(before);
  const schema = envoyRegistry().getMessage(name);
  if (typeNameOf(patch) === TypedStructSchema.typeName) return mergedStruct(before, schema, patch, lists);
  if (name !== typeNameOf(patch) || !schema) return patch;
  const message = fromBinary(schema, before.value);
  mergeFields(schema, message, fromBinary(schema, patch.value), lists);
  return { ...before, value: toBinary(schema, message) };
}

/** What Heddle does not know of a type it knows merges as JSON. */
function mergedStruct(before: Any, schema: DescMessage | undefined, patch: Any, lists: Lists): Any {
  const struct = fromBinary(TypedStructSchema, patch.value);
  const known = structOf(before, schema);
  if (!known || known.typeUrl !== struct.typeUrl) return patch;
  struct.value = mergedJson(known.value ?? {}, struct.value ?? {}, lists) as JsonObject;
  return { ...patch, value: toBinary(TypedStructSchema, struct) };
}

function structOf(any: Any, schema: DescMessage | undefined): Pick<TypedStruct, "typeUrl" | "value"> | undefined {
  if (!schema) return undefined;
  const message = fromBinary(schema, any.value);
  if (schema.typeName === TypedStructSchema.typeName) return message as TypedStruct;
  const json = toJson(schema, message, { registry: envoyRegistry(), useProtoFieldName: true });
  return { typeUrl: TYPE_URL_PREFIX + schema.typeName, value: json as JsonObject };
}

function mergedJson(before: JsonValue, patch: JsonValue, lists: Lists): JsonValue {
  if (Array.isArray(before) && Array.isArray(patch)) return lists === "grow" ? [...before, ...patch] : patch;
  if (!isRecord(before) || !isRecord(patch)) return patch;
  const merged: Record<string, JsonValue> = { ...before };
  for (const [key, value] of Object.entries(patch)) {
    const old = merged[key];
    merged[key] = old === undefined ? value : mergedJson(old, value, lists);
  }
  return merged;
}

function isRecord(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A message of JSON that the dialect has checked. */
export function written(schema: DescMessage, json: unknown): Message {
  return fromJson(schema, json as JsonValue, { registry: envoyRegistry() });
}
