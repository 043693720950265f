// The OpenAPI documents, as far as kubectl reads them: schemas for `explain` and for strategic merge patches, and on each
// path the kind and the query parameters, by which it finds out that the server validates fields and can do a dry run.

import type { Json, JsonObject } from "../json.ts";
import { joinApiVersion } from "../object.ts";
import { groupVersions, RESOURCES, type ResourceType } from "../resources.ts";
import { isOpen, type Schema, schemaJson } from "../schema.ts";
import type { Schemas } from "../schemas/core.ts";
import { OBJECT_META } from "../schemas/meta.ts";

/** Version 2 has `definitions`, version 3 `components.schemas`. */
type Dialect = 2 | 3;

const META_NAME = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const INFO = { title: "Heddle", version: "v1" };

function reference(dialect: Dialect, name: string): string {
  return dialect === 2 ? `#/definitions/${name}` : `#/components/schemas/${name}`;
}

/** The name of a kind's schema: its group's domain backwards, as in `io.istio.networking.v1.VirtualService`. */
function schemaName({ group, kind }: ResourceType, version: string): string {
  const domain = group === "" ? "io.k8s.api.core" : group.split(".").reverse().join(".");
  return `${domain}.${version}.${kind}`;
}

/** Keywords that OpenAPI v2 does not have are left out of it. */
function schemaFor(dialect: Dialect, schema: Schema): JsonObject {
  const { properties, items, additionalProperties, nullable, ...shared } = schemaJson(schema) as unknown as Schema;
  const { not, oneOf, allOf, "x-kubernetes-validations": validations, ...plain } = shared;
  const rest = dialect === 2 ? plain : shared;
  const inner = (child: Schema) => schemaFor(dialect, child);
  // kubectl reads "any object" from additionalProperties, where Kubernetes writes preserve-unknown-fields.
  const anything = rest.type === "object" && !properties && !additionalProperties && isOpen(schema);
  return {
    ...(schemaJson(rest) as JsonObject),
    ...(nullable && dialect === 3 ? { nullable } : {}),
    ...(rest["x-kubernetes-int-or-string"]
      ? dialect === 2
        ? { type: "string", format: "int-or-string" }
        : { oneOf: [{ type: "integer" }, { type: "string" }] }
      : {}),
    ...(properties
      ? { properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, inner(child)])) }
      : {}),
    ...(items ? { items: inner(items) } : {}),
    ...(additionalProperties ? { additionalProperties: inner(additionalProperties) } : {}),
    ...(anything && dialect === 2 ? { additionalProperties: {} } : {}),
  };
}

function kindSchema(dialect: Dialect, type: ResourceType, version: string, schemas: Schemas): JsonObject {
  const schema = schemaFor(dialect, schemas.documented(type));
  const properties = schema.properties as JsonObject;
  const metadata =
    dialect === 2
      ? { $ref: reference(2, META_NAME) }
      : { description: OBJECT_META.description!, allOf: [{ $ref: reference(3, META_NAME) }], default: {} };
  return {
    ...schema,
    properties: { ...properties, metadata },
    "x-kubernetes-group-version-kind": [{ group: type.group, version, kind: type.kind }],
  };
}

type Action = readonly [method: string, action: string];

const COLLECTION_ACTIONS: readonly Action[] = [
  ["get", "list"],
  ["post", "post"],
  ["delete", "deletecollection"],
];
const OBJECT_ACTIONS: readonly Action[] = [
  ["get", "get"],
  ["put", "put"],
  ["patch", "patch"],
  ["delete", "delete"],
];
const VERB_OF: Readonly<Record<string, string>> = { post: "create", put: "update" };

function parameter(dialect: Dialect, name: string, type: "string" | "boolean", description: string): JsonObject {
  const schema = { type, uniqueItems: true };
  return dialect === 2 ? { name, in: "query", description, ...schema } : { name, in: "query", description, schema };
}

const WRITES = ["post", "put", "patch", "delete"];

