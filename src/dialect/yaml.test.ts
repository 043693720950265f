// YAML as Kubernetes reads it, within bounds, with places; and hostile text.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { renderDiagnostic, renderPlace } from "../base/diagnostic.ts";
import { READ_LIMITS } from "./limits.ts";
import { readYaml } from "./yaml.ts";

function values(content: string | Uint8Array): readonly unknown[] {
  const { documents, diagnostics } = readYaml("f.yaml", content);
  expect(diagnostics).toEqual([]);
  return documents.map((document) => document.value);
}

function codes(content: string | Uint8Array, limits = READ_LIMITS): readonly string[] {
  return readYaml("f.yaml", content, limits).diagnostics.map((diagnostic) => diagnostic.code);
}

describe("documents", () => {
  test("are cut at markers, empty ones and comments left out", () => {
    expect(values("a: 1\n---\n# nothing\n---\n\n--- {b: 2}\n...\nc: 3\n")).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
  });

  test("a marker ends a document even inside a block scalar, dashes further in do not", () => {
    expect(values("a: |\n  ---\n  x\n---\nb: ----\n")).toEqual([{ a: "---\nx\n" }, { b: "----" }]);
  });

  test("directives and comments before a marker belong to the document after it", () => {
    expect(values("%YAML 1.1\n# c\n---\na: yes\n")).toEqual([{ a: true }]);
  });

  test("JSON and Windows line ends are fine", () => {
    expect(values('{"a": [1, true, null, "x"]}')).toEqual([{ a: [1, true, null, "x"] }]);
    expect(values("a: 1\r\n---\r\nb: 2\r\n")).toEqual([{ a: 1 }, { b: 2 }]);
  });

  test("a mistake in one costs nothing to the others", () => {
    const { documents, diagnostics } = readYaml("f.yaml", "a: 1\n---\nb: [\n---\nc: 3\n");
    expect(documents.map((document) => document.value)).toEqual([{ a: 1 }, { c: 3 }]);
    expect(diagnostics.map((diagnostic) => diagnostic.span?.line)).toEqual([3]);
  });
});

describe("scalars are read as Kubernetes reads them", () => {
  test("YAML 1.1's booleans and octal numbers", () => {
    expect(values("a: yes\nb: Off\nc: y\nd: 0644\ne: 0x1F\nf: ~\ng: 1_000")).toEqual([
      { a: true, b: false, c: true, d: 0o644, e: 31, f: null, g: 1000 },
    ]);
  });

  test("a number has a digit before its exponent: what has none is a word", () => {
    // go-yaml's resolve.go: yamlStyleFloat.
    const isNumber = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
    const letters = [..."+-.e1"];
    const longer = (words: readonly string[]) => words.flatMap((word) => letters.map((letter) => word + letter));
    const [two, three] = [longer(letters), longer(longer(letters))];
    const words = [...letters, ...two, ...three, ...longer(three)];
    for (const word of words.filter((each) => !/-$|^\.\.\./.test(each))) {
      const [read] = values(`a: [x, ${word}]`) as readonly { readonly a: readonly unknown[] }[];
      expect({ word, isNumber: typeof read?.a[1] === "number" }).toEqual({
        word,
        isNumber: isNumber.test(word),
      });
    }
    expect(values("exportTo:\n- .\nversion: e1")).toEqual([{ exportTo: ["."], version: "e1" }]);
  });

  test("no base 60, and timestamps as strings", () => {
    expect(values("a: 12:30:45\nb: 2026-01-02\nc: 2026-01-02T03:04:05Z")).toEqual([
      { a: "12:30:45", b: "2026-01-02", c: "2026-01-02T03:04:05Z" },
    ]);
  });

  test("keys are strings, merge keys merge", () => {
    expect(values("a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n8080: z\ntrue: t")).toEqual([
      { a: { x: 1 }, b: { x: 1, y: 2 }, "8080": "z", true: "t" },
    ]);
  });

  test("of merged maps the first that has a field counts, and what is written beats them all", () => {
    expect(values("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}")).toEqual([
      { a: { x: 1, y: 1 }, b: { y: 2, z: 2 }, c: { x: 1, y: 1, z: 3 } },
    ]);
    expect(codes("a: {<<: 1}")).toEqual(["HED1011"]);
  });

  test("__proto__ is a key like any other", () => {
    const [value] = values('{"__proto__": {"polluted": 1}}') as [object];
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect("polluted" in value).toBe(false);
  });

  test("each key that stands twice is named", () => {
    const found = readYaml("f.yaml", "a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}").diagnostics;
    expect(found.map(({ code, span }) => [code, span?.line, span?.column])).toEqual([
      ["HED1007", 3, 1],
      ["HED1007", 4, 11],
    ]);
  });

  test("tags without a form in JSON are refused", () => {
    expect(codes("a: !!binary aGk=")).toEqual(["HED1006"]);
    expect(codes("a: !!set {x}")).toEqual(["HED1006"]);
    expect(codes("a: !Ref x")).toEqual(["HED1006"]);
  });
});

