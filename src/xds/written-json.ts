// JSON of Envoy's messages as people write it: checked field by field, so that each mistake is told by its path, and brought into one form.
//
// A type that Heddle does not know travels as `xds.type.v3.TypedStruct`, which Envoy reads as the type that it names; so does one with a field that
// only a newer API has. A TypedStruct of a type that is known becomes that type, so that others can be merged into it.

import type { DescEnum, DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { fromJson, ScalarType } from "@bufbuild/protobuf";
import { nearest } from "../base/nearest.ts";
import { envoyRegistry } from "./envoy-types.ts";
import { TYPE_URL_PREFIX } from "./type-urls.ts";

export type JsonStep = string | number;

/** `misspelt`: nearly a field of the message; an unknown type that is nearly a known one is no less. `missing-configuration`: of an extension, which is found by the type of that. `newer`: none, so that only Envoy can say; it is passed on where that is possible. */
export type JsonProblem = { readonly path: readonly JsonStep[] } & (
  | { readonly kind: "misspelt"; readonly name: string; readonly message: string; readonly near: string }
  | { readonly kind: "unknown-field"; readonly name: string; readonly message: string; readonly passed: boolean }
  | { readonly kind: "wrong-value"; readonly value: JsonValue; readonly wanted: string }
  | { readonly kind: "unknown-type"; readonly type: string; readonly near: string | undefined }
  | { readonly kind: "missing-type" }
  | { readonly kind: "missing-configuration"; readonly name: string }
  | { readonly kind: "unreadable"; readonly reason: string }
);

export interface WrittenJson {
  /** Readable by `fromJson` with `envoyRegistry`, when nothing was found but what is passed on. */
  readonly json: JsonValue;
  readonly problems: readonly JsonProblem[];
  /** Regular expressions in it, whose text this does not judge. */
  readonly regexes: readonly { readonly path: readonly JsonStep[]; readonly regex: string }[];
}

/** Both have their expression in the field `regex`. */
const REGEX_MATCHERS: ReadonlySet<string> = new Set([
  "envoy.type.matcher.v3.RegexMatcher",
  "xds.type.matcher.v3.RegexMatcher",
]);

const TYPED_STRUCT = `${TYPE_URL_PREFIX}xds.type.v3.TypedStruct`;
const TYPED_STRUCTS: ReadonlySet<string> = new Set(["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"]);

type Path = readonly JsonStep[];

export function isPassedOn(problem: JsonProblem): boolean {
  if (problem.kind === "unknown-type") return problem.near === undefined;
  if (problem.kind === "missing-configuration") return true;
  return problem.kind === "unknown-field" && problem.passed;
}

/** `value` read as a `schema`. Never throws. */
export function checkWritten(schema: DescMessage, value: JsonValue): WrittenJson {
  const check = new Check();
  const json = check.message(schema, value, []);
  const { problems, regexes } = check;
  if (!problems.every(isPassedOn)) return { json, problems, regexes };
  try {
    fromJson(schema, json, { registry: envoyRegistry() });
    return { json, problems, regexes };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return { json, problems: [...problems, { path: [], kind: "unreadable", reason }], regexes };
  }
}

class Check {
  readonly problems: JsonProblem[] = [];
  readonly regexes: { readonly path: Path; readonly regex: string }[] = [];
  /** Depth of messages of an Any, which can travel as they were written. */
  #insideAny = 0;

  message(schema: DescMessage, value: JsonValue, path: Path): JsonValue {
    if (schema.typeName === "google.protobuf.Any") return this.#any(value, path);
    // Well-known types have a JSON form of their own.
    if (schema.typeName.startsWith("google.protobuf.")) return value;
    if (!isRecord(value)) return this.#wrong(value, path, "an object");
    if (REGEX_MATCHERS.has(schema.typeName) && typeof value.regex === "string")
      this.regexes.push({ path: [...path, "regex"], regex: value.regex });
    if (isConfigured(schema) && !CONFIGURATIONS.some((name) => value[name] != null))
      this.problems.push({ kind: "missing-configuration", path, name: String(value.name ?? "") });
    const entries = Object.entries(value).map(([name, item]): [string, JsonValue] => {
      const field = fieldNamed(schema, name);
      if (field) return [name, item === null ? null : this.#field(field, item, [...path, name])];
      this.#unknown(schema, name, [...path, name]);
      return [name, item];
    });
    return Object.fromEntries(entries);
  }

  #unknown(schema: DescMessage, name: string, path: Path): void {
    const near = nearest(
      name,
      schema.fields.map((field) => field.name),
    );
    const message = schema.typeName;
    if (near === undefined)
      this.problems.push({ kind: "unknown-field", path, name, message, passed: this.#insideAny > 0 });
    else this.problems.push({ kind: "misspelt", path, name, message, near });
  }

  #field(field: DescField, value: JsonValue, path: Path): JsonValue {
    switch (field.fieldKind) {
      case "list":
        if (!Array.isArray(value)) return this.#wrong(value, path, "a list");
        return value.map((item, i) => this.#item(field, field.listKind, item, [...path, i]));
      case "map":
        if (!isRecord(value)) return this.#wrong(value, path, "an object");
        return Object.fromEntries(
          Object.entries(value).map(([key, item]) => [key, this.#item(field, field.mapKind, item, [...path, key])]),
        );
      default:
        return this.#item(field, field.fieldKind, value, path);
    }
  }

  #item(field: DescField, kind: "message" | "enum" | "scalar", value: JsonValue, path: Path): JsonValue {
    if (kind === "message" && field.message) return this.message(field.message, value, path);
    if (kind === "enum" && field.enum) return this.#choice(field.enum, value, path);
    const wanted = scalarProblem(field.scalar, value);
    return wanted === undefined ? value : this.#wrong(value, path, wanted);
  }

  #choice(type: DescEnum, value: JsonValue, path: Path): JsonValue {
    if (typeof value === "number" && type.values.some(({ number }) => number === value)) return value;
    const names = type.values.map(({ name }) => name);
    if (typeof value === "string" && names.includes(value)) return value;
    const near = typeof value === "string" ? nearest(value, names) : undefined;
    return this.#wrong(value, path, near ?? `one of ${names.join(", ")}`);
  }

  #wrong(value: JsonValue, path: Path, wanted: string): JsonValue {
    this.problems.push({ kind: "wrong-value", path, value, wanted });
    return value;
  }

  #any(value: JsonValue, path: Path): JsonValue {
    if (!isRecord(value)) return this.#wrong(value, path, "an object with @type");
    const { "@type": url, ...rest } = value;
    if (typeof url !== "string" || url === "") {
      this.problems.push({ kind: "missing-type", path });
      return value;
    }
    const name = url.slice(url.lastIndexOf("/") + 1);
    if (TYPED_STRUCTS.has(name)) return this.#typedStruct(rest, path);
    return this.#typed(name, rest, path);
  }

  #typedStruct(struct: JsonObject, path: Path): JsonValue {
    const url = struct.type_url ?? struct.typeUrl;
    const value = struct.value ?? {};
    if (typeof url !== "string" || url === "") return this.#wrong(url ?? null, [...path, "type_url"], "a type");
    if (!isRecord(value)) return this.#wrong(value, [...path, "value"], "an object");
    return this.#typed(url.slice(url.lastIndexOf("/") + 1), value, [...path, "value"]);
  }

  #typed(name: string, value: JsonObject, path: Path): JsonValue {
    const schema = envoyRegistry().getMessage(name);
    if (!schema) {
      this.problems.push({ kind: "unknown-type", path: [...path, "@type"], type: name, near: nearType(name) });
      return raw(name, value);
    }
    if (name.startsWith("google.protobuf.")) return { "@type": TYPE_URL_PREFIX + name, ...value };
    const before = this.problems.length;
    this.#insideAny++;
    const json = this.message(schema, value, path) as JsonObject;
    this.#insideAny--;
    const isNewer = this.problems.slice(before).some(({ kind }) => kind === "unknown-field");
    return isNewer ? raw(name, value) : { "@type": TYPE_URL_PREFIX + name, ...json };
  }
}

