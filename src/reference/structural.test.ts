// Structural schemas: what rules, bounds and words name is there, and what an API server demands of schemas holds.

import { describe, expect, test } from "bun:test";
import type { Schema } from "../kube/schema.ts";
import { Budget, timesOf, within } from "./cost.ts";
import { definition } from "./definition.ts";
import { REFERENCE_KINDS } from "./kinds.ts";
import { KEPT, LIST_KEYS, NUMBERS, RULES } from "./rules.ts";
import { structuralSchema } from "./structural.ts";

interface Found {
  readonly path: string;
  readonly schema: Schema;
}

/** Every schema of a kind with its path, in which lists and maps are no steps. */
function all(schema: Schema, path: readonly string[] = []): readonly Found[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, child]) => all(child, [...path, name]));
  const inner = [schema.items, schema.additionalProperties].flatMap((child) => (child ? all(child, path) : []));
  return [{ path: path.join("."), schema }, ...below, ...inner];
}

const endsWith = (path: string, end: string) => path === end || path.endsWith(`.${end}`);

for (const kind of REFERENCE_KINDS) {
  const name = kind.type.kind;
  const found = all(structuralSchema(kind));
  const at = (end: string) => found.filter(({ path }) => endsWith(path, end)).map(({ schema }) => schema);

  describe(name, () => {
    test("has its rules, numbers, keys and kept fields at least once", () => {
      for (const [end, rules] of Object.entries(RULES[name] ?? {}))
        for (const { rule } of rules) {
          const places = at(end).filter((schema) =>
            schema["x-kubernetes-validations"]?.some((one) => one.rule === rule),
          );
          expect([end, rule, places.length > 0]).toEqual([end, rule, true]);
        }
      for (const [end, numbers] of Object.entries(NUMBERS[name] ?? {}))
        expect(at(end).map((schema) => schema.enum)).toContainEqual(numbers);
      for (const [end, key] of Object.entries(LIST_KEYS[name] ?? {}))
        expect([end, at(end).map((schema) => schema["x-kubernetes-list-map-keys"])]).toEqual([end, [[key]]]);
      for (const [end, field] of Object.entries(KEPT[name] ?? {}))
        expect([end, field, at(`${end}.${field}`).length > 0]).toEqual([end, field, true]);
    });

    test("chooses once in a oneOf: none of a group, or one of it", () => {
      for (const { path, schema } of found)
        for (const choices of [schema.oneOf ?? [], ...(schema.allOf ?? []).map(({ oneOf }) => oneOf)])
          expect([path, choices.filter(({ not }) => not).length]).toEqual([path, choices.length > 0 ? 1 : 0]);
    });

    test("has a type for every value, unless it may be anything, and no rule on a field without one", () => {
      for (const { path, schema } of found) {
        const anything = schema["x-kubernetes-preserve-unknown-fields"] || schema["x-kubernetes-int-or-string"];
        expect([path, schema.type !== undefined || anything === true]).toEqual([path, true]);
        for (const { rule } of schema["x-kubernetes-validations"] ?? [])
          for (const [, field] of rule.matchAll(/self\.(\w+)(?!\w*\()/g))
            expect([path, rule, schema.properties?.[field!]?.type !== undefined]).toEqual([path, rule, true]);
      }
    });

    test("bears Istio's names and one storage version", () => {
      const { spec } = definition(kind) as {
        spec: { versions: { name: string; storage: boolean; served: boolean }[] };
      };
      expect(spec).toMatchObject({
        group: kind.table.group,
        scope: "Namespaced",
        names: { kind: name, categories: expect.arrayContaining(["istio-io"]) },
      });
      expect(spec.versions.map((version) => version.name)).toEqual([...kind.table.versions]);
      expect(spec.versions.filter(({ storage }) => storage).map((version) => version.name)).toEqual([
        kind.type.storageVersion,
      ]);
      expect(spec.versions.every(({ served }) => served)).toBe(true);
    });
  });
}

describe("the cost of rules", () => {
  test("is that of every value that a request has room for, below a list without a bound", () => {
    expect(timesOf(within(1, 16), 2)).toBe(16);
    expect(timesOf(within(within(1, undefined), 16), 2)).toBe(1_048_576);
  });

  test("is refused from 9,000,000 for one rule, and from 85,000,000 for all", () => {
    const budget = new Budget();
    expect(budget.pays(10, 1_000_000)).toBe(false);
    expect(Array.from({ length: 11 }, () => budget.pays(8, 1_000_000)).filter(Boolean).length).toBe(10);
    expect(budget.pays(1, 1)).toBe(true);
  });
});
