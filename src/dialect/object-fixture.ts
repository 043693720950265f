// Objects made from the kinds' own tables, for tests that any object must pass.

import fc from "fast-check";
import { DIALECTS } from "./readers.ts";
import type { Format, MapSchema, NumberSchema, RecordSchema, Schema } from "./schema.ts";
import { SAMPLES } from "./stand-in.ts";

/** How near to what the table asks for: values of the right form alone, or one in twenty of any. */
type Care = "right" | "careless";

const WRONG: Readonly<Record<Format, readonly string[]>> = {
  address: ["10.0.0"],
  base64: ["aGk", "a", "?"],
  cidr: ["10.0.0.0/33"],
  "dns-label": ["a_b", ""],
  "header-name": [":path", "a b"],
  "header-word": ["a.b", "a b"],
  host: ["-a"],
  "host-or-address": ["*"],
  "label-value": ["", "a b"],
  regex: ["(", ""],
  "regex-or-any": ["("],
  "wildcard-host": ["*", "b..c"],
};

const made: Readonly<Record<Care, Map<Schema, fc.Arbitrary<unknown>>>> = { right: new Map(), careless: new Map() };

function arbitraryOf(schema: Schema, care: Care): fc.Arbitrary<unknown> {
  const known = made[care].get(schema) ?? madeFor(schema, care);
  made[care].set(schema, known);
  return known;
}

function madeFor(schema: Schema, care: Care): fc.Arbitrary<unknown> {
  const meant = meantBy(schema, care);
  if (care === "right") return meant;
  return fc.oneof({ weight: 19, arbitrary: meant }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) });
}

function meantBy(schema: Schema, care: Care): fc.Arbitrary<unknown> {
  const careless = care === "careless";
  switch (schema.type) {
    case "text": {
      if (!schema.format) return fc.constantFrom("a", "b", ...(careless ? ["", "gateway-error,503"] : []));
      return fc.constantFrom(...SAMPLES[schema.format], ...(careless ? WRONG[schema.format] : []));
    }
    case "choice":
      return fc.constantFrom(...schema.choices);
    case "duration":
      return fc.constantFrom("1s", "250ms", "5m", ...(careless ? ["0s", "1d", "x"] : []));
    case "whole":
    case "number":
      return numberFor(schema, careless);
    case "flag":
      return fc.boolean();
    case "port-or-name":
      return fc.constantFrom<unknown>(80, "http", ...(careless ? [0, ""] : []));
    case "list":
      return fc.array(arbitraryOf(schema.items, care), { minLength: careless ? 0 : 1, maxLength: 3 });
    case "map":
      return fc.dictionary(keyFor(schema, careless), arbitraryOf(schema.values, care), { maxKeys: 2 });
    case "record":
      return recordFor(schema, care);
    case "later":
      return fc.constant({});
  }
}

function numberFor({ min, max }: NumberSchema, careless: boolean): fc.Arbitrary<number> {
  const usual = [0, 1, 80, 100, 9080];
  const fitting = [...usual, min].filter((value) => value >= min && value <= max);
  return fc.constantFrom(...(careless ? [...usual, 1.5, -1, max] : fitting));
}

function keyFor({ keys }: MapSchema, careless: boolean): fc.Arbitrary<string> {
  if (careless) return fc.constantFrom("app", "version", "80", "x-a", "host", "__proto__", "a b");
  if (keys === "port") return fc.constantFrom("80", "9080");
  return keys === undefined || keys === "label-key" || keys === "header-name"
    ? fc.constantFrom("app", "version", "x-a")
    : fc.constantFrom(...SAMPLES[keys]);
}

/** A few of the fields, and those that must be there. */
function recordFor({ fields, exclusive = [] }: RecordSchema, care: Care): fc.Arbitrary<object> {
  const all = Object.keys(fields);
  const required = all.filter((name) => fields[name]!.required);
  return fc
    .subarray(all, { maxLength: Math.min(4, all.length) })
    .map((some) => [...new Set([...required, ...some])])
    .map((names) => (care === "careless" ? names : withoutRivals(names, exclusive)))
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, arbitraryOf(fields[name]!, care)]))));
}

function withoutRivals(names: readonly string[], groups: readonly (readonly string[])[]): readonly string[] {
  return names.filter((name, i) =>
    groups.every((group) => !group.includes(name) || !names.slice(0, i).some((earlier) => group.includes(earlier))),
  );
}

/** An object of any kind that is read, in any version. */
export function anyObject(care: Care): fc.Arbitrary<object> {
  return fc.constantFrom(...DIALECTS.flatMap((dialect) => dialect.kinds)).chain(({ group, kind, versions, schema }) => {
    const { metadata: _, apiVersion: __, kind: ___, status: ____, ...fields } = schema.fields;
    const own =
      care === "careless" ? { ...fields, ...(schema.fields.status && { status: schema.fields.status }) } : fields;
    return fc
      .record({
        version: fc.constantFrom(...versions),
        name: fc.constantFrom("a", "b", "c"),
        namespace: fc.constantFrom("default", "shop", "istio-system"),
        rest: care === "careless" ? recordFor({ ...schema, fields: own }, care) : whole(own),
      })
      .map(({ version, name, namespace, rest }) => ({
        ...rest,
        apiVersion: group === "" ? version : `${group}/${version}`,
        kind,
        metadata: { name, namespace, labels: { app: "a", version: "v1" } },
      }));
  });
}

function whole(fields: RecordSchema["fields"]): fc.Arbitrary<object> {
  return fc.record(Object.fromEntries(Object.keys(fields).map((name) => [name, arbitraryOf(fields[name]!, "right")])));
}
