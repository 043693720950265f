import { expect, test } from "bun:test";
import { fieldDifferences } from "./field-difference.ts";

const between = (before: unknown, after: unknown) => fieldDifferences(JSON.stringify(before), JSON.stringify(after));

test.each([
  [{ a: 1 }, { a: 1 }, []],
  [{ route: { timeout: "0s" } }, { route: { timeout: "1s" } }, ['route.timeout: "0s" → "1s"']],
  [
    {},
    { filters: { "envoy.filters.http.fault": { abort: 1 } } },
    ['filters: none → {"envoy.filters.http.fault":{"abort":1}}'],
  ],
  [{ f: { "a.b": 1 } }, { f: { "a.b": 2, c: 3 } }, ['f["a.b"]: 1 → 2', "f.c: none → 3"]],
  [{ l: [{ w: 1 }, { w: 2 }] }, { l: [{ w: 1 }, { w: 3 }] }, ["l[1].w: 2 → 3"]],
  [{ l: [1] }, { l: [1, 2] }, ["l: [1] → [1,2]"]],
  [{ a: null }, { a: {} }, ["a: null → {}"]],
])("%j and %j", (before, after, expected) => {
  expect(between(before, after)).toEqual(expected);
});

test("of many some are told, and of long values the beginning", () => {
  const all = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`f${i}`, i]));
  expect(between({}, all)).toEqual([...[0, 1, 2, 3, 4].map((i) => `f${i}: none → ${i}`), "and 4 fields more"]);
  expect(between({}, { a: "x".repeat(500) })[0]!.length).toBeLessThan(120);
});

test("what is no object has no fields", () => {
  expect(between([1], [2])).toEqual([]);
  expect(fieldDifferences("null", "{}")).toEqual([]);
  expect(fieldDifferences("", "{}")).toEqual([]);
});
