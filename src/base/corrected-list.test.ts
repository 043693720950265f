import { expect, test } from "bun:test";
import fc from "fast-check";
import { correctedList, differingPlaces, listDifference, spliceBetween } from "./corrected-list.ts";

const items = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 });

test("a corrected list differs from the one before where a comparison finds it", () => {
  fc.assert(
    fc.property(items, fc.array(fc.tuple(fc.nat(7), fc.integer({ min: 0, max: 3 }))), (list, changes) => {
      const within = changes.map(([place, item]) => [place % list.length, item] as const);
      const made = correctedList(list, within);
      const expected = [...list];
      for (const [place, item] of within) expected[place] = item;
      expect(made).toEqual(expected);
      const places = differingPlaces(list, made);
      // A copy says nothing of where it comes from, so that all of it is compared.
      const compared = differingPlaces(list, [...made]);
      expect(places.filter((place) => list[place] !== made[place])).toEqual([...compared]);
      expect(places).toEqual([...places].sort((a, b) => a - b));
    }),
  );
});

test("nothing else than before is the list of before", () => {
  const list = [1, 2, 3];
  expect(correctedList(list, [[1, 2]])).toBe(list);
  expect(differingPlaces(list, list)).toEqual([]);
});

test("of two corrections the first and the last are compared, too", () => {
  const first = [1, 2, 3];
  const last = correctedList(correctedList(first, [[0, 5]]), [[2, 6]]);
  expect(differingPlaces(first, last)).toEqual([0, 2]);
});

test("with what came in the place of what went, the one list is the other", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(9)), fc.uniqueArray(fc.nat(9)), (one, other) => {
      const [before, now] = [one.sort(), other.sort()];
      const { gone, come } = listDifference(before, now);
      const kept = before.filter((item) => !gone.includes(item));
      expect([...kept, ...come].sort()).toEqual(now);
      expect(listDifference(before, [...before])).toEqual({ gone: [], come: [] });
      const splice = spliceBetween(before, now);
      expect(before.toSpliced(splice.start, splice.gone.length, ...splice.come)).toEqual(now);
    }),
  );
});
