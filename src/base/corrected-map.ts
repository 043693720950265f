// Large maps of which few entries change at a time: a new one shares the entries of the one before and holds what is different beside them,
// so that a change costs the square root of the size, and two maps that are close are compared by their differences.

interface Gone {
  readonly gone: true;
}

const GONE: Gone = { gone: true };

/** `undefined` removes the key; no value is `undefined`. */
export type Corrections<K, V> = Iterable<readonly [K, V | undefined]>;

/** `map` with the corrections; the same object when there are none. */
export function corrected<K, V>(map: ReadonlyMap<K, V>, corrections: Corrections<K, V>): ReadonlyMap<K, V> {
  const changed =
    map instanceof CorrectedMap ? new Map(map.changed as ReadonlyMap<K, V | Gone>) : new Map<K, V | Gone>();
  const base: ReadonlyMap<K, V> = map instanceof CorrectedMap ? map.base : map;
  let { size } = map;
  let isSame = true;
  for (const [key, value] of corrections) {
    // Not asked of `map`: a key may be corrected twice.
    const known = changed.get(key);
    const before = known === undefined ? base.get(key) : known === GONE ? undefined : (known as V);
    if (value === before) continue;
    isSame = false;
    size += Number(value !== undefined) - Number(before !== undefined);
    if (value === undefined && !base.has(key)) changed.delete(key);
    else changed.set(key, value ?? GONE);
  }
  if (isSame) return map;
  const made = new CorrectedMap(base, changed, size);
  return changed.size * changed.size > base.size ? new Map(made) : made;
}

/** Keys whose values are not the same objects; of two maps that were made from one in few corrections, without looking at the rest. */
export function differingKeys<K, V>(before: ReadonlyMap<K, V>, after: ReadonlyMap<K, V>): ReadonlySet<K> {
  const differing = new Set<K>();
  if (before === after) return differing;
  const candidates = changedSince(before, after);
  for (const key of candidates?.from ?? before.keys()) if (before.get(key) !== after.get(key)) differing.add(key);
  for (const key of candidates?.to ?? after.keys()) if (before.get(key) !== after.get(key)) differing.add(key);
  return differing;
}

const NOTHING: ReadonlyMap<never, unknown> = new Map<never, unknown>();

/** Keys that may differ; undefined: any. */
function changedSince<K, V>(
  before: ReadonlyMap<K, V>,
  after: ReadonlyMap<K, V>,
): { readonly from: Iterable<K>; readonly to: Iterable<K> } | undefined {
  const old = before instanceof CorrectedMap ? before : { base: before, changed: NOTHING };
  const now = after instanceof CorrectedMap ? after : { base: after, changed: NOTHING };
  return old.base === now.base ? { from: old.changed.keys(), to: now.changed.keys() } : undefined;
}

class CorrectedMap<K, V> implements ReadonlyMap<K, V> {
  readonly base: ReadonlyMap<K, V>;
  readonly changed: ReadonlyMap<K, V | Gone>;
  readonly size: number;

  constructor(base: ReadonlyMap<K, V>, changed: ReadonlyMap<K, V | Gone>, size: number) {
    this.base = base;
    this.changed = changed;
    this.size = size;
  }

  get(key: K): V | undefined {
    const changed = this.changed.get(key);
    if (changed === undefined) return this.base.get(key);
    return changed === GONE ? undefined : (changed as V);
  }

  has(key: K): boolean {
    const changed = this.changed.get(key);
    return changed === undefined ? this.base.has(key) : changed !== GONE;
  }

  /** In the order of the entries before; what was added comes last. */
  *entries(): MapIterator<[K, V]> {
    for (const entry of this.base) {
      const changed = this.changed.get(entry[0]);
      if (changed === undefined) yield entry;
      else if (changed !== GONE) yield [entry[0], changed as V];
    }
    for (const [key, value] of this.changed) if (value !== GONE && !this.base.has(key)) yield [key, value as V];
  }

  *keys(): MapIterator<K> {
    for (const [key] of this) yield key;
  }

  *values(): MapIterator<V> {
    for (const [, value] of this) yield value;
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}
