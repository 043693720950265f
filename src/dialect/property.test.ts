// Objects made from the kinds' own tables, right and wrong, go all the way to a validated mesh: nothing throws, nothing depends on chance.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { renderDiagnostic } from "../base/diagnostic.ts";
import { buildMesh } from "../model/build.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { validateMesh } from "../model/validate.ts";
import { check, DIALECTS, translate } from "./dialects.ts";
import { sourceObject } from "./object.ts";
import type { Format, Schema } from "./schema.ts";

const TEXTS: Readonly<Record<Format, readonly string[]>> = {
  address: ["10.0.0.1", "::1", "10.0.0"],
  base64: ["aGk=", "aGk", "a", "?"],
  cidr: ["10.0.0.0/8", "10.0.0.1", "10.0.0.0/33"],
  "header-name": ["x-a", "X-A", ":path", "host", "a b"],
  host: ["a", "a.default", "a.default.svc.cluster.local", "-a"],
  "host-or-address": ["a", "b.example.com", "10.0.0.1", "*"],
  "label-value": ["v1", "", "a b"],
  regex: ["/a", "a+", "(", ""],
  "regex-or-any": ["*", "a.*", "("],
  "wildcard-host": ["a", "*.example.com", "*", "a.default.svc.cluster.local", "b..c"],
};

/** Mostly what the table asks for; one value in twenty is anything at all. */
const made = new Map<Schema, fc.Arbitrary<unknown>>();

function usually(schema: Schema): fc.Arbitrary<unknown> {
  const known = made.get(schema) ?? mostlyMeant(schema);
  made.set(schema, known);
  return known;
}

function mostlyMeant(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 19, arbitrary: meant(schema) }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) });
}

function meant(schema: Schema): fc.Arbitrary<unknown> {
  switch (schema.type) {
    case "text":
      return fc.constantFrom(...(schema.format ? TEXTS[schema.format] : ["a", "b", "", "gateway-error,503"]));
    case "choice":
      return fc.constantFrom(...schema.choices);
    case "duration":
      return fc.constantFrom("1s", "250ms", "0s", "1d", "x");
    case "whole":
    case "number":
      return fc.constantFrom(0, 1, 80, 100, 9080, 1.5, -1);
    case "flag":
      return fc.boolean();
    case "port-or-name":
      return fc.constantFrom(80, "http", 0, "");
    case "list":
      return fc.array(usually(schema.items), { maxLength: 3 });
    case "map":
      return fc.dictionary(
        fc.constantFrom("app", "version", "80", "x-a", "host", "__proto__", "a b"),
        usually(schema.values),
        { maxKeys: 2 },
      );
    case "record": {
      const { metadata: _, apiVersion: __, kind: ___, ...fields } = schema.fields;
      const required = Object.keys(fields).filter((name) => fields[name]!.required);
      const names = fc
        .subarray(Object.keys(fields), { maxLength: Math.min(4, Object.keys(fields).length) })
        .map((some) => [...new Set([...required, ...some])]);
      return names.chain((chosen) =>
        fc.record(Object.fromEntries(chosen.map((name) => [name, usually(fields[name]!)]))),
      );
    }
    case "later":
      return fc.constant({});
  }
}

const anyObject = fc
  .constantFrom(...DIALECTS.flatMap((dialect) => dialect.kinds))
  .chain(({ group, kind, versions, schema }) =>
    fc
      .record({
        version: fc.constantFrom(...versions),
        name: fc.constantFrom("a", "b", "c"),
        namespace: fc.constantFrom("default", "shop", "istio-system"),
        rest: meant(schema),
      })
      .map(({ version, name, namespace, rest }) => ({
        ...(rest as object),
        apiVersion: group === "" ? version : `${group}/${version}`,
        kind,
        metadata: { name, namespace, labels: { app: "a", version: "v1" } },
      })),
  );

function outcome(values: readonly unknown[]): string {
  const objects = values.flatMap((value) => {
    const read = sourceObject(structuredClone(value));
    return read.kind === "object" ? [read.object] : [];
  });
  const { parts, results, sources } = translate(objects, DEFAULT_SETTINGS);
  const found = [
    ...results.flatMap((result) => result.diagnostics),
    ...validateMesh(buildMesh(DEFAULT_SETTINGS, parts), parts, sources),
  ];
  expect(results.length).toBe(objects.length);
  for (const { accepted, diagnostics } of results)
    expect(accepted).toBe(!diagnostics.some(({ severity }) => severity === "error"));
  return JSON.stringify([parts, found.map(renderDiagnostic)]);
}

test("whatever the objects are, they come to a mesh or to findings, the same ones each time", () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(anyObject, { minLength: 1, maxLength: 6 }), (values) => {
      const first = outcome(values);
      expect(outcome(values)).toBe(first);
      accepted += Number(
        !first.startsWith(
          '[{"namespaces":[],"services":[],"workloads":[],"endpointLists":[],"routes":[],"clientPolicies":[],"serverPolicies":[],"authorizationPolicies":[],"requestAuthentications":[],"keySets":[]}',
        ),
      );
    }),
    { numRuns: 150 },
  );
  // The generator must reach the translation, not only the refusals.
  expect(accepted).toBeGreaterThan(30);
});

test("any JSON is an object or is refused", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (metadata, spec, value) => {
      for (const candidate of [
        value,
        { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata, spec },
        { apiVersion: "v1", kind: "Service", metadata: { name: "a" }, spec },
      ]) {
        const read = sourceObject(candidate);
        if (read.kind === "object") check(read.object, DEFAULT_SETTINGS);
        else expect(read.diagnostics.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 200 },
  );
});
