// The words, the examples and the JSON schemas, against the tables and the goldens of the dialect.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import { decodeObject } from "../dialect/decode.ts";
import { readMeshConfigFile } from "../dialect/istio/mesh-config-map.ts";
import { MESH_CONFIG } from "../dialect/istio/mesh-config-schema.ts";
import { loadMesh } from "../dialect/load.ts";
import type { SourceObject } from "../dialect/object.ts";
import { Reporter } from "../dialect/reporter.ts";
import type { Fields, Schema } from "../dialect/schema.ts";
import { readYaml } from "../dialect/yaml.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { jsonSchema, jsonSchemaOfAll, jsonSchemaOfSettings } from "./json-schema.ts";
import { REFERENCE_KINDS, type ReferenceKind, WORDS } from "./kinds.ts";
import { page, settingsPage } from "./page.ts";
import { SETTINGS_EXAMPLE, settingsWords } from "./settings.ts";
import { MESH_CONFIG_WORDS } from "./words/mesh-config.ts";
import { SHARED } from "./words/shared.ts";
import type { Words } from "./words.ts";

const GOLDENS = join(import.meta.dir, "../../test/golden/istio");
const ENVELOPE = ["apiVersion", "kind", "metadata"];

const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
ajv.addKeyword("patternErrorMessage");
const ofAll = ajv.compile(jsonSchemaOfAll(REFERENCE_KINDS));

/** What a schema refuses as well: types, names, enums, ranges, what is missing, what excludes each other, what is no duration or empty. */
const OF_SHAPE = /^HED11(0[1-7]|10|17|19|20)$/;

function shapeErrors({ table }: ReferenceKind, object: SourceObject): readonly string[] {
  const reporter = new Reporter(object);
  decodeObject(table.schema, object, reporter);
  const errors = reporter.diagnostics.filter(({ severity }) => severity === "error");
  return errors.filter(({ code }) => OF_SHAPE.test(code)).map(({ code, path }) => `${code} ${path}`);
}

function inside(schema: Schema): Fields {
  switch (schema.type) {
    case "record":
      return schema.fields;
    case "list":
      return inside(schema.items);
    case "map":
      return inside(schema.values);
    default:
      return {};
  }
}

function pathsOf(fields: Fields, above: readonly string[] = []): readonly (readonly string[])[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const path = [...above, name];
    return [path, ...pathsOf(inside(field), path)];
  });
}

describe("words", () => {
  for (const kind of REFERENCE_KINDS) {
    test(`${kind.type.kind}: the kind and each of its fields have some`, () => {
      const paths = pathsOf(kind.table.schema.fields).filter(([first = ""]) => !ENVELOPE.includes(first));
      expect(paths.filter((path) => kind.words(path) === undefined).map((path) => path.join("."))).toEqual([]);
      expect(kind.proxies).not.toBe("");
      const said = paths.map((path) => kind.words(path)!.says);
      expect(said.filter((text) => text.endsWith("."))).toEqual([]);
    });
  }
});

describe("no words are left over", () => {
  const settings = pathsOf(MESH_CONFIG.fields).map((path) => path.join("."));
  const ofKinds = REFERENCE_KINDS.flatMap(({ table }) => pathsOf(table.schema.fields)).map((path) => path.join("."));
  const unused = (words: Words, paths: readonly string[]) =>
    Object.keys(words).filter((key) => !paths.some((path) => path === key || path.endsWith(`.${key}`)));

  test("of MeshConfig, and of what several kinds have", () => {
    expect(unused(MESH_CONFIG_WORDS, settings)).toEqual([]);
    expect(unused(SHARED, ofKinds)).toEqual([]);
  });

  for (const { type, table } of REFERENCE_KINDS)
    test(type.kind, () => {
      const paths = pathsOf(table.schema.fields).map((path) => path.join("."));
      expect(unused(WORDS[type.kind]!.fields, paths)).toEqual([]);
    });
});

describe("MeshConfig", () => {
  const validate = ajv.compile(jsonSchemaOfSettings());

  test("each of its fields has words", () => {
    const nameless = pathsOf(MESH_CONFIG.fields).filter((path) => settingsWords(path) === undefined);
    expect(nameless.map((path) => path.join("."))).toEqual([]);
  });

  test("the example is accepted without a finding, and by the schema", () => {
    const { value } = readYaml("mesh.yaml", SETTINGS_EXAMPLE).documents[0]!;
    expect([validate(value), validate.errors]).toEqual([true, null]);
    const read = readMeshConfigFile("mesh.yaml", SETTINGS_EXAMPLE, DEFAULT_SETTINGS, "open");
    expect([read.diagnostics, read.settings === undefined]).toEqual([[], false]);
    expect(settingsPage()).toContain(SETTINGS_EXAMPLE);
  });

  test("a misspelt field, a wrong enum and a wrong type are refused", () => {
    for (const wrong of [{ trustDomains: "a" }, { accessLogEncoding: "XML" }, { connectTimeout: 5 }])
      expect([wrong, validate(wrong)]).toEqual([wrong, false]);
  });
});

describe("examples", () => {
  for (const kind of REFERENCE_KINDS) {
    test(`${kind.type.kind}: accepted without a finding, and by both schemas`, () => {
      const { results } = loadMesh([{ name: "example.yaml", content: kind.example }], DEFAULT_SETTINGS);
      expect(results.map(({ object }) => object.origin.kind)).toEqual([kind.type.kind]);
      expect(results.flatMap((result) => result.diagnostics)).toEqual([]);
      const validate = ajv.compile(jsonSchema(kind));
      const { value } = results.at(0)!.object;
      expect([validate(value), validate.errors, ofAll(value)]).toEqual([true, null, true]);
      expect(page(kind)).toContain(kind.example);
    });
  }
});

describe("the JSON schema agrees with the reader on each golden", () => {
  const seen = new Set<string>();
  for (const file of readdirSync(GOLDENS).filter((name) => name.endsWith(".golden"))) {
    test(file, () => {
      const [input = ""] = readFileSync(join(GOLDENS, file), "utf8").split("\n=== model ===\n");
      const { results } = loadMesh([{ name: file, content: input }], DEFAULT_SETTINGS);
      for (const { object, accepted } of results) {
        const kind = REFERENCE_KINDS.find(
          ({ type }) => type.kind === object.origin.kind && type.group === object.origin.group,
        );
        if (!kind) continue;
        const where = `${object.origin.kind} ${object.origin.name}`;
        const wrong = shapeErrors(kind, object);
        if (accepted) seen.add(object.origin.kind);
        if (accepted) expect([where, ofAll(object.value), ofAll.errors]).toEqual([where, true, null]);
        else if (wrong.length > 0) expect([where, wrong, ofAll(object.value)]).toEqual([where, wrong, false]);
      }
    });
  }

  test("every kind was accepted at least once", () => {
    expect(REFERENCE_KINDS.map(({ type }) => type.kind).filter((kind) => !seen.has(kind))).toEqual([]);
  });
});