describe("encodings", () => {
  const text = "name: Grüße\n";
  const utf16 = (bigEndian: boolean, mark: boolean): Uint8Array => {
    const bytes = Buffer.from(`${mark ? "\uFEFF" : ""}${text}`, "utf16le");
    return bigEndian ? bytes.swap16() : bytes;
  };

  test("UTF-8 with and without a mark, UTF-16 in both orders with and without one", () => {
    const forms = [
      Buffer.from(text),
      Buffer.from(`\uFEFF${text}`),
      utf16(false, true),
      utf16(true, true),
      utf16(false, false),
      utf16(true, false),
    ];
    for (const bytes of forms) expect(values(bytes)).toEqual([{ name: "Grüße" }]);
    expect(values(`\uFEFF${text}`)).toEqual([{ name: "Grüße" }]);
  });

  test("what is wrong is told where it stands", () => {
    const place = (content: Uint8Array) => {
      const [found] = readYaml("f.yaml", content).diagnostics;
      return `${found?.code} ${found?.span?.line}:${found?.span?.column}`;
    };
    expect(place(Buffer.from("kind: A\nname: Grüße\n", "latin1"))).toBe("HED1003 2:9");
    expect(place(Buffer.concat([Buffer.from("# ü\n"), Buffer.from([0xc3])]))).toBe("HED1003 2:1");
    expect(place(Buffer.concat([Buffer.from("\ufeffa: 1\n", "utf16le"), Buffer.from([1])]))).toBe("HED1003 2:1");
    expect(place(Buffer.from(`a: 1\n---\nb: ${"x".repeat(100_000)}\u0007\n`))).toBe("HED1620 3:100004");
  });

  test("characters that nobody sees are refused where they stand, and not sent to the terminal", () => {
    for (const [text, line, column] of [
      ["a: x\0y\n", 1, 5],
      ['# c\na: "\u001b[31m"\n', 2, 5],
      ["a: 1\nb: \u007f\n", 2, 4],
      ["---\na: 1\n---\n\ufeffb: 1\n", 4, 1],
      ["a: \ud800\n", 1, 4],
    ] as const) {
      const [found] = readYaml("f.yaml", text).diagnostics;
      expect(found).toMatchObject({ code: "HED1620", span: { line, column } });
      expect(renderDiagnostic(found!).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    }
    expect(values("a: [😀, é, \u0085]\n")).toEqual([{ a: ["😀", "é", "\u0085"] }]);
    expect(values('a: "\\u0007"\n')).toEqual([{ a: "\u0007" }]);
  });

  test("a carriage return alone ends a line, too", () => {
    const { documents, diagnostics } = readYaml("f.yaml", "a: 1\rb:\r- 2\r---\rc: 3\r");
    expect(diagnostics).toEqual([]);
    expect(documents.map(({ value }) => value)).toEqual([{ a: 1, b: [2] }, { c: 3 }]);
    expect(documents[1]!.spans("c")).toMatchObject({ line: 5, column: 4 });
  });

  test("anything else is named", () => {
    expect(codes(Buffer.from("name: Grüße", "latin1"))).toEqual(["HED1003"]);
    expect(codes(new Uint8Array([0xff, 0xfe, 0x61]))).toEqual(["HED1003"]);
  });
});

describe("numbers", () => {
  test("what JSON has no place for is refused, with what was written", () => {
    for (const written of [
      "9007199254740993",
      "-9007199254740993",
      "0x7fffffffffffffff",
      "1_000_000_000_000_000_000_000",
      "1e400",
      ".inf",
      "-.INF",
      ".nan",
    ]) {
      const [found, ...others] = readYaml("f.yaml", `a: 1\nb: {c: [${written}]}\n`).diagnostics;
      expect(others).toEqual([]);
      expect(found).toMatchObject({ code: "HED1621", span: { line: 2, column: 9 } });
      expect(found?.message).toContain(written);
    }
    expect(codes('{"a": 9007199254740993}')).toEqual(["HED1621"]);
    expect(codes('{"a": 1e999}')).toEqual(["HED1621"]);
  });

  test("others are kept", () => {
    expect(values("a: 9007199254740991\nb: 1e20\nc: 0.1\nd: '9007199254740993'\n")).toEqual([
      { a: 9007199254740991, b: 1e20, c: 0.1, d: "9007199254740993" },
    ]);
  });
});

describe("limits", () => {
  test("of what only the library can read: plain documents and JSON do not count", () => {
    const few = { ...READ_LIMITS, slowTokens: 15 };
    const plain = `---\na: ${"x".repeat(50)}\n`.repeat(10);
    expect(codes(plain, few)).toEqual([]);
    expect(codes(`---\n{"a": "${"x".repeat(50)}"}\n`.repeat(10), few)).toEqual([]);
    const found = readYaml("f.yaml", `${plain}${`---\na: >\n  ${"x".repeat(50)}\n`.repeat(4)}`, few);
    expect(found.documents.length).toBe(11);
    expect(found.diagnostics.map(({ code, span }) => `${code} ${span?.line}`)).toEqual(["HED1624 24"]);
  });

  test("of values without an alias the document is too large, with aliases they are to blame", () => {
    const few = { ...READ_LIMITS, values: 10 };
    expect(codes(`a: [${"+1,".repeat(20)}]`, few)).toEqual(["HED1622"]);
    expect(codes("a: &a [1, 2, 3]\nb: [*a, *a, *a]", few)).toEqual(["HED1005"]);
  });

  test("of compact lists over many lines, that the parser's stack would not hold", () => {
    const lines = Array.from({ length: 120 }, (_, i) => `${" ".repeat(i * 198)}${"- ".repeat(99)}`).join("\n");
    expect(codes(lines)).toEqual(["HED1004"]);
  });

  test("brackets in a text are not nesting", () => {
    expect(values(`a: "${"[".repeat(4_000)}"\n`)).toEqual([{ a: "[".repeat(4_000) }]);
  });

  test("of bytes, documents and characters", () => {
    expect(codes("a: 1\n", { ...READ_LIMITS, bytes: 4 })).toEqual(["HED1001"]);
    expect(codes("---\na: 1\n".repeat(4), { ...READ_LIMITS, documents: 3 })).toEqual(["HED1002"]);
    expect(codes("---\na: 1\n".repeat(3), { ...READ_LIMITS, documents: 3 })).toEqual([]);
    expect(codes("a: 1\n---\nb: 22222\n", { ...READ_LIMITS, documentCharacters: 10 })).toEqual(["HED1009"]);
  });

  test("of depth, in every form that nests", () => {
    const deep = 200_000;
    for (const text of [
      "[".repeat(deep),
      "{a: ".repeat(deep),
      "- ".repeat(deep),
      "? ".repeat(deep),
      "[".repeat(deep) + "]".repeat(deep),
    ]) {
      expect(codes(`a:\n  ${text}`)).toEqual(["HED1004"]);
    }
    expect(codes(`${"[".repeat(100)}${"]".repeat(100)}`)).toEqual(["HED1004"]);
    const steps = Array.from({ length: 100 }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
    expect(codes(steps)).toEqual(["HED1004"]);
    expect(codes(`${"[".repeat(60)}${"]".repeat(60)}`)).toEqual([]);
  });

  test("of aliases: ten lines that make a billion values, and one that holds itself", () => {
    const bomb = Array.from(
      { length: 10 },
      (_, i) =>
        `a${i}: &a${i} [${Array(9)
          .fill(i === 0 ? "x" : `*a${i - 1}`)
          .join(", ")}]`,
    ).join("\n");
    expect(codes(bomb)).toEqual(["HED1005"]);
    expect(codes("a: &a [*a]")).toEqual(["HED1010"]);
    expect(codes("a: *nowhere")).toEqual(["HED1010"]);
    const deep = `a: &a ${"[".repeat(40)}${"]".repeat(40)}\nb: ${"[".repeat(40)}*a${"]".repeat(40)}`;
    expect(codes(deep)).toEqual(["HED1004"]);
  });
});

describe("places", () => {
  const text = `# a comment
kind: A
---
metadata:
  labels: {"app.kubernetes.io/name": web}
spec:
  http:
  - name: first
  - name: second   # here
    long: >
      two
      lines
`;
  const spans = readYaml("f.yaml", text).documents[1]!.spans;

  test("of a value, a name, a list's item, a key with dots", () => {
    expect(spans("spec.http[1].name")).toEqual({
      file: "f.yaml",
      line: 9,
      column: 11,
      length: 6,
      text: "  - name: second   # here",
    });
    expect(spans("spec.http[1].name", "name")).toMatchObject({ line: 9, column: 5, length: 4 });
    expect(spans("spec.http[0]")).toMatchObject({ line: 8, column: 5 });
    expect(spans('metadata.labels["app.kubernetes.io/name"]')).toMatchObject({ line: 5, column: 38, length: 3 });
  });

  test("of a map the name it stands under, of what is not there the nearest above", () => {
    expect(spans("metadata.labels")).toMatchObject({ line: 5, column: 3, length: 6 });
    expect(spans("spec.http[1].route[0].weight")).toMatchObject({ line: 9, column: 5 });
    expect(spans("spec.nothing.at.all")).toMatchObject({ line: 6, column: 1, length: 4 });
    expect(spans("")).toMatchObject({ line: 4, column: 1 });
  });

  test("of a value over several lines its first, of a value by an alias the alias's target", () => {
    expect(spans("spec.http[1].long")).toMatchObject({ line: 10, column: 11 });
    const aliased = readYaml("f.yaml", "a: &a\n  x: 1\nb: *a\n").documents[0]!.spans;
    expect(aliased("b.x")).toMatchObject({ line: 2, column: 6 });
  });

  test("of a very long line what stands around the place is shown", () => {
    const json = `{"a": "${"x".repeat(1000)}", "b": 1}`;
    const found = readYaml("f.json", json).documents[0]!.spans;
    const shown = `…${json.slice(955)}`;
    expect(found("b")).toMatchObject({ line: 1, column: 1016, skipped: 955, text: shown });
    expect(renderPlace({ code: "", severity: "error", message: "", span: found("b")! })).toEqual([
      `  1 | ${shown}`,
      `    | ${" ".repeat(shown.length - 2)}^`,
    ]);
    expect(found("a", "name")!.text.length).toBeLessThan(420);
  });
});

test("what yaml writes is read back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 4 })), { maxLength: 3 }),
      (objects) => {
        // JSON has no negative zero, and YAML's is not told apart here either.
        const plain = JSON.parse(JSON.stringify(objects)) as unknown[];
        const text = plain.map((object) => `---\n${stringify(object, { version: "1.1" })}`).join("");
        // The library writes a key of this name without quotes, and it is a merge then.
        fc.pre(!text.includes("<<"));
        // Integers beyond 2^53 are refused.
        fc.pre(!/\d{16}/.test(text));
        expect(values(text)).toEqual(plain.map((object) => object));
      },
    ),
    { numRuns: 100 },
  );
});

