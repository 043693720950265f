// No field that Kubernetes has is taken for a misspelling of one that the dialect reads.

import { expect, test } from "bun:test";
import { misspelling } from "../base/nearest.ts";
import { kubernetes } from "../dialect/kubernetes/dialect.ts";
import type { Schema as Table } from "../dialect/schema.ts";
import { resourceByKind } from "../kube/resources.ts";
import type { Schema } from "../kube/schema.ts";
import { Schemas } from "../kube/schemas/core.ts";

function mistaken(table: Table, schema: Schema, path: string): readonly string[] {
  if (table.type === "list") return schema.items ? mistaken(table.items, schema.items, `${path}[]`) : [];
  if (table.type !== "record") return [];
  const read = Object.keys(table.fields);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const known = table.fields[name];
    if (known) return mistaken(known, field, `${path}.${name}`);
    const near = table.open ? misspelling(name, read) : undefined;
    return near === undefined ? [] : [`${path}.${name} for ${near}`];
  });
}

test("by the schemas of the embedded API", () => {
  const schemas = new Schemas();
  const all = kubernetes.kinds.flatMap(({ group, kind, schema }) => {
    const type = resourceByKind(group, kind);
    expect(type).toBeDefined();
    return mistaken(schema, schemas.of(type!), kind);
  });
  expect(kubernetes.kinds.length).toBeGreaterThan(3);
  expect(all).toEqual([]);
});
