// Long lists of which few items change at a time: a copy remembers of which list it is one, and where it differs, so that whoever has both
// looks at those places alone.

interface Correction {
  /** Weak, or every list would keep all that came before it. */
  readonly of: WeakRef<readonly unknown[]>;
  readonly places: readonly number[];
}

const corrections = new WeakMap<readonly unknown[], Correction>();

/** `list` with other items at some places; the same list when they are the very items that stand there. */
export function correctedList<T>(list: readonly T[], items: Iterable<readonly [place: number, item: T]>): readonly T[] {
  const made = list.slice();
  const places: number[] = [];
  for (const [place, item] of items) {
    if (made[place] === item) continue;
    made[place] = item;
    places.push(place);
  }
  if (places.length === 0) return list;
  corrections.set(made, { of: new WeakRef(list), places });
  return made;
}

/** Places at which two lists of one length do not hold the same object, rising; the lengths may be compared before. */
export function differingPlaces(before: readonly unknown[], now: readonly unknown[]): readonly number[] {
  if (before === now) return [];
  const correction = corrections.get(now);
  if (correction?.of.deref() === before) return [...new Set(correction.places)].sort((a, b) => a - b);
  const places: number[] = [];
  for (let i = 0; i < now.length; i++) if (before[i] !== now[i]) places.push(i);
  return places;
}

/** What one list has that another has not, in their order. */
export interface ListDifference<T> {
  readonly gone: readonly T[];
  readonly come: readonly T[];
}

/** All that stands between what both begin with and what both end with: where items came and went at distant places, that is much. */
export function listDifference<T>(before: readonly T[], now: readonly T[]): ListDifference<T> {
  if (before.length === now.length) {
    const places = differingPlaces(before, now);
    return { gone: places.map((place) => before[place]!), come: places.map((place) => now[place]!) };
  }
  return spliceBetween(before, now);
}

/** `before.toSpliced(start, gone.length, ...come)` is the other list. */
export interface Splice<T> extends ListDifference<T> {
  readonly start: number;
}

/** The shortest. */
export function spliceBetween<T>(before: readonly T[], now: readonly T[]): Splice<T> {
  const common = Math.min(before.length, now.length);
  let start = 0;
  while (start < common && before[start] === now[start]) start++;
  let end = 0;
  while (end < common - start && before[before.length - 1 - end] === now[now.length - 1 - end]) end++;
  return { start, gone: before.slice(start, before.length - end), come: now.slice(start, now.length - end) };
}