test("any text at all is read or refused, never thrown at", () => {
  const pieces = fc.constantFrom(
    "a",
    ": ",
    "- ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "&a ",
    "*a",
    "|",
    ">",
    "#",
    "---\n",
    "...\n",
    "%",
    "? ",
    "!t ",
    "<<: ",
    "\t",
    "\u0000",
    "é",
    ",",
    "1",
    "~",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join("")),
        fc.string({ unit: "binary" }),
      ),
      (text) => {
        for (const document of readYaml("f.yaml", text).documents) document.spans("a.b[0]");
      },
    ),
    { numRuns: 600 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      readYaml("f.yaml", bytes);
    }),
    { numRuns: 300 },
  );
});

test("merges of a large map, again and again, are refused before they cost what they expand to", () => {
  const large = `a: &a {${Array.from({ length: 9_000 }, (_, i) => `k${i}: 1`).join(",")}}`;
  const lists = readYaml("a.yaml", `${large}\nb: {<<: [${Array.from({ length: 50_000 }, () => "*a").join(",")}]}`);
  const maps = readYaml("a.yaml", `${large}\n${Array.from({ length: 5_000 }, (_, i) => `b${i}: {<<: *a}`).join("\n")}`);
  for (const { documents, diagnostics } of [lists, maps]) {
    expect(documents).toEqual([]);
    expect(diagnostics.map(({ code }) => code)).toEqual(["HED1005"]);
  }
}, 60_000); // 450 million fields would take minutes
