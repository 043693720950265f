// From the parts that dialects contribute to a list of a mesh: the first of each key, sorted by key, with the objects of before where they say
// the same. A list of which few parts changed is corrected instead of made anew.

import { correctedList, itemOf, type KeyOf, type List, listDifference, listOf } from "../base/list.ts";
import { sameContent, sameItems } from "./equality.ts";
import { compareText } from "./origin.ts";

/** Parts that came and went beyond which a list is made anew. */
const MANY = 500;

/** What lists of meshes were made of last. */
const madeOf = new WeakMap<List<unknown>, List<unknown>>();

/** The very list of `before` when all of it is the same. Of parts with one key the first in `order` counts, or the first of all. */
export function settled<T>(
  before: readonly T[] | undefined,
  parts: readonly T[],
  keyOf: KeyOf<T>,
  order?: (a: T, b: T) => number,
): readonly T[] {
  return remembering(
    parts,
    (before && corrected(before, parts, keyOf)) ??
      kept(before, distinct(order ? [...parts].sort(order) : parts, keyOf), keyOf),
  ) as readonly T[];
}

/** The same for what there is very much of. */
export function settledList<T>(before: List<T> | undefined, parts: List<T>, keyOf: KeyOf<T>): List<T> {
  const made = before && corrected(before, parts, keyOf);
  if (made) return remembering(parts, made);
  const last = before && [...before];
  const now = kept(last, distinct(parts, keyOf), keyOf);
  return remembering(parts, before && now === last ? before : listOf(now));
}

function remembering<T>(parts: List<T>, list: List<T>): List<T> {
  madeOf.set(list, parts);
  return list;
}

/** Undefined where keys are not distinct, or much is different. Of an array an array. */
function corrected<T>(before: List<T>, parts: List<T>, keyOf: KeyOf<T>): List<T> | undefined {
  const last = madeOf.get(before) as List<T> | undefined;
  if (last?.length !== before.length) return undefined;
  const { gone, come } = listDifference(last, parts);
  if (gone.length + come.length > MANY) return undefined;
  const corrections = new Map<string, T | undefined>();
  for (const part of gone) corrections.set(keyOf(part), undefined);
  for (const part of come) {
    const key = keyOf(part);
    // Not one that takes the place of what went.
    if (corrections.get(key) !== undefined || (!corrections.has(key) && itemOf(before, key, keyOf))) return undefined;
    corrections.set(key, part);
  }
  for (const [key, part] of corrections) {
    const known = part && itemOf(before, key, keyOf);
    if (known !== undefined && sameContent(known, part)) corrections.set(key, known);
  }
  return correctedList(before, keyOf, corrections);
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
function distinct<T>(things: Iterable<T>, keyOf: KeyOf<T>): readonly T[] {
  const byKey = new Map<string, T>();
  for (const thing of things) {
    const key = keyOf(thing);
    if (!byKey.has(key)) byKey.set(key, thing);
  }
  return [...byKey].sort(([a], [b]) => compareText(a, b)).map(([, thing]) => thing);
}
