// The shape of a log line: text, or JSON whose values keep their types (envoy.config.core.v3.SubstitutionFormatString).

import type { JsonValue } from "@bufbuild/protobuf";
import { binaryText, type Parsed, parseFormat } from "./format.ts";
import type { Format } from "./part.ts";

/** What becomes of a part of the structure. Keys and constants are JSON already. */
export type JsonNode =
  | { readonly kind: "constant"; readonly json: string }
  /** Null, which `omitEmpty` leaves out. */
  | { readonly kind: "null" }
  /** A lone operator: numbers, objects and null are what they are. */
  | { readonly kind: "value"; readonly part: Format[number] }
  /** Operators with text around them: a string. */
  | { readonly kind: "text"; readonly format: Format }
  | { readonly kind: "list"; readonly items: readonly JsonNode[] }
  /** Sorted by key, as Envoy does. `key` is `"a":`. */
  | { readonly kind: "object"; readonly fields: readonly { readonly key: string; readonly node: JsonNode }[] };

export type LineFormat =
  | { readonly kind: "text"; readonly format: Format; readonly omitEmpty: boolean }
  | { readonly kind: "json"; readonly root: JsonNode; readonly omitEmpty: boolean };

type Environment = Readonly<Record<string, string | undefined>>;

/** Whole numbers with all of their digits, where JSON.stringify would round them to what is needed to read them back. */
function numberText(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(value).toString() : JSON.stringify(value);
}

function stringNode(text: string, environment: Environment): Parsed<JsonNode> {
  const parsed = parseFormat(text, environment);
  if ("error" in parsed) return parsed;
  const { format } = parsed;
  const [only] = format;
  if (only === undefined) return { format: { kind: "constant", json: '""' } };
  if (format.length > 1) return { format: { kind: "text", format } };
  return {
    format:
      only.kind === "text" ? { kind: "constant", json: JSON.stringify(only.text) } : { kind: "value", part: only },
  };
}

function objectNode(value: { readonly [key: string]: JsonValue }, environment: Environment): Parsed<JsonNode> {
  const fields: { key: string; node: JsonNode }[] = [];
  for (const name of Object.keys(value).sort()) {
    const parsed = parseJsonFormat(value[name] ?? null, environment);
    if ("error" in parsed) return parsed;
    fields.push({ key: `${JSON.stringify(binaryText(name))}:`, node: parsed.format });
  }
  return { format: { kind: "object", fields } };
}

function listNode(values: readonly JsonValue[], environment: Environment): Parsed<JsonNode> {
  const items: JsonNode[] = [];
  for (const value of values) {
    const parsed = parseJsonFormat(value, environment);
    if ("error" in parsed) return parsed;
    items.push(parsed.format);
  }
  return { format: { kind: "list", items } };
}

/** Returns the reason when an operator is unknown or malformed. */
export function parseJsonFormat(value: JsonValue, environment: Environment): Parsed<JsonNode> {
  if (value === null) return { format: { kind: "null" } };
  if (typeof value === "string") return stringNode(value, environment);
  if (typeof value === "number") return { format: { kind: "constant", json: numberText(value) } };
  if (typeof value === "boolean") return { format: { kind: "constant", json: String(value) } };
  return Array.isArray(value) ? listNode(value, environment) : objectNode(value, environment);
}
