// Documents that would hold the loop up, and Lists that are larger than any object may be.

import { describe, expect, test } from "bun:test";
import { costOf, tokensOf } from "./library-cost.ts";
import { READ_LIMITS, type ReadLimits } from "./limits.ts";
import { readObjects } from "./object.ts";
import { readYaml } from "./yaml.ts";

function codes(text: string, limits: ReadLimits = READ_LIMITS): readonly string[] {
  return readYaml("f.yaml", text, limits).diagnostics.map(({ code, span }) => `${code} ${span?.line}:${span?.column}`);
}

function filled(unit: string, characters: number): string {
  return unit.repeat(Math.floor(characters / unit.length));
}

const MIB = 1024 * 1024;

describe("what costs the library more than a document may", () => {
  test.each([
    ["a list of words", "- &b c\n", "- a\n"],
    ["a list of nothing", "a: &b\n", "-\n"],
    ["brackets over two lines", "a: [\n ", "a,"],
    ["empty lists", "a: [\n ", "[],"],
    ["empty maps", "a: [\n ", "{},"],
    ["lists in lists", "a: [\n ", `${"[".repeat(50)}a${"]".repeat(50)},`],
    ["words that are keys", "a: {\n ", "a,"],
    ["aliases", "a: &a b\nc: [", "*a,"],
    ["anchors", "a: [", "&a b,"],
    ["tags", "a: [", "!x a,"],
    ["commas", "a: [", ","],
    ["brackets that close nothing", "", "]"],
    ["comments", "a: &b c\n", "#\n"],
    ["maps in a list", "- &a b\n", "- b: c\n"],
  ])("%s", (_, start, unit) => {
    const [told = "", ...more] = codes(start + filled(unit, 3 * MIB - 100));
    expect(more).toEqual([]);
    // Where there is more than is read, and not where the document begins.
    expect(told).toMatch(/^HED1625 \d+:\d+$/);
    expect(told).not.toBe("HED1625 1:1");
  });

  test("the place is where it is too much", () => {
    const few = { ...READ_LIMITS, documentTokens: 12 };
    const text = "a: &b c\nd: e\nf: g\n";
    // The lexer's marks count as well: of the document, and one before each scalar.
    expect(costOf(text, 12)).toEqual({ tokens: 13, end: "a: &b c\nd".length });
    expect(codes(text, few)).toEqual(["HED1625 2:2"]);
    expect(codes(`x: y\n---\n${text}`, few)).toEqual(["HED1625 4:1"]); // with its --- and newline
  });

  test("tokens are counted no further than the limit", () => {
    expect(tokensOf("a: b\n", 100)).toBeLessThan(10);
    expect(tokensOf(filled("a: b\n", MIB), 100)).toBe(101);
    expect(tokensOf("]".repeat(30), 100)).toBeGreaterThan(100);
    expect(tokensOf(`a: |\n${filled('  {"a": [1, {}, "b"]}\n', MIB)}`, 100)).toBeLessThan(10);
  });
});

describe("real documents are read", () => {
  const filter = Array.from(
    { length: 5_000 },
    (_, i) =>
      `  - applyTo: HTTP_FILTER\n    match:\n      context: SIDECAR_OUTBOUND\n      listener:\n        name: "it''s ${i}"\n    patch:\n      operation: MERGE\n      value:\n        name: "a\\t${i}"\n`,
  ).join("");
  const head = (kind: string) => `apiVersion: v1\nkind: ${kind}\nmetadata:\n  name: large\n`;

  test("an EnvoyFilter of 1 MiB that is not plain", () => {
    const text = `${head("EnvoyFilter")}spec:\n  configPatches:\n${filter.slice(0, filter.lastIndexOf("  - applyTo", MIB))}`;
    expect(text.length).toBeGreaterThan(0.75 * MIB);
    expect(readObjects("f.yaml", text)).toMatchObject({ objects: [{}], diagnostics: [] });
  });

  test("a ConfigMap of 1 MiB", () => {
    const text = `${head("ConfigMap")}data:\n  a: |\n${filled('    {"a": [1, {}, "b"], \'c\': d}\n', MIB)}  b: "c\\n"\n`;
    expect(readObjects("f.yaml", text)).toMatchObject({ objects: [{}], diagnostics: [] });
  });

  test("a List of 3,000 objects, one of them not plain", () => {
    const item = (i: number) =>
      `- apiVersion: v1\n  kind: Service\n  metadata:\n    name: a${i}\n    annotations:\n      text: ${i === 7 ? ">-\n        a\n        b" : `"${"x".repeat(700)}"`}\n  spec:\n    ports:\n    - port: 80\n`;
    const text = `apiVersion: v1\nitems:\n${Array.from({ length: 3_000 }, (_, i) => item(i)).join("")}kind: List\nmetadata:\n  resourceVersion: ""\n`;
    const { objects, diagnostics } = readObjects("f.yaml", text);
    expect(diagnostics).toEqual([]);
    expect(objects.length).toBe(3_000);
    expect(objects[7]!.annotations).toEqual({ text: "a b" });
    expect(objects[2_999]!.spans!("spec.ports[0].port")).toMatchObject({
      line: text.split("\n").length - 4,
      column: 13,
      text: "    - port: 80",
    });
  });
});

