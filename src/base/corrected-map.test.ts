import { expect, test } from "bun:test";
import fc from "fast-check";
import { corrected, differingKeys } from "./corrected-map.ts";

const key = fc.constantFrom(..."abcdefghij");
const value = fc.option(fc.nat({ max: 3 }), { nil: undefined });
const corrections = fc.array(fc.tuple(key, value), { maxLength: 4 });

function applied(map: ReadonlyMap<string, number>, changes: readonly (readonly [string, number | undefined])[]) {
  const copy = new Map(map);
  for (const [k, v] of changes) {
    if (v === undefined) copy.delete(k);
    else copy.set(k, v);
  }
  return copy;
}

function expectSame(map: ReadonlyMap<string, number>, plain: ReadonlyMap<string, number>): void {
  expect(map.size).toBe(plain.size);
  expect([...map].sort()).toEqual([...plain].sort());
  expect([...map.keys()].sort()).toEqual([...plain.keys()].sort());
  for (const k of "abcdefghij") {
    expect(map.get(k)).toBe(plain.get(k));
    expect(map.has(k)).toBe(plain.has(k));
  }
}

test("a corrected map is a map with the corrections, and two of them differ where plain ones do", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat({ max: 3 }))), fc.array(corrections), (entries, steps) => {
      const maps: ReadonlyMap<string, number>[] = [new Map(entries)];
      const plain: ReadonlyMap<string, number>[] = [new Map(entries)];
      for (const step of steps) {
        maps.push(corrected(maps.at(-1)!, step));
        plain.push(applied(plain.at(-1)!, step));
        expectSame(maps.at(-1)!, plain.at(-1)!);
      }
      for (const [i, before] of maps.entries()) {
        const differing = [..."abcdefghij"].filter((k) => plain[i]!.get(k) !== plain.at(-1)!.get(k));
        expect([...differingKeys(before, maps.at(-1)!)].sort()).toEqual(differing);
      }
    }),
  );
});

test("what is replaced keeps its place, and without a difference the map is the same", () => {
  const map = new Map([..."abcdefghij"].map((k, i) => [k, i] as const));
  const other = corrected(map, [["c", 10]]);
  expect([...other.keys()].join("")).toBe("abcdefghij");
  expect(corrected(other, [["c", 10]])).toBe(other);
  expect(map.get("c")).toBe(2);
});
