// From the parts that dialects contribute to a list of a mesh: the first of each key, sorted by key, with the objects of before where they say
// the same. A list of which few parts changed is corrected instead of made anew.

import { correctedList, type ListDifference, listDifference } from "../base/corrected-list.ts";
import { sameContent, sameItems } from "./equality.ts";
import { compareText } from "./origin.ts";

type KeyOf<T> = (thing: T) => string;

/** Parts that came and went beyond which a list is made anew. */
const MANY = 500;

/** What lists of meshes were made of last. */
const madeOf = new WeakMap<readonly unknown[], readonly unknown[]>();

/** The very list of `before` when all of it is the same. Of parts with one key the first in `order` counts, or the first of all. */
export function settled<T>(
  before: readonly T[] | undefined,
  parts: readonly T[],
  keyOf: KeyOf<T>,
  order?: (a: T, b: T) => number,
): readonly T[] {
  const list =
    (before && corrected(before, parts, keyOf)) ??
    kept(before, distinct(order ? [...parts].sort(order) : parts, keyOf), keyOf);
  madeOf.set(list, parts);
  return list;
}

/** Undefined where keys are not distinct, or much is different. */
function corrected<T>(before: readonly T[], parts: readonly T[], keyOf: KeyOf<T>): readonly T[] | undefined {
  const last = madeOf.get(before) as readonly T[] | undefined;
  if (last?.length !== before.length) return undefined;
  const { gone, come } = listDifference(last, parts);
  if (gone.length + come.length > MANY) return undefined;
  const keys = come.map(keyOf);
  const replaces = parts.length === last.length && gone.every((part, i) => keyOf(part) === keys[i]);
  return replaces ? withReplaced(before, come, keyOf) : withDifference(before, { gone, come }, keyOf);
}

function withReplaced<T>(before: readonly T[], come: readonly T[], keyOf: KeyOf<T>): readonly T[] {
  const changed: [number, T][] = [];
  for (const part of come) {
    const at = placeOf(before, keyOf(part), keyOf);
    if (!sameContent(before[at], part)) changed.push([at, part]);
  }
  return correctedList(before, changed);
}

/** Undefined where two parts have one key. */
function withDifference<T>(
  before: readonly T[],
  { gone, come }: ListDifference<T>,
  keyOf: KeyOf<T>,
): readonly T[] | undefined {
  const list = before.slice();
  const old = new Map<string, T>();
  for (const part of gone) {
    const key = keyOf(part);
    old.set(key, list.splice(placeOf(list, key, keyOf), 1)[0]!);
  }
  for (const part of come) {
    const key = keyOf(part);
    const at = placeOf(list, key, keyOf);
    if (at < list.length && keyOf(list[at]!) === key) return undefined;
    const known = old.get(key);
    list.splice(at, 0, known !== undefined && sameContent(known, part) ? known : part);
  }
  return sameItems(before, list) ? before : list;
}

/** Of a key that is there; of another, where it would stand. */
function placeOf<T>(sorted: readonly T[], key: string, keyOf: KeyOf<T>): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareText(keyOf(sorted[middle]!), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** With the objects of before where they say the same, and the very list of before when they all do. Both are sorted by key. */
function kept<T>(before: readonly T[] | undefined, now: readonly T[], keyOf: KeyOf<T>): readonly T[] {
  if (!before) return now;
  let known: ReadonlyMap<string, T> | undefined;
  const things = now.map((thing, i) => {
    if (before[i] === thing) return thing;
    known ??= new Map(before.map((old) => [keyOf(old), old]));
    const old = known.get(keyOf(thing));
    return old !== undefined && sameContent(old, thing) ? old : thing;
  });
  return sameItems(before, things) ? before : things;
}

/** The first of each key, sorted by key. */
function distinct<T>(things: readonly T[], keyOf: KeyOf<T>): readonly T[] {
  const byKey = new Map<string, T>();
  for (const thing of things) {
    const key = keyOf(thing);
    if (!byKey.has(key)) byKey.set(key, thing);
  }
  return [...byKey].sort(([a], [b]) => compareText(a, b)).map(([, thing]) => thing);
}
