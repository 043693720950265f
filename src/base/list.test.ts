import { expect, test } from "bun:test";
import fc from "fast-check";
import { concatenated, correctedList, itemOf, type List, listDifference, listOf, MapOfList } from "./list.ts";

interface Item {
  readonly key: string;
  readonly value: number;
}

const keyOf = ({ key }: Item) => key;
const key = fc.nat({ max: 60 }).map((number) => String(number).padStart(2, "0"));
const item = fc.record({ key, value: fc.nat({ max: 2 }) });
const sorted = fc
  .uniqueArray(item, { selector: keyOf, maxLength: 60 })
  .map((items) => items.sort((a, b) => (a.key < b.key ? -1 : 1)));
const correction = fc.tuple(key, fc.option(fc.nat({ max: 2 }), { nil: undefined, freq: 3 }));
/** Bursts, one after the other. */
const bursts = fc.array(fc.array(correction, { maxLength: 20 }), { minLength: 1, maxLength: 8 });
const held = fc.constantFrom("array", 1, 2, 5, 100);

test("a corrected list is one made anew, and differs from those before by what is other", () => {
  fc.assert(
    fc.property(sorted, held, bursts, (items, how, changes) => {
      const expected = new Map(items.map((each) => [each.key, each]));
      const lists: List<Item>[] = [typeof how === "number" ? listOf(items, how) : items];
      for (const burst of changes) {
        const corrections = burst.map(
          ([of, value]) => [of, value === undefined ? undefined : { key: of, value }] as const,
        );
        for (const [of, now] of corrections)
          if (now) expected.set(of, now);
          else expected.delete(of);
        lists.push(correctedList(lists.at(-1)!, keyOf, corrections));
        const now = lists.at(-1)!;
        const all = [...expected.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
        expect([...now]).toEqual(all);
        expect(now.length).toBe(all.length);
        expect(all.map((_, i) => now.at(i))).toEqual(all);
        expect([now.at(all.length), now.at(-1 - all.length), now.at(-1)]).toEqual([undefined, undefined, all.at(-1)]);
        expect(now.map((each, i) => [each.key, i])).toEqual(all.map((each, i) => [each.key, i]));
        expect(now.filter(({ value }) => value === 1)).toEqual(all.filter(({ value }) => value === 1));
        expect(now.some(({ value }) => value === 1)).toBe(all.some(({ value }) => value === 1));
        expect(now.find(({ value }) => value === 1)).toEqual(all.find(({ value }) => value === 1));
        expect(now.flatMap(({ value }) => [value, value])).toEqual(all.flatMap(({ value }) => [value, value]));
        for (let i = 0; i <= 60; i++) {
          const of = String(i).padStart(2, "0");
          expect(itemOf(now, of, keyOf)).toBe(all.find((each) => each.key === of) as Item);
        }
        expect([...new MapOfList(now, keyOf)]).toEqual([...new Map(all.map((each) => [each.key, each]))]);
        for (const before of lists) {
          const { gone, come } = listDifference(before, now);
          expect(gone).toEqual([...before].filter((each) => !all.includes(each)));
          expect(come).toEqual(all.filter((each) => ![...before].includes(each)));
        }
      }
    }),
  );
});

test("what is not corrected is shared", () => {
  const items = Array.from({ length: 1_000 }, (_, i) => ({ key: String(i).padStart(4, "0"), value: 0 }));
  const list = listOf(items);
  expect(correctedList(list, keyOf, [["0007", items[7]!]])).toBe(list);
  expect(correctedList(list, keyOf, [["nobody", undefined]])).toBe(list);
  expect(listOf(list)).toBe(list);
  expect(listDifference(list, list)).toEqual({ gone: [], come: [] });
});

test("lists one after the other differ by what one of them has other than before", () => {
  const [first, second] = [listOf([{ key: "a", value: 1 }]), listOf([{ key: "b", value: 1 }])];
  const now = { key: "a", value: 2 };
  const [before, after] = [
    concatenated([first, second]),
    concatenated([correctedList(first, keyOf, [["a", now]]), second]),
  ];
  expect([...after]).toEqual([now, ...second]);
  expect(listDifference(before, after)).toEqual({ gone: [...first], come: [now] });
  expect(concatenated([listOf<Item>([]), second])).toBe(second);
  expect([...concatenated<Item>([])]).toEqual([]);
});
