// Structural schemas: the part of OpenAPI v3 that Kubernetes builds on. One schema per kind serves validation, defaults,
// patch merge keys, field ownership, `kubectl explain` and the OpenAPI documents.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema

import type { Json, JsonObject } from "./json.ts";

/** Every keyword to the merge key is enforced or used; those behind it are for other API servers, and left to admission here. */
export interface Schema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly Json[];
  readonly default?: Json;
  readonly nullable?: boolean;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly "x-kubernetes-preserve-unknown-fields"?: true;
  readonly "x-kubernetes-int-or-string"?: true;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly not?: Condition;
  readonly oneOf?: readonly Condition[];
  readonly allOf?: readonly { readonly oneOf: readonly Condition[] }[];
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}

/** What combinators say of fields that stand elsewhere. */
export interface Condition {
  readonly required?: readonly string[];
  readonly anyOf?: readonly Condition[];
  readonly not?: Condition;
}

/** A rule in CEL, of which `self` is the value that it stands at. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
}

type Properties = Readonly<Record<string, Schema>>;

/** An object with these fields and no others. */
export function object(description: string, properties: Properties, required: readonly string[] = []): Schema {
  return { type: "object", description, properties, ...(required.length > 0 ? { required } : {}) };
}

/** An object whose fields are kept and not looked at. */
export function open(description: string): Schema {
  return { type: "object", description, "x-kubernetes-preserve-unknown-fields": true };
}

/** An open object that is owned and replaced as a whole. */
export function atomic(description: string): Schema {
  return { ...open(description), "x-kubernetes-map-type": "atomic" };
}

/** A text. */
export function text(description: string, limits: Omit<Schema, "type" | "description"> = {}): Schema {
  return { type: "string", description, ...limits };
}

/** A whole number of 32 bits. */
export function whole(description: string, limits: Omit<Schema, "type" | "description"> = {}): Schema {
  return { type: "integer", format: "int32", description, ...limits };
}

/** True or false. */
export function flag(description: string): Schema {
  return { type: "boolean", description };
}

/** A number or a name, as a Service's targetPort. */
export function intOrString(description: string): Schema {
  return { description, "x-kubernetes-int-or-string": true };
}

/** One of these texts. */
export function choice(description: string, ...values: readonly string[]): Schema {
  return { type: "string", description, enum: values };
}

/** An object whose keys are free and whose values have one schema. */
export function mapOf(description: string, values: Schema): Schema {
  return { type: "object", description, additionalProperties: values };
}

/** Replaced as a whole by every writer. */
export function list(description: string, items: Schema): Schema {
  return { type: "array", description, items, "x-kubernetes-list-type": "atomic" };
}

/** A list of distinct scalars that several writers share. */
export function setOf(description: string, items: Schema): Schema {
  return {
    type: "array",
    description,
    items,
    "x-kubernetes-list-type": "set",
    "x-kubernetes-patch-strategy": "merge",
  };
}

/** A list of objects told apart by `keys`. Strategic merge patch knows one key only, the first. */
export function listMap(description: string, keys: readonly [string, ...string[]], items: Schema): Schema {
  return {
    type: "array",
    description,
    items,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": keys,
    "x-kubernetes-patch-strategy": "merge",
    "x-kubernetes-patch-merge-key": keys[0],
  };
}

/** Whether fields that `schema` does not name are expected. No schema at all expects anything. */
export function isOpen(schema: Schema | undefined): boolean {
  if (!schema) return true;
  if (schema["x-kubernetes-preserve-unknown-fields"] || schema["x-kubernetes-int-or-string"]) return true;
  return schema.type === "object" && !schema.properties && !schema.additionalProperties;
}

/** The schema of the field `name` of an object, and whether it is named there (rather than a key of a map or unknown). */
export function fieldOf(
  schema: Schema | undefined,
  name: string,
): { readonly schema?: Schema; readonly named: boolean } {
  const properties = schema?.properties;
  const property = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (property) return { schema: property, named: true };
  return schema?.additionalProperties ? { schema: schema.additionalProperties, named: false } : { named: false };
}

/** The schema as JSON for a document. It is JSON already; only its type is narrower. */
export function schemaJson(schema: Schema): JsonObject {
  return schema as unknown as JsonObject;
}
