// From the parts that dialects contribute to a list of a mesh: the first of each key, sorted by key, with the objects of before where they say
// the same. A list of which few parts changed is corrected instead of made anew.

import { correctedList, differingPlaces } from "../base/corrected-list.ts";
import { sameContent, sameItems } from "./equality.ts";
import { compareText } from "./origin.ts";

type KeyOf<T> = (thing: T) => string;

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

/** Undefined where keys came, went or are not distinct. */
function corrected<T>(before: readonly T[], parts: readonly T[], keyOf: KeyOf<T>): readonly T[] | undefined {
  const last = madeOf.get(before) as readonly T[] | undefined;
  if (last?.length !== before.length || parts.length !== before.length) return undefined;
  const changed: [number, T][] = [];
  for (const i of differingPlaces(last, parts)) {
    const part = parts[i]!;
    const key = keyOf(part);
    if (key !== keyOf(last[i]!)) return undefined;
    const at = placeOf(before, key, keyOf);
    if (!sameContent(before[at], part)) changed.push([at, part]);
  }
  return correctedList(before, changed);
}

/** Of a key that is there. */
function placeOf<T>(sorted: readonly T[], key: string, keyOf: KeyOf<T>): number {
  let [low, high] = [0, sorted.length - 1];
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

/** What took whose place, when two lists of a mesh have the same keys; undefined when they have not. */
export function replacements<T>(
  before: readonly T[],
  now: readonly T[],
  keyOf: KeyOf<T>,
): ReadonlyMap<T, T> | undefined {
  if (before.length !== now.length) return undefined;
  const replaced = new Map<T, T>();
  for (const i of differingPlaces(before, now)) {
    const [old, thing] = [before[i]!, now[i]!];
    if (keyOf(thing) !== keyOf(old)) return undefined;
    replaced.set(old, thing);
  }
  return replaced;
}
