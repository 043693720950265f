// A kind's table as JSON schema (draft 2020-12) for editors, and one of all kinds that looks at apiVersion and kind.

import { MESH_CONFIG } from "../dialect/istio/mesh-config-schema.ts";
import type { Fields, MapSchema, NumberSchema, RecordSchema, Schema } from "../dialect/schema.ts";
import { joinApiVersion } from "../kube/object.ts";
import type { ReferenceKind } from "./kinds.ts";
import { DURATION, entryBounds, itemBounds, keyPattern, textLimits } from "./patterns.ts";
import { SETTINGS_ABOUT, settingsWords } from "./settings.ts";
import { descriptionOf, type WordsByPath } from "./words.ts";

/** What is used of the vocabulary, and VS Code's words for what a pattern refuses. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly title?: string;
  readonly description?: string;
  readonly deprecated?: boolean;
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly patternErrorMessage?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema | false>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: JsonSchema | false;
  readonly required?: readonly string[];
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly dependentSchemas?: Readonly<Record<string, JsonSchema>>;
  readonly if?: JsonSchema;
  readonly then?: JsonSchema;
}

const DRAFT = "https://json-schema.org/draft/2020-12/schema";

/** Of one kind, in all of its versions. */
export function jsonSchema(kind: ReferenceKind): JsonSchema {
  const writer = new Writer(kind.type.kind, kind.words);
  const whole = writer.whole(kind);
  return { $schema: DRAFT, title: kind.type.kind, ...whole, $defs: writer.defs };
}

/** Of the mesh's settings, as the file of `heddle up --mesh-config` has them. */
export function jsonSchemaOfSettings(): JsonSchema {
  const writer = new Writer("MeshConfig", settingsWords);
  const whole = writer.record(MESH_CONFIG, []);
  return { $schema: DRAFT, title: "MeshConfig", description: SETTINGS_ABOUT, ...whole, $defs: writer.defs };
}

/** Of all kinds; what is of another kind passes, so that it can stand for a folder that holds Kubernetes' own objects as well. */
export function jsonSchemaOfAll(kinds: readonly ReferenceKind[]): JsonSchema {
  return {
    $schema: DRAFT,
    title: "Objects that Heddle reads",
    type: "object",
    required: ["apiVersion", "kind"],
    properties: { apiVersion: { type: "string" }, kind: { type: "string" } },
    allOf: kinds.map(({ type: { group, kind } }) => ({
      if: {
        properties: { apiVersion: { pattern: `^${group.replaceAll(".", "\\.")}/` }, kind: { const: kind } },
        required: ["apiVersion", "kind"],
      },
      // biome-ignore lint/suspicious/noThenProperty: it is the keyword's name
      then: { $ref: `#/$defs/${kind}` },
    })),
    $defs: Object.assign({}, ...kinds.map(defsOf)),
  };
}

function defsOf(kind: ReferenceKind): Readonly<Record<string, JsonSchema>> {
  const writer = new Writer(kind.type.kind, kind.words);
  return { [kind.type.kind]: writer.whole(kind), ...writer.defs };
}

const METADATA: JsonSchema = {
  type: "object",
  description: "Name, namespace, labels and annotations",
  required: ["name"],
  properties: {
    name: { type: "string", minLength: 1, description: "Unique within the namespace and kind" },
    namespace: { type: "string", description: "The namespace; default without one" },
    labels: { type: "object", additionalProperties: { type: "string" }, description: "Labels" },
    annotations: { type: "object", additionalProperties: { type: "string" }, description: "Annotations" },
  },
};

/** Records are definitions, named by the place that they were met at first: many stand at several places, and each has two names. */
class Writer {
  readonly #name: string;
  readonly #words: WordsByPath;
  readonly #names = new Map<Fields, string>();
  readonly #defs: Record<string, JsonSchema> = {};

  constructor(name: string, words: WordsByPath) {
    this.#name = name;
    this.#words = words;
  }

  get defs(): Readonly<Record<string, JsonSchema>> {
    return this.#defs;
  }

  whole({ type, table, about }: ReferenceKind): JsonSchema {
    // The envelope is Kubernetes', which has one name for each field.
    const { patternProperties: _, ...whole } = this.record(table.schema, []);
    const versions = type.versions.map((version) => joinApiVersion(type.group, version));
    return {
      ...whole,
      description: about,
      required: ["apiVersion", "kind", "metadata", ...(table.schema.fields.spec?.required ? ["spec"] : [])],
      properties: {
        ...whole.properties,
        apiVersion: { enum: versions, description: "Group and version; all mean the same" },
        kind: { const: type.kind, description: "The kind" },
        metadata: METADATA,
      },
    };
  }

