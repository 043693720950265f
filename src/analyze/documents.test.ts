// What the documents show as an object is one: read without a finding, in a mesh that has what it refers to.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readObjects } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { analyze } from "./analyze.ts";

const ROOT = join(import.meta.dir, "../..");
const EXAMPLES = join(ROOT, "examples/golden-signal");

function pod(namespace: string, app: string, version: string, address: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${app}-${version}, namespace: ${namespace}, labels: {app: ${app}, version: ${version}}}
spec: {serviceAccountName: ${app}, containers: [{name: app, ports: [{containerPort: 8080}]}]}
status: {podIP: ${address}, conditions: [{type: Ready, status: "True"}]}`;
}

function service(namespace: string, name: string, ports = "{name: http, port: 80, targetPort: 8080}"): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: ${namespace}}
spec: {selector: {app: ${name}}, ports: [${ports}]}`;
}

/** What the documents take for granted. */
const WORLD = [
  service("payments", "api"),
  pod("payments", "api", "v1", "10.0.0.1"),
  service("default", "authz", "{name: grpc, port: 9000, targetPort: 8080}"),
  pod("default", "authz", "v1", "10.0.0.2"),
  service("default", "golden-signal"),
  pod("default", "golden-signal", "v1", "10.0.0.3"),
  pod("default", "golden-signal", "v2", "10.0.0.4"),
  "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: legacy, namespace: shop}",
].join("\n---\n");

/** Indented blocks that begin as objects do. A blank line ends one: what follows may be a command. */
function blocksOf(file: string): readonly { readonly name: string; readonly text: string }[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(/(?<=^|\n)(?: {4}.*(?:\n|$))+/g)]
    .filter(([block]) => block.startsWith("    apiVersion:"))
    .map(({ 0: block, index }) => ({
      name: `${file}:${text.slice(0, index).split("\n").length}`,
      text: block.replace(/^ {4}/gm, ""),
    }));
}

const markdown = readdirSync(join(ROOT, "docs")).filter((file) => file.endsWith(".md"));
const blocks = [...markdown.map((file) => `docs/${file}`), "README.md", "examples/golden-signal/README.md"].flatMap(
  blocksOf,
);
const files = readdirSync(EXAMPLES)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => ({ name: `examples/${file}`, text: readFileSync(join(EXAMPLES, file), "utf8") }));

test("the documents that show objects are found", () => {
  expect(new Set(blocks.map(({ name }) => name.split(":")[0]))).toEqual(
    new Set(["docs/mesh-config.md", "docs/scoping.md", "docs/workloads.md"]),
  );
  expect(files).toHaveLength(3);
});

/** The examples' files are applied together. */
const cases = [...blocks, { name: "examples", text: files.map(({ text }) => text).join("\n---\n") }];

test.each(cases.map(({ name, text }) => [name, text] as const))("%s", (name, text) => {
  const shown = readObjects(name, text);
  expect(shown.diagnostics).toEqual([]);
  expect(shown.objects.length).toBeGreaterThan(0);
  const objects = [...readObjects("world.yaml", WORLD).objects, ...shown.objects];
  const places = new Set(shown.objects.map(({ origin }) => `${origin.kind} ${origin.namespace}/${origin.name}`));
  const found = analyze(objects, DEFAULT_SETTINGS).filter(
    ({ object }) => object && places.has(`${object.kind} ${object.namespace}/${object.name}`),
  );
  expect(found.map(({ code, message }) => `${code} ${message}`)).toEqual([]);
});
