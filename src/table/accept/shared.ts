// Parts of tables that are equal become one object. 100,000 routes say mostly the same beside what they match: their retry policies alone
// would be 300,000 objects, and a request to each would find its own in no cache.

function isSame<T extends object>(one: T, other: T): boolean {
  for (const key in other) if (one[key] !== other[key]) return false;
  return true;
}

/**
 * Shares what is equal to the one before it: the routes of a virtual host come one after the other. Fields are compared by identity, so
 * that what they hold must be shared itself.
 */
export class Neighbours<T extends object> {
  #last: T | undefined;

  share(next: T): T {
    if (this.#last && isSame(this.#last, next)) return this.#last;
    this.#last = next;
    return next;
  }
}

/** Results by what they were made of, for as many as a mesh has different ones of; then it begins anew. */
export class Memo<T> {
  static readonly #MAX = 1_024;
  readonly #made = new Map<string, T>();

  of(key: string, make: () => T): T {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const value = make();
    if (this.#made.size >= Memo.#MAX) this.#made.clear();
    this.#made.set(key, value);
    return value;
  }
}

/** One for all. */
export const NONE: readonly never[] = [];

/** The list mapped; for most fields of most routes that is nothing. */
export function mapped<T, R>(list: readonly T[], to: (element: T, i: number) => R): readonly R[] {
  return list.length === 0 ? NONE : list.map(to);
}
