// Differences of texts: what `patch` makes of them is the other text, and they are as short as diff's.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { unifiedDiff } from "./unified-diff.ts";

const text = (...lines: readonly string[]) => lines.join("\n");

/** What the hunks make of the text. */
function patched(before: string, diff: string): string {
  const lines = before === "" ? [] : before.split("\n");
  const made: string[] = [];
  let at = 0;
  for (const line of diff === "" ? [] : diff.split("\n")) {
    const [, start = "", count = ""] = /^@@ -(\d+),(\d+) \+\d+,\d+ @@$/.exec(line) ?? [];
    if (start !== "") {
      const from = Number(start) - (count === "0" ? 0 : 1);
      made.push(...lines.slice(at, from));
      at = from;
    } else if (line.startsWith("+")) made.push(line.slice(1));
    else {
      expect(line.slice(1)).toBe(lines[at]!);
      if (line.startsWith(" ")) made.push(lines[at]!);
      at++;
    }
  }
  return [...made, ...lines.slice(at)].join("\n");
}

/** Length of the longest common part, the plain way. */
function common(a: readonly string[], b: readonly string[]): number {
  const rows = a.map(() => new Array<number>(b.length).fill(0));
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < b.length; j++)
      rows[i]![j] = a[i] === b[j] ? at(i - 1, j - 1) + 1 : Math.max(at(i - 1, j), at(i, j - 1));
  return at(a.length - 1, b.length - 1);
}

describe("a difference", () => {
  test("is none of equal texts", () => expect(unifiedDiff("a\nb", "a\nb")).toBe(""));

  test("has three lines around it", () => {
    const before = text("1", "2", "3", "4", "5", "6", "7", "8");
    expect(unifiedDiff(before, before.replace("5", "five"))).toBe(
      text("@@ -2,7 +2,7 @@", " 2", " 3", " 4", "-5", "+five", " 6", " 7", " 8"),
    );
  });

  test("of what is far apart has hunks of its own", () => {
    const before = text(...Array.from({ length: 30 }, (_, i) => `line ${i}`));
    const diff = unifiedDiff(before, before.replace("line 2\n", "").replace("line 25", "other"));
    expect(diff.split("\n").filter((line) => line.startsWith("@@"))).toEqual(["@@ -1,6 +1,5 @@", "@@ -23,7 +22,7 @@"]);
  });

  test("to nothing, and from it", () => {
    expect(unifiedDiff("a\nb", "")).toBe(text("@@ -1,2 +0,0 @@", "-a", "-b"));
    expect(unifiedDiff("", "a")).toBe(text("@@ -0,0 +1,1 @@", "+a"));
  });

  test("leads from the one to the other, by as few lines as can be", () => {
    const lines = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 14 });
    fc.assert(
      fc.property(lines, lines, (a, b) => {
        const [before, after] = [a.join("\n"), b.join("\n")];
        const diff = unifiedDiff(before, after);
        expect(patched(before, diff)).toBe(after);
        const edits = diff.split("\n").filter((line) => /^[-+]/.test(line)).length;
        expect(edits).toBe(a.length + b.length - 2 * common(a, b));
      }),
      { numRuns: 500 },
    );
  });
});