describe("a List that is larger than a document may be is read object by object", () => {
  const few = { ...READ_LIMITS, documentCharacters: 450 };
  const object = (i: number) => ({ apiVersion: "v1", kind: "Service", metadata: { name: `a${i}` }, spec: { a: [i] } });
  const list = { apiVersion: "v1", items: Array.from({ length: 9 }, (_, i) => object(i)), kind: "List", metadata: {} };
  const yaml = (indent: string) =>
    `apiVersion: v1\nitems:\n${list.items.map(({ metadata }, i) => `${indent}- apiVersion: v1\n${indent}  kind: Service\n# a comment\n\n${indent}  metadata: {name: ${metadata.name}}\n${indent}  spec:\n${indent}    a:\n${indent}    - ${i}\n`).join("")}kind: List\nmetadata: {}\n`;
  const forms: readonly (readonly [string, string])[] = [
    ["YAML, as kubectl writes it", yaml("")],
    ["YAML, indented", `---\n${yaml("  ")}...\n`],
    ["JSON, as kubectl writes it", JSON.stringify(list, undefined, 4)],
    ["JSON in one line", `---\n${JSON.stringify(list)}\n`],
  ];

  test.each(forms)("%s: the same objects in the same places", (_, text) => {
    expect(text.length).toBeGreaterThan(few.documentCharacters);
    const [whole, cut] = [READ_LIMITS, few].map((limits) => readObjects("f.yaml", `a: 1\n---\n${text}`, limits));
    expect(cut!.objects.length).toBe(9);
    expect(cut!.objects.map(({ value }) => value)).toEqual(whole!.objects.map(({ value }) => value));
    for (const path of ["", "kind", "metadata.name", "spec.a[0]", "spec.b"])
      for (const part of ["value", "name"] as const)
        for (const [i, { spans }] of whole!.objects.entries()) {
          const { text: line, skipped: _, ...place } = spans!(path, part)!;
          const { text: shown, skipped: __, ...found } = cut!.objects[i]!.spans!(path, part)!;
          expect({ path, i, ...found }).toEqual({ path, i, ...place });
          // The line before an object in the same line is not kept beside it.
          if (place.column < 200 && !text.includes('[{"')) expect(shown).toBe(line);
        }
  });

  test.each(forms)("%s: one that is too large itself is told where it stands, the others are read", (_, text) => {
    const large = text.replace(/(?<=name"?: ?"?)a5/, `b${"x".repeat(450)}`);
    const { objects, diagnostics } = readObjects("f.yaml", large, few);
    expect(objects.map(({ origin }) => origin.name)).toEqual(["a0", "a1", "a2", "a3", "a4", "a6", "a7", "a8"]);
    expect(diagnostics.map(({ code }) => code)).toEqual(["HED1009"]);
    const { line, column } = diagnostics[0]!.span!;
    const place = large.split("\n")[line - 1]!.slice(column - 1);
    expect(place.trim()).toMatch(/^(?:- apiVersion|\{)/);
    // What comes after has the places that it has.
    const last = objects.at(-1)!.spans!("metadata.name")!;
    expect(large.split("\n")[last.line - 1]!.slice(last.column - 1)).toMatch(/^"?a8/);
  });

  test("a mistake in one costs nothing to the others, with its place", () => {
    const broken = yaml("").replace("{name: a3}", "{name: a3");
    const { objects, diagnostics } = readObjects("f.yaml", broken, few);
    expect(objects.length).toBe(8);
    expect(diagnostics).toEqual([...readYaml("f.yaml", broken).diagnostics]);
    expect(diagnostics.map(({ code, span }) => [code, span?.line])).toEqual([["HED1006", 32]]);
  });

  test("what is no List, or has more objects than a file documents, is refused as a whole", () => {
    const text = yaml("");
    expect(codes(text.replace("kind: List", "kind: Listing"), few)).toEqual(["HED1009 1:1"]);
    expect(codes(text.replace("kind: List", "kind: List\nitems: []"), few)).toEqual(["HED1009 1:1"]);
    expect(codes(text.replace("kind: List", "kind: [List"), few)).toEqual(["HED1009 1:1"]);
    expect(codes(text, { ...few, documents: 8 })).toEqual(["HED1002 1:1"]);
    const json = JSON.stringify(list);
    expect(codes(json.replace('{"apiVersion":"v1","kind":"Service"', 'x{"kind":"Service"'), few)).toEqual([
      "HED1009 1:1",
    ]);
    expect(codes(json.replace('"items"', '"objects"'), few)).toEqual(["HED1009 1:1"]);
    expect(codes(json, { ...few, documents: 8 })).toEqual(["HED1002 1:1"]);
  });
});

test("of what is no object no more is told than anybody reads", () => {
  const few = { ...READ_LIMITS, refusedObjects: 3 };
  expect(readObjects("f.yaml", "--- a\n".repeat(10), few).diagnostics.length).toBe(3);
  expect(readObjects("f.yaml", `kind: List\nitems:\n${"- a\n".repeat(10)}`, few).diagnostics.length).toBe(3);
});

test("places of more than is read for them are those of the first line", () => {
  const text = "---\nkind: A\nname: b\n".repeat(4);
  const { documents } = readYaml("f.yaml", text, { ...READ_LIMITS, placeTokens: 30 });
  const lines = documents.map(({ spans }) => spans("name")?.line);
  expect(lines).toEqual([3, 6, 7, 10]);
  const costly = `kind: A\nname: [${filled("b,", 900)}b]\n`;
  const { documents: both } = readYaml("f.yaml", `${costly}---\nkind: A\nname: b\n`, {
    ...READ_LIMITS,
    documentTokens: 50,
    placeTokens: 200,
  });
  // Found too costly once: what is asked again costs nothing of what is left for others.
  for (let i = 0; i < 10; i++) expect(both[0]!.spans("name")?.line).toBe(1);
  expect(both[1]!.spans("name")?.line).toBe(5);
});
