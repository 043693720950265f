import { expect, test } from "bun:test";
import { renderPlace, type SourceSpan } from "./diagnostic.ts";
import { textWidth } from "./text-width.ts";

test.each([
  ["", 0],
  ["web", 3],
  ["網格", 4],
  ["ｗｅｂ", 6],
  ["한글", 4],
  ["é", 1],
  ["e\u0301a\u0308", 2],
  ["🎉", 2],
  ["👩‍👩‍👧", 2],
  ["❤️", 2],
  ["we\u200bb", 3],
  ["→…", 2],
])("%p has %p columns", (text, width) => {
  expect(textWidth(text)).toBe(width);
  expect(Bun.stringWidth(text)).toBe(width);
});

function marks(text: string, part: string): string {
  const span: SourceSpan = { file: "f", line: 7, column: text.indexOf(part) + 1, length: part.length, text };
  return renderPlace({ code: "", severity: "error", message: "", span })[1]!;
}

test("marks stand below what they mean, whatever is before it and in it", () => {
  expect(marks("{name: '網格', host: web}", "host")).toBe(`    | ${" ".repeat(15)}^^^^`);
  expect(marks("{name: '👩‍👩‍👧🎉', host: web}", "host")).toBe(`    | ${" ".repeat(15)}^^^^`);
  expect(marks("{name: 'e\u0301', host: web}", "host")).toBe(`    | ${" ".repeat(12)}^^^^`);
  expect(marks("{host: 網格}", "網格")).toBe(`    | ${" ".repeat(7)}^^^^`);
  expect(marks("\thost:\t網 x", "x")).toBe("    | \t     \t   ^");
});
