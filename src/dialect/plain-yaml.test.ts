// What the quick reader takes it must read as the library does: whatever it leaves alone is the library's, and costs time alone.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parseDocument, stringify } from "yaml";
import { READ_LIMITS } from "./limits.ts";
import { readPlainYaml } from "./plain-yaml.ts";
import { valueOfTree } from "./tree.ts";
import { parseYaml } from "./yaml.ts";

/** By the library alone: undefined when it finds anything wrong. */
function byLibrary(text: string): unknown {
  const document = parseYaml(text);
  if (document.errors.length + document.warnings.length > 0) return undefined;
  const read = valueOfTree(document, READ_LIMITS);
  return read.kind === "value" ? read.value : undefined;
}

/** As the suites of test/fuzz have it. */
function runs(usual: number): number {
  return Math.ceil(usual * Number(process.env.FUZZ_FACTOR ?? 1));
}

function agrees(text: string): boolean {
  const plain = readPlainYaml(text, READ_LIMITS.depth);
  if (plain) expect({ text, value: plain.value }).toEqual({ text, value: byLibrary(text) });
  return plain !== undefined;
}

describe("plain documents are read as the library reads them", () => {
  test("what people write", () => {
    for (const text of [
      "a: 1\n",
      "---\na: b\n",
      "# c\n---\n# d\na:\n  b: c\n  d:\n  - e\n  - f: g\n    h: i\n  -\n    j: k\nl:\n",
      "a:\n- b\n- - c\n  - d\n-   e: 1\n    f: 2\ng: x\n",
      "a: |\n  b\n    c\n\n  d\n\n\ne: |-\n  f\n",
      "a: \"b c\"\n'd': 'e: f'\n\"g h\": {}\ni: []\n",
      "a: 5s\nb: 10.0.0.1\nc: 10.0.0.0/8\nd: -5\ne: 0\nf: 250ms\ng: 50%\nh: http://a:80/b\ni: spiffe://a/b\nj: Hello, you {there}\n",
      'a: {b: c, d: [1, e f, \'g, h\'], "i": {}, j: [ ]}\nk: ["*"]\nl: { m: 5s , n: true }\n',
      "a:\n- {name: http, port: 80, targetPort: http-web}\n",
      "a: b # c\nd: # e\n- f # g\n- # h\n  i: j\nk: | # l\n  m # n\n",
      "exportTo:\n- .\nversion: e1\n",
      "a: 1.5\nb: -0.25\nc: 1.10\n",
      "a: true\nb: false\nc: some words - and more\nd: 01234567-89ab-cdef-0123-456789abcdef\n",
      "a:\n    b: 1\n    c:\n        d: 2\n",
      "- a\n- b: c\n  d: e\n- - f\n",
      "---\n# g\n  - a\n  -\n    b: c\n",
    ])
      expect([text, agrees(text)]).toEqual([text, true]);
  });

  test("what it leaves to the library", () => {
    for (const text of [
      "a: yes\n",
      "a: &x 1\n",
      "a: 0644\n",
      "a: 1e3\n",
      "a: {b: *c}\n",
      "a: [b, ]\n",
      "a: {b: c, b: d}\n",
      "a: {b: c}}\n",
      "a: [b\n",
      "a: {b: yes}\n",
      "a: [{b}]\n",
      "a: >\n  b\n",
      "a: b\n  c\n",
      "a: 'b' # c\n",
      "a: 1.\n",
      "a: 1\na: 2\n",
      "a:\n  b: 1\n c: 2\n",
      "a: !x b\n",
      "a: 'it''s'\n",
      'a: "b\\n"\n',
      "a:\tb\n",
      "a: b: c\n",
      "<<: a\n",
      "a: 9007199254740993\n",
      "a\n",
      "",
    ])
      expect([text, agrees(text)]).toEqual([text, false]);
  });

  const word = fc.oneof(
    fc.stringMatching(/^[\w ./:#,'"{}[\]|>&*!%@`?~-]{0,12}$/),
    fc.constantFrom(
      "yes",
      "null",
      "~",
      "0x1F",
      "1.0",
      "1e3",
      "012",
      "5s",
      "- a",
      "a: b",
      "a #b",
      "12:30:45",
      "2026-01-02",
      "=",
      "<<",
    ),
  );
  const value = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4, depthIdentifier: "plain" },
      word,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.stringMatching(/^[a-z \n#-]{0,20}$/),
      fc.array(tie("any"), { maxLength: 3, depthIdentifier: "plain" }),
      fc.dictionary(fc.oneof(fc.stringMatching(/^[a-zA-Z0-9./-]{1,6}$/), word), tie("any"), {
        maxKeys: 4,
        depthIdentifier: "plain",
      }),
    ),
  })).any;

  test("whatever is written by a program", () => {
    let taken = 0;
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), value, { maxKeys: 4 }),
        fc.constantFrom(2, 4),
        fc.boolean(),
        (object, indent, indentSeq) => {
          for (const collectionStyle of ["any", "flow"] as const)
            taken += Number(
              agrees(
                collectionStyle === "any"
                  ? stringify(object, { version: "1.1", indent, indentSeq, lineWidth: 0 })
                  : `a: ${stringify(object, { version: "1.1", collectionStyle, lineWidth: 0, flowCollectionPadding: indentSeq }).replaceAll("\n", " ").trim()}\n`,
              ),
            );
        },
      ),
      { numRuns: runs(1_500) },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test("whatever lines there are", () => {
    const line = fc
      .tuple(
        fc.constantFrom(0, 0, 2, 2, 2, 4, 4, 1, 3, 6),
        fc.constantFrom(
          "a: b",
          "a:",
          "b:",
          "c:",
          "- a",
          "-",
          "- a: b",
          "- - c",
          "# x",
          "",
          "|",
          "d: |",
          "e: |-",
          "text",
          "f: 1",
          "g: b: c",
          "h: b  ",
          "---",
          "'k': v",
          "- d: |",
          "-  x: y",
          "i: x #y",
          "i: # y",
          "d: | # y",
          "p: 1.50",
          "j : z",
          "k: {l: m, n: [o, 1]}",
          "p: [",
          "- [q, {r: s}]",
          "t: {u}",
          "v: {w: x: y}",
        ),
        fc.nat(2),
      )
      .map(([indent, text, trailing]) => `${" ".repeat(indent)}${text}${" ".repeat(trailing)}`);
    let taken = 0;
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), fc.boolean(), (lines, isEnded) => {
        const text = `${lines.join("\n")}${isEnded ? "\n" : ""}`;
        taken += Number(agrees(`z:\n${text}`));
        agrees(`- ${text}`);
      }),
      { numRuns: runs(6_000) },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test("the examples, most of them quickly", () => {
    const folder = join(import.meta.dir, "../../examples/golden-signal");
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".yaml")))
      agrees(readFileSync(join(folder, name), "utf8"));
  });
});

test("nesting is the library's to refuse", () => {
  const nested = Array.from({ length: 70 }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
  expect(readPlainYaml(nested, 64)).toBeUndefined();
  expect(readPlainYaml(`a:\n${"- ".repeat(100)}b\n`, 64)).toBeUndefined();
  expect(parseDocument(nested).errors).toEqual([]);
});
