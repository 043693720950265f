// What an API server says of an object by its structural schema: OpenAPI's keywords by Ajv, unknown fields, keys of lists, and rules in CEL.

import { type CelInput, celEnv, parse, plan } from "@bufbuild/cel";
import Ajv from "ajv";
import type { Json, JsonObject } from "../../src/kube/json.ts";
import type { Schema } from "../../src/kube/schema.ts";

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
const environment = celEnv();
const programs = new Map<string, ReturnType<typeof plan>>();

function program(rule: string): ReturnType<typeof plan> {
  const known = programs.get(rule) ?? plan(environment, parse(rule));
  programs.set(rule, known);
  return known;
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function childOf(schema: Schema, name: string): Schema | undefined {
  return schema.properties?.[name] ?? schema.additionalProperties;
}

/** By the schema's types: an integer is an `int`, which JSON does not tell from a `double`. */
function celOf(value: Json, schema: Schema): CelInput {
  if (Array.isArray(value)) return value.map((item) => celOf(item, schema.items ?? {}));
  if (isObject(value))
    return new Map(Object.entries(value).map(([name, child]) => [name, celOf(child, childOf(schema, name) ?? {})]));
  const isInt = typeof value === "number" && schema.type !== "number" && Number.isInteger(value);
  return isInt ? BigInt(value) : value;
}

interface Place {
  readonly value: Json;
  readonly schema: Schema;
  readonly path: string;
}

function below({ value, schema, path }: Place): readonly Place[] {
  if (Array.isArray(value))
    return value.map((item, i) => ({ value: item, schema: schema.items ?? {}, path: `${path}[${i}]` }));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, child]) => {
    const of = childOf(schema, name);
    return of ? [{ value: child, schema: of, path: path === "" ? name : `${path}.${name}` }] : [];
  });
}

function unknownFields({ value, schema, path }: Place): readonly string[] {
  if (!isObject(value) || schema["x-kubernetes-preserve-unknown-fields"]) return [];
  return Object.keys(value).flatMap((name) => (childOf(schema, name) ? [] : [`${path}: unknown field ${name}`]));
}

/** Of lists whose items have keys. */
function sameKeys({ value, schema, path }: Place): readonly string[] {
  const names = schema["x-kubernetes-list-map-keys"];
  if (!names || !Array.isArray(value)) return [];
  const keys = value.map((item) => JSON.stringify(names.map((name) => (isObject(item) ? item[name] : undefined))));
  return new Set(keys).size === keys.length ? [] : [`${path}: Duplicate value`];
}

/** A rule that cannot be evaluated refuses, as at an API server. */
function brokenRules({ value, schema, path }: Place): readonly string[] {
  return (schema["x-kubernetes-validations"] ?? []).flatMap(({ rule, message }) =>
    program(rule)({ self: celOf(value, schema) }) === true ? [] : [`${path}: ${message}`],
  );
}

function* places(place: Place): Generator<Place> {
  yield place;
  for (const child of below(place)) yield* places(child);
}

/** What is wrong with a whole object: `path: what`, rules only where types are right. */
export function refusals(schema: Schema, object: JsonObject): readonly string[] {
  ajv.validate(schema, object);
  const wrong = (ajv.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message}`);
  const all = [...places({ value: object, schema, path: "" })];
  const shape = [...wrong, ...all.flatMap(unknownFields), ...all.flatMap(sameKeys)];
  return shape.length > 0 ? shape : all.flatMap(brokenRules);
}