function parameters(dialect: Dialect, method: string): readonly JsonObject[] {
  if (!WRITES.includes(method)) return [];
  return [
    parameter(dialect, "dryRun", "string", "All: do everything but storing it"),
    ...(method === "delete"
      ? []
      : [
          parameter(dialect, "fieldManager", "string", "Who writes"),
          parameter(dialect, "fieldValidation", "string", "What to do about unknown fields: Ignore, Warn or Strict"),
        ]),
    ...(method === "patch" ? [parameter(dialect, "force", "boolean", "Take fields that others own")] : []),
  ];
}

function operation(dialect: Dialect, [method, action]: Action, type: ResourceType, version: string): JsonObject {
  const schema = { $ref: reference(dialect, schemaName(type, version)) };
  const ok =
    dialect === 2 ? { description: "OK", schema } : { description: "OK", content: { "application/json": { schema } } };
  const where = type.namespaced ? "Namespaced" : "";
  const name = schemaName(type, version).split(".").slice(-3).join("-");
  return {
    operationId: `${action}-${name}-${where}`,
    parameters: parameters(dialect, method),
    responses: { "200": ok },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group: type.group, version, kind: type.kind },
  };
}

function pathItem(dialect: Dialect, actions: readonly Action[], type: ResourceType, version: string): JsonObject {
  const served = actions.filter(([, action]) => type.verbs.some((verb) => verb === (VERB_OF[action] ?? action)));
  return Object.fromEntries(served.map((action) => [action[0], operation(dialect, action, type, version)]));
}

function pathsOf(dialect: Dialect, type: ResourceType, version: string): readonly (readonly [string, JsonObject])[] {
  const base = type.group === "" ? `/api/${version}` : `/apis/${type.group}/${version}`;
  const collection = type.namespaced ? `${base}/namespaces/{namespace}/${type.plural}` : `${base}/${type.plural}`;
  return [
    [collection, pathItem(dialect, COLLECTION_ACTIONS, type, version)],
    [`${collection}/{name}`, pathItem(dialect, OBJECT_ACTIONS, type, version)],
  ];
}

function typesOf(groupVersion: string): readonly (readonly [ResourceType, string])[] {
  return RESOURCES.flatMap((type) =>
    type.versions
      .filter((version) => groupVersion === "" || joinApiVersion(type.group, version) === groupVersion)
      .map((version) => [type, version] as const),
  );
}

function definitionsOf(dialect: Dialect, groupVersion: string, schemas: Schemas): Readonly<Record<string, Json>> {
  const kinds = typesOf(groupVersion).map(([type, version]) => [
    schemaName(type, version),
    kindSchema(dialect, type, version, schemas),
  ]);
  return { [META_NAME]: schemaFor(dialect, OBJECT_META), ...Object.fromEntries(kinds) };
}

function allPaths(dialect: Dialect, groupVersion: string): JsonObject {
  return Object.fromEntries(typesOf(groupVersion).flatMap(([type, version]) => pathsOf(dialect, type, version)));
}

/** The OpenAPI v2 document of everything. */
export function openApiV2(schemas: Schemas): JsonObject {
  return { swagger: "2.0", info: INFO, paths: allPaths(2, ""), definitions: definitionsOf(2, "", schemas) };
}

/** The paths of OpenAPI v3, `api/v1` and `apis/GROUP/VERSION`, each with the apiVersion that it is about. */
export function openApiV3Paths(): ReadonlyMap<string, string> {
  return new Map(
    groupVersions().map(({ group, version }) => [
      group === "" ? `api/${version}` : `apis/${group}/${version}`,
      joinApiVersion(group, version),
    ]),
  );
}

/** The OpenAPI v3 document of one apiVersion. */
export function openApiV3(apiVersion: string, schemas: Schemas): JsonObject {
  return {
    openapi: "3.0.0",
    info: INFO,
    paths: allPaths(3, apiVersion),
    components: { schemas: definitionsOf(3, apiVersion, schemas) },
  };
}
