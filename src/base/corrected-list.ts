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
  const made = [...list];
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
