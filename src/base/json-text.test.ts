import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_DEPTH, parseJsonText } from "./json-text.ts";

function messageOf(text: string): string {
  const parsed = parseJsonText(text);
  return parsed.kind === "error" ? parsed.message : "accepted";
}

function duplicatesOf(text: string): readonly string[] {
  const parsed = parseJsonText(text);
  return parsed.kind === "ok" ? parsed.duplicates : [parsed.message];
}

describe("JSON from strangers", () => {
  test("whatever JSON.stringify writes is read back, except fields named __proto__ and numbers that cannot be kept", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const parsed = parseJsonText(text);
        if (parsed.kind === "error") return /__proto__|cannot be kept/.test(parsed.message);
        return JSON.stringify(parsed.value) === text;
      }),
      { numRuns: 500 },
    );
  });

  test("any bytes are accepted exactly when JSON.parse accepts them, and never throw", () => {
    const pieces = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      '"',
      "\\",
      ":",
      ",",
      "a",
      "1",
      "-",
      "e",
      ".",
      " ",
      "null",
      '"k":',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parts.join("");
        const parsed = parseJsonText(text);
        let accepted = true;
        try {
          JSON.parse(text);
        } catch {
          accepted = false;
        }
        return (parsed.kind === "ok") === accepted;
      }),
      { numRuns: 3_000 },
    );
  });

  test("nesting is bounded before anything recurses", () => {
    expect(messageOf("[".repeat(MAX_DEPTH) + "]".repeat(MAX_DEPTH))).toBe("accepted");
    expect(messageOf("[".repeat(MAX_DEPTH + 1) + "]".repeat(MAX_DEPTH + 1))).toContain("nested too deeply");
    expect(messageOf('{"a":'.repeat(1_000_000))).toContain("nested too deeply");
    expect(messageOf(JSON.stringify({ text: "[".repeat(5_000) }))).toBe("accepted");
  });

  test("a field that is written twice is reported by its path, also when spelled with escapes", () => {
    expect(duplicatesOf('{"a":{"b":[{"c":1,"c":2}]},"a":1}')).toEqual(["a.b[0].c", "a"]);
    expect(duplicatesOf('{"a":1,"\\u0061":2}')).toEqual(["a"]);
    expect(duplicatesOf('{"a":"b","b":"a","c":["a","a"]}')).toEqual([]);
    expect(duplicatesOf('{"a\\\\":1,"a\\\\":2,"x":"\\\\"}')).toEqual(["a\\"]);
  });

  test("an integer that a double would round is refused by its path", () => {
    expect(messageOf('{"spec":{"n":[1,9007199254740993]}}')).toContain(
      "spec.n[1]: integer 9007199254740993 cannot be kept",
    );
    expect(messageOf('{"a":-9007199254740991,"b":0.12345678901234567,"c":"12345678901234567890"}')).toBe("accepted");
  });

  test("a field named __proto__ is refused", () => {
    expect(messageOf('{"data":{"__proto__":"x"}}')).toContain('data.__proto__: a field named "__proto__"');
    expect(messageOf('{"data":{"\\u005f_proto__":"x"}}')).toContain("__proto__");
  });
});
