// Objects made from the kinds' own tables, right and wrong, go all the way to a validated mesh: nothing throws, nothing depends on chance.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { renderDiagnostic } from "../base/diagnostic.ts";
import { buildMesh } from "../model/build.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { validateMesh } from "../model/validate.ts";
import { check, translate } from "./dialects.ts";
import { sourceObject } from "./object.ts";
import { anyObject } from "./object-fixture.ts";

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
    fc.property(fc.array(anyObject("careless"), { minLength: 1, maxLength: 6 }), (values) => {
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