  #value(schema: Schema, path: readonly string[]): JsonSchema {
    const words = this.#words(path);
    const description = descriptionOf(schema, words);
    return {
      ...(description === "" ? {} : { description }),
      ...(words?.deprecated === undefined ? {} : { deprecated: true }),
      ...this.#shape(schema, path),
    };
  }

  #shape(schema: Schema, path: readonly string[]): JsonSchema {
    switch (schema.type) {
      case "text":
        return { type: "string", ...(schema.notEmpty ? { minLength: 1 } : {}), ...textLimits(schema) };
      case "choice":
        return { enum: schema.choices };
      case "duration":
        return { type: "string", pattern: DURATION, patternErrorMessage: "a duration, such as 5s or 1m30s" };
      case "whole":
      case "number":
        return numberOf(schema);
      case "flag":
        return { type: "boolean" };
      case "port-or-name":
        return { anyOf: [numberOf({ type: "whole", min: 1, max: 65_535 }), { type: "string", minLength: 1 }] };
      case "list":
        return { type: "array", items: this.#shape(schema.items, path), ...itemBounds(schema) };
      case "map":
        return {
          type: "object",
          ...keysOf(schema),
          additionalProperties: this.#shape(schema.values, path),
          ...entryBounds(schema),
        };
      case "record":
        return Object.keys(schema.fields).length === 0 ? this.record(schema, path) : this.#reference(schema, path);
      case "later":
        return {};
    }
  }

  #reference(schema: RecordSchema, path: readonly string[]): JsonSchema {
    const known = this.#names.get(schema.fields);
    const name = known ?? [this.#name, ...path].join(".");
    if (known === undefined) {
      this.#names.set(schema.fields, name);
      this.#defs[name] = this.record(schema, path);
    }
    return { $ref: `#/$defs/${name}` };
  }

  record({ fields, exclusive = [], open }: RecordSchema, path: readonly string[]): JsonSchema {
    const properties = Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [name, this.#value(field, [...path, name])]),
    );
    const others = snakeCased(fields, properties);
    const names = Object.entries(fields).flatMap(([name, field]) => (field.required ? [name] : []));
    const plain = names.filter((name) => snakeCase(name) === undefined);
    const either = names.filter((name) => !plain.includes(name)).map(eitherForm);
    const dependent = exclusions(exclusive);
    return {
      type: "object",
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
      ...(Object.keys(others).length > 0 ? { patternProperties: others } : {}),
      ...(open ? {} : { additionalProperties: false }),
      ...(plain.length > 0 ? { required: plain } : {}),
      ...(either.length > 0 ? { allOf: either } : {}),
      ...(Object.keys(dependent).length > 0 ? { dependentSchemas: dependent } : {}),
    };
  }
}

function numberOf({ type, min, max }: NumberSchema): JsonSchema {
  const limits = { minimum: min, ...(max === Number.MAX_SAFE_INTEGER ? {} : { maximum: max }) };
  return { type: type === "whole" ? "integer" : "number", ...limits };
}

function keysOf({ keys }: MapSchema): JsonSchema {
  const pattern = keyPattern(keys);
  return pattern === undefined ? {} : { propertyNames: { pattern } };
}

/** protojson's other name of a field: `per_try_timeout` of `perTryTimeout`; undefined when there is none. */
function snakeCase(name: string): string | undefined {
  const other = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return other === name ? undefined : other;
}

/** By patterns, so that editors take these names and do not suggest them. A number may be a word: `consecutive_5xx_errors`. */
function snakeCased(
  fields: Fields,
  properties: Readonly<Record<string, JsonSchema>>,
): Readonly<Record<string, JsonSchema>> {
  const entries = Object.keys(fields).flatMap((name) => {
    const other = snakeCase(name);
    return other === undefined ? [] : [[`^${other.replace(/(?<=[a-z])(\d)/g, "_?$1")}$`, properties[name]!] as const];
  });
  return Object.fromEntries(entries);
}

function eitherForm(name: string): JsonSchema {
  return { anyOf: [{ required: [name] }, { required: [snakeCase(name)!] }] };
}

/** With a field of a group those behind it are not allowed: so that an editor marks the field, where `not` would mark the whole object. */
function exclusions(groups: readonly (readonly string[])[]): Readonly<Record<string, JsonSchema>> {
  const forbidden: Record<string, Record<string, false>> = {};
  for (const group of groups)
    for (const [i, name] of group.slice(0, -1).entries())
      forbidden[name] = {
        ...forbidden[name],
        ...Object.fromEntries(group.slice(i + 1).map((other) => [other, false])),
      };
  return Object.fromEntries(Object.entries(forbidden).map(([name, properties]) => [name, { properties }]));
}
