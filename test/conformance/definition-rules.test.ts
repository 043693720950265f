// The definitions' rules evaluated: what the reader takes they take, what they are to refuse they refuse. test/conformance/definitions.test.ts asks a real API server the same.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { check } from "../../src/dialect/dialects.ts";
import { BROKEN_RULES as BROKEN_SPECS } from "../../src/dialect/istio/definition-rules-fixture.ts";
import { sourceObject } from "../../src/dialect/object.ts";
import type { Json, JsonObject } from "../../src/kube/json.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import { REFERENCE_KINDS } from "../../src/reference/kinds.ts";
import { structuralSchema } from "../../src/reference/structural.ts";
import { BROKEN_RULES, goldenObjects, shapeErrors } from "./definition-cases.ts";
import { refusals } from "./definition-verdict.ts";

const SCHEMAS = new Map(REFERENCE_KINDS.map((kind) => [kind.type.kind, structuralSchema(kind)]));

function refusalsOf(kind: string, spec: unknown): readonly string[] {
  const { type } = REFERENCE_KINDS.find((one) => one.type.kind === kind)!;
  const apiVersion = `${type.group}/${type.versions[0]}`;
  return refusals(SCHEMAS.get(kind)!, { apiVersion, kind, metadata: { name: "broken" }, spec } as JsonObject);
}

describe("a rule of a definition refuses", () => {
  for (const [kind, field, message, spec] of BROKEN_RULES)
    test(`${kind} at ${field}: ${message}`, () => {
      const isRule = JSON.stringify(SCHEMAS.get(kind)).includes(JSON.stringify(message));
      const found = refusalsOf(kind, spec);
      expect(isRule ? found : found.length > 0).toEqual(isRule ? [`${field}: ${message}`] : true);
    });
  for (const { kind, rule, spec } of BROKEN_SPECS)
    test(`${kind} as Istio's: ${rule}`, () => {
      expect(refusalsOf(kind, spec)).not.toEqual([]);
    });
});

describe("an object of the goldens", () => {
  for (const { file, object, wrong } of goldenObjects()) {
    const { kind, name } = object.origin;
    const refused = () => refusals(SCHEMAS.get(kind)!, object.value as JsonObject);
    if (wrong.length === 0)
      test(`${file}: ${kind} ${name} is taken`, () => {
        expect(refused()).toEqual([]);
      });
    else
      test(`${file}: ${kind} ${name} is refused (${wrong[0]})`, () => {
        expect(refused()).not.toEqual([]);
      });
  }
});

/** A field or an item that something else takes the place of, that goes, or that is there twice. */
type Mutation = (parent: Record<string, Json>, name: string) => void;

/** No empty text: the library takes duration('') for 0, an API server refuses it. No keys of odd forms: structural schemas have no rule for them but CEL's, within its cost. */
const ANY: readonly Json[] = [
  ...[0, 1, -1, 1.5, 443, 65_536, 2 ** 31, 2 ** 53],
  ...["a", "A_b", "*", "5s", "0s", "1d", "10.0.0.1", "::1", "*.a.com", "/p", "unix:///a", "HTTP", "a".repeat(70)],
  ...[true, [], {}, [""], ["a", "a"], { a: "b" }],
];

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.constantFrom(...ANY).map((value): Mutation => {
    return (parent, name) => {
      parent[name] = structuredClone(value);
    };
  }),
  fc.constant<Mutation>((parent, name) => {
    if (Array.isArray(parent)) parent.splice(Number(name), 1);
    else delete parent[name];
  }),
  fc.constant<Mutation>((parent, name) => {
    if (Array.isArray(parent)) parent.push(structuredClone(parent[Number(name)]));
    else parent[`${name}s`] = structuredClone(parent[name]!);
  }),
);

function holders(value: unknown): readonly (readonly [parent: Record<string, Json>, name: string])[] {
  if (typeof value !== "object" || value === null) return [];
  const parent = value as Record<string, Json>;
  return Object.keys(parent).flatMap((name) => [[parent, name] as const, ...holders(parent[name])]);
}

test("an object that anything is done to is taken by both, or by neither for its shape", () => {
  const taken = goldenObjects().filter(({ wrong, object }) => wrong.length === 0 && object.value.spec);
  let refusedByBoth = 0;
  fc.assert(
    fc.property(fc.nat(taken.length - 1), fc.nat(), mutation, (which, at, mutate) => {
      const { kind, object } = taken[which]!;
      const value = JSON.parse(JSON.stringify(object.value)) as JsonObject;
      const places = holders(value.spec);
      if (places.length === 0) return;
      mutate(...places[at % places.length]!);
      const read = sourceObject(value);
      if (read.kind !== "object") throw new Error("no object");
      const told = check(read.object, DEFAULT_SETTINGS).some(({ severity }) => severity === "error");
      const refused = refusals(SCHEMAS.get(kind.type.kind)!, value);
      if (refused.length > 0) expect([value, refused, told]).toEqual([value, refused, true]);
      else expect([value, shapeErrors(kind, read.object)]).toEqual([value, []]);
      if (refused.length > 0) refusedByBoth++;
    }),
    { numRuns: 5_000 },
  );
  expect(refusedByBoth).toBeGreaterThan(1_000);
});
