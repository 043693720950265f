// The custom resources of this server as CustomResourceDefinitions, for tools that look whether a kind is installed. They are
// ordinary objects in the store, made anew at start and closed to writing.

import { equalJson, type Json, type JsonObject } from "../json.ts";
import { asJson, type KubeObject, timestamp } from "../object.ts";
import { RESOURCES, type ResourceType, resource } from "../resources.ts";
import { type Schema, schemaJson } from "../schema.ts";
import type { Schemas } from "../schemas/core.ts";
import type { Change } from "../store/store.ts";
import type { ApiContext } from "./context.ts";

/** In a definition, metadata is an object and nothing more: its schema is the API server's own. */
function definedSchema(schema: Schema): JsonObject {
  return schemaJson({ ...schema, properties: { ...schema.properties, metadata: { type: "object" } } });
}

function versionsOf(type: ResourceType, schema: Schema): Json {
  return type.versions.map((name) => ({
    name,
    served: true,
    storage: name === type.storageVersion,
    schema: { openAPIV3Schema: definedSchema(schema) },
    subresources: { status: {} },
    additionalPrinterColumns: [
      ...type.columns.map(({ name: heading, path, description }) => ({
        name: heading,
        type: "string",
        description,
        jsonPath: `.${path}`,
      })),
      {
        name: "Age",
        type: "date",
        description: "Time since the object was created",
        jsonPath: ".metadata.creationTimestamp",
      },
    ],
  }));
}

function conditions(created: string): Json {
  return ["NamesAccepted", "Established"].map((type) => ({
    type,
    status: "True",
    lastTransitionTime: created,
    reason: type === "Established" ? "InitialNamesAccepted" : "NoConflicts",
    message: type === "Established" ? "the initial names have been accepted" : "no conflicts found",
  }));
}

function namesOf({ kind, plural, singular, shortNames, categories }: ResourceType): JsonObject {
  const short = shortNames.length > 0 ? { shortNames } : {};
  return { plural, singular, kind, listKind: `${kind}List`, ...short, categories };
}

/** The `spec` of a kind's definition, here and for other API servers. */
export function definitionSpec(type: ResourceType, schema: Schema): JsonObject {
  return {
    group: type.group,
    names: namesOf(type),
    scope: type.namespaced ? "Namespaced" : "Cluster",
    versions: versionsOf(type, schema),
    conversion: { strategy: "None" },
  };
}

function definitionOf(type: ResourceType, schemas: Schemas, metadata: KubeObject["metadata"]): KubeObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata,
    spec: definitionSpec(type, schemas.documented(type)),
    status: {
      acceptedNames: namesOf(type),
      storedVersions: [type.storageVersion],
      conditions: conditions(metadata.creationTimestamp!),
    },
  };
}

/** Brings the stored definitions in line with what is served. */
export function seedDefinitions({ store, schemas, now }: ApiContext): void {
  const type = resource.customResourceDefinitions;
  const wanted = new Map(
    RESOURCES.filter(({ builtIn }) => !builtIn).map((kind) => [`${kind.plural}.${kind.group}`, kind]),
  );
  const changes: Change[] = [];
  for (const [name, kind] of wanted) {
    const previous = store.get(type, { namespace: "", name });
    const created = { name, uid: crypto.randomUUID(), creationTimestamp: timestamp(now()), generation: 1 };
    const next = definitionOf(kind, schemas, previous?.metadata ?? created);
    if (!previous || !equalJson(asJson(previous), asJson(next))) changes.push({ type, previous, next });
  }
  for (const previous of store.list(type).objects) {
    if (!wanted.has(previous.metadata.name)) changes.push({ type, previous, next: undefined });
  }
  if (changes.length > 0) store.commit(changes, false);
}
