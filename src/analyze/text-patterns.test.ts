import { expect, test } from "bun:test";
import fc from "fast-check";
import { TextPatterns } from "./text-patterns.ts";

const text = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 4 });
const pattern = fc.oneof(
  text,
  text.map((each) => `*${each}`),
  text.map((each) => `${each}*`),
);

function fitsOne(texts: readonly string[], wanted: string): boolean {
  if (wanted.startsWith("*")) return texts.some((each) => each.endsWith(wanted.slice(1)));
  if (wanted.endsWith("*")) return texts.some((each) => each.startsWith(wanted.slice(0, -1)));
  return texts.includes(wanted);
}

test("says what holding the pattern against each text says", () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), pattern, (texts, wanted) => {
      expect(new TextPatterns(texts).fits(wanted)).toBe(fitsOne(texts, wanted));
    }),
    { numRuns: 2_000 },
  );
});

test("of many texts a pattern looks at few", () => {
  const patterns = new TextPatterns(Array.from({ length: 100_000 }, (_, i) => `namespace-${i}`));
  const fitting = Array.from({ length: 100_000 }, (_, i) => `*-${i}x`).filter((each) => patterns.fits(each));
  expect(fitting).toEqual([]);
});