function raw(name: string, value: JsonObject): JsonObject {
  return { "@type": TYPED_STRUCT, type_url: TYPE_URL_PREFIX + name, value };
}

/** Types are long and share most of their names, so that a third of one may be another: its last part decides. */
function nearType(name: string): string | undefined {
  const near = [...envoyRegistry()].filter(
    (type) =>
      type.kind === "message" && type.typeName.length < name.length + 4 && type.typeName.length > name.length - 4,
  );
  return nearest(
    name,
    near.map(({ typeName }) => typeName).filter((other) => edits(name, other) <= 3),
  );
}

/** Characters that differ at the ends of what two texts have in common: enough to tell a slip of the pen from another name. */
function edits(a: string, b: string): number {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return Math.max(a.length, b.length) - start - end;
}

/** By which an extension is found, in either form of a field's name. */
const CONFIGURATIONS = ["typed_config", "typedConfig", "config_discovery", "configDiscovery"];

/** An extension with its configuration: HttpFilter, NetworkFilter, TransportSocket, TypedExtensionConfig. */
function isConfigured({ fields }: DescMessage): boolean {
  return fields.some(({ name }) => name === "typed_config");
}

function fieldNamed(schema: DescMessage, name: string): DescField | undefined {
  return schema.fields.find((field) => field.name === name || field.jsonName === name);
}

function isRecord(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What was wanted instead, or undefined. Numbers may be written as strings, as protojson has it; strings as nothing else. */
function scalarProblem(type: ScalarType | undefined, value: JsonValue): string | undefined {
  switch (type) {
    case ScalarType.BOOL:
      return typeof value === "boolean" ? undefined : "true or false";
    case ScalarType.STRING:
      return typeof value === "string" ? undefined : "a string";
    case ScalarType.BYTES:
      return typeof value === "string" && /^[\w+/-]*={0,2}$/.test(value) ? undefined : "base64";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return isNumber(value) ? undefined : "a number";
    default:
      return isNumber(value) && Number.isInteger(Number(value)) ? undefined : "a whole number";
  }
}

function isNumber(value: JsonValue): boolean {
  if (typeof value === "number") return true;
  return typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value));
}
