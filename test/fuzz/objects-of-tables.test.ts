// Objects of every kind, made from the tables by which they are read, written as YAML and as JSON: read alike, told what is wrong with them, and
// what is accepted compiles. Of a sample Envoy loads what it would get.

import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { stringify } from "yaml";
import { findComponent } from "../../scripts/components.ts";
import { outputText } from "../../src/cli/compile-output.ts";
import { compileOffline, type OfflineCompilation } from "../../src/cli/offline-compilation.ts";
import { translate } from "../../src/dialect/dialects.ts";
import { loadMesh } from "../../src/dialect/load.ts";
import { readObjects, type SourceObject } from "../../src/dialect/object.ts";
import { anyObject } from "../../src/dialect/object-fixture.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import { runs, timeLimitMs } from "./effort.ts";

const ENVOY = findComponent("envoy");

/** What the objects are about: names and labels are those of the generator. */
const WORLD = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: a}, ports: [{name: http, port: 80, targetPort: 9080}, {name: tcp-raw, port: 9080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: a, version: v1}}
spec: {serviceAccountName: web, containers: [{ports: [{name: http, containerPort: 9080}]}]}
status: {phase: Running, podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}], conditions: [{type: Ready, status: "True"}]}
`;

function yamlOf(objects: readonly object[]): string {
  return objects.map((object) => `---\n${stringify(object, { version: "1.1" })}`).join("");
}

function jsonOf(objects: readonly object[]): string {
  return objects.map((object) => `---\n${JSON.stringify(object)}\n`).join("");
}

/** Those of a set that nothing is wrong with, each name once. */
function accepted(objects: readonly SourceObject[]): readonly SourceObject[] {
  const { results } = translate(objects, DEFAULT_SETTINGS);
  return results.filter((result) => result.accepted).map(({ object }) => object);
}

function compiled(objects: readonly SourceObject[]): OfflineCompilation | undefined {
  const result = compileOffline(
    objects,
    { workload: "shop/web", proxy: "envoy", namespace: "shop" } as never,
    DEFAULT_SETTINGS,
  );
  return result.kind === "compiled" ? result.compilation : undefined;
}

test(
  "any objects are read alike from YAML and JSON, and nothing throws",
  () => {
    fc.assert(
      fc.property(fc.array(anyObject("careless"), { minLength: 1, maxLength: 4 }), (values) => {
        // JSON has neither -0 nor what it cannot write.
        const objects = JSON.parse(JSON.stringify(values)) as object[];
        fc.pre(!JSON.stringify(objects).includes("__proto__"));
        const [yaml, json] = [yamlOf(objects), jsonOf(objects)].map((content) =>
          loadMesh([{ name: "a", content }], DEFAULT_SETTINGS),
        );
        expect(yaml!.parts).toEqual(json!.parts);
        expect(yaml!.diagnostics.map(({ code, path, message }) => ({ code, path, message }))).toEqual(
          json!.diagnostics.map(({ code, path, message }) => ({ code, path, message })),
        );
      }),
      { numRuns: runs(150) },
    );
  },
  timeLimitMs(60_000),
);

const sample: { readonly written: string; readonly compilation: OfflineCompilation }[] = [];

test(
  "whatever is accepted compiles",
  () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.array(anyObject("right"), { minLength: 1, maxLength: 5 }), (values) => {
        const { objects, diagnostics } = readObjects("a.yaml", `${WORLD}${yamlOf(values)}`);
        expect(diagnostics).toEqual([]);
        const good = accepted(objects);
        taken += good.length - 2;
        const compilation = compiled(good);
        if (compilation && sample.length < runs(12))
          sample.push({ written: yamlOf(good.map(({ value }) => value)), compilation });
      }),
      { numRuns: runs(150) },
    );
    // The generator must reach the compiler.
    expect(taken).toBeGreaterThan(60);
  },
  timeLimitMs(60_000),
);

test.skipIf(!ENVOY && process.env.CI !== "true")(
  "Envoy loads what compiles (needs envoy)",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-fuzz-"));
    try {
      expect(sample.length).toBeGreaterThan(0);
      for (const [i, { written, compilation }] of sample.entries()) {
        const path = join(folder, `${i}.json`);
        writeFileSync(path, outputText(compilation, { output: "bootstrap" } as never));
        const envoy = Bun.spawn([ENVOY ?? "envoy", "--mode", "validate", "-c", path, "-l", "error"], {
          stdout: "ignore",
          stderr: "pipe",
        });
        const complaint = await envoy.stderr.text();
        const isLoaded = (await envoy.exited) === 0;
        expect(isLoaded ? [] : [complaint, written]).toEqual([]);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  timeLimitMs(120_000),
);
