// The forms of output, each a golden in test/golden/analyze-output. UPDATE_GOLDENS=1 writes what comes out.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { analyze } from "../analyze/analyze.ts";
import type { SourceObject } from "../dialect/object.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { objectsOfFiles, onTop } from "./analysis-input.ts";
import { ANALYSIS_OUTPUTS, findingsText, sortFindings, summaryText } from "./analysis-output.ts";
import { styleOf } from "./terminal.ts";

const FOLDER = join(import.meta.dir, "../../test/golden/analyze-output");
const UPDATE = process.env.UPDATE_GOLDENS === "1";
const PLAIN = styleOf({});

const INPUT = [
  {
    name: "web.yaml",
    content: `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web]
  http:
    - route:
        - destination: {host: wbe}
    - match: [{uri: {prefix: /a}}]
      route: [{destination: {host: web}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: main, port: 80}]}
`,
  },
  { name: "broken.yaml", content: "kind: Service\nkind: Service\n" },
  { name: "namespace.yaml", content: "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n" },
];

function findings() {
  const { objects, unreadable } = objectsOfFiles(INPUT, "default");
  return sortFindings([...unreadable, ...analyze(objects, DEFAULT_SETTINGS)]);
}

describe("output", () => {
  test.each([...ANALYSIS_OUTPUTS])("%s", (output) => {
    const path = join(FOLDER, `${output}.golden`);
    const text = `${findingsText(findings(), output, PLAIN)}\n`;
    if (UPDATE) writeFileSync(path, text);
    else expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("YAML and JSON say the same", () => {
    expect(parse(findingsText(findings(), "yaml", PLAIN))).toEqual(JSON.parse(findingsText(findings(), "json", PLAIN)));
    expect(findingsText([], "json", PLAIN)).toBe("[]");
    expect(findingsText([], "yaml", PLAIN)).toBe("[]");
  });

  test("the summary counts each level", () => {
    expect(summaryText(findings())).toBe("2 errors, 1 warning, 2 notes");
    expect(summaryText([])).toBeUndefined();
  });
});

describe("input", () => {
  const names = (text: string, namespace: string) =>
    objectsOfFiles([{ name: "f.yaml", content: text }], namespace).objects.map(({ origin }) => origin.namespace);

  test("what names no namespace is in that of the command, but for what is in none", () => {
    expect(names("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", "shop")).toEqual(["shop"]);
    expect(names("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n", "shop")).toEqual(["shop"]);
    expect(names("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\n", "shop")).toEqual(["b"]);
    expect(names("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", "shop")).toEqual(["default"]);
  });

  test("what is written takes the place of what is held under its name", () => {
    const read = (name: string, content: string) => objectsOfFiles([{ name, content }], "default").objects;
    const service = (name: string) => `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\n`;
    const written = read("f.yaml", service("a"));
    const held = read("held.yaml", `${service("a")}---\n${service("b")}`);
    const names = (objects: readonly SourceObject[]) =>
      objects.map(({ origin, spans }) => [origin.name, spans?.("")?.file]);
    expect(names(onTop(written, held))).toEqual([
      ["a", "f.yaml"],
      ["b", "held.yaml"],
    ]);
  });
});
