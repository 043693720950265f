// Every field of every kind, misspelt by one edit wherever it may stand, is told with the right one.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { misspelling } from "../base/nearest.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { check } from "./dialects.ts";
import { sourceObject } from "./object.ts";
import { joinPath } from "./path.ts";
import { DIALECTS } from "./readers.ts";
import type { RecordSchema, Schema } from "./schema.ts";

interface Field {
  readonly name: string;
  readonly among: readonly string[];
  readonly isOpen: boolean;
  /** The object around a record that holds the misspelt field. */
  readonly around: (record: object) => object;
  readonly path: string;
}

/** Of records in records, lists and maps; each table is looked into once on a way. */
function fieldsOf(
  schema: Schema,
  path: string,
  around: Field["around"],
  above: readonly Schema[] = [],
): readonly Field[] {
  if (above.includes(schema)) return [];
  const way = [...above, schema];
  switch (schema.type) {
    case "list":
      return fieldsOf(schema.items, joinPath(path, 0), (value) => around([value]), way);
    case "map":
      return fieldsOf(schema.values, joinPath(path, "80"), (value) => around({ "80": value }), way);
    case "record":
      return ofRecord(schema, path, around, way);
    default:
      return [];
  }
}

function ofRecord(
  { fields, open = false }: RecordSchema,
  path: string,
  around: Field["around"],
  way: readonly Schema[],
): readonly Field[] {
  const among = Object.keys(fields);
  return among.flatMap((name) => [
    { name, among, isOpen: open, around, path },
    ...fieldsOf(fields[name]!, joinPath(path, name), (value) => around({ [name]: value }), way),
  ]);
}

/** Of ConfigMaps only the mesh's own is read, and that has its own tests. */
const READ = DIALECTS.flatMap((dialect) => dialect.kinds).filter(({ kind }) => kind !== "ConfigMap");

const KINDS = READ.map(({ group, kind, versions, schema }) => {
  const apiVersion = group === "" ? versions[0]! : `${group}/${versions[0]}`;
  const { apiVersion: _, kind: __, metadata: ___, ...fields } = schema.fields;
  const among = Object.keys(schema.fields);
  const top = fieldsOf({ ...schema, fields }, "", (value) => value).map((field) =>
    field.path === "" ? { ...field, among } : field,
  );
  return { apiVersion, kind, fields: top };
});

const letter = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyzABC");
/** Another word by one edit: a letter more, less, another, or two that changed places. */
function misspelt(name: string): fc.Arbitrary<string> {
  return fc.tuple(fc.nat(name.length - 1), letter, fc.nat(3)).map(([at, other, edit]) => {
    const [before, after] = [name.slice(0, at), name.slice(at)];
    if (edit === 0) return before + other + after;
    if (edit === 1) return before + after.slice(1);
    if (edit === 2) return before + other + after.slice(1);
    return before + after.slice(1, 2) + after.slice(0, 1) + after.slice(2);
  });
}

function found(apiVersion: string, kind: string, field: Field, written: string) {
  const object = field.around({ [written]: {} });
  const read = sourceObject({ apiVersion, kind, metadata: { name: "a", namespace: "shop" }, ...object });
  if (read.kind !== "object") throw new Error("no object");
  const path = joinPath(field.path, written);
  return check(read.object, DEFAULT_SETTINGS).find(
    (each) => each.path === path && /^HED(?:1101|1623)$/.test(each.code),
  );
}

test("by one edit, in every record of every kind", () => {
  let tried = 0;
  for (const { apiVersion, kind, fields } of KINDS) {
    for (const field of fields) {
      fc.assert(
        fc.property(misspelt(field.name), (written) => {
          // Nothing, a field that there is, or one that is as near to another.
          fc.pre(written !== "" && !field.among.includes(written));
          const others = field.among.filter((name) => name !== field.name);
          fc.pre(misspelling(written, others) === undefined);
          tried++;
          const said = found(apiVersion, kind, field, written);
          expect({ kind, path: field.path, written, near: said?.suggestion }).toEqual({
            kind,
            path: field.path,
            written,
            near: field.name,
          });
          expect(said?.severity).toBe(field.isOpen ? "warning" : "error");
        }),
        { numRuns: 6 },
      );
    }
  }
  expect(tried).toBeGreaterThan(3_000);
}, 60_000);

test("in an object's metadata, whatever the kind", () => {
  for (const { apiVersion, kind } of KINDS) {
    const read = sourceObject({ apiVersion, kind, metadata: { name: "a", lables: { app: "a" } } });
    if (read.kind !== "object") throw new Error("no object");
    const [said] = check(read.object, DEFAULT_SETTINGS).filter(({ path }) => path === "metadata.lables");
    expect([kind, said?.severity, said?.suggestion]).toEqual([kind, "warning", "labels"]);
  }
});
