// Remembers what was made of which objects, for what is too large to be compared by content: two inputs are the same when they are the same
// object. The model keeps what did not change, so mostly they are.

import { sameItems } from "../model/equality.ts";

interface Entry {
  readonly inputs: readonly unknown[];
  readonly value: unknown;
}

export class ReferenceMemo {
  #before = new Map<string, Entry>();
  #now = new Map<string, Entry>();

  /** The value that `make` gives for these inputs; made anew when one of them is another object, or another number or text. */
  get<T>(key: string, inputs: readonly unknown[], make: () => T): T {
    const current = this.#now.get(key);
    const known = current ?? this.#before.get(key);
    if (known && sameItems(known.inputs, inputs)) {
      if (!current) this.#now.set(key, known);
      return known.value as T;
    }
    const value = make();
    this.#now.set(key, { inputs, value });
    return value;
  }

  /** The same for a list: that of before when it holds the same objects. */
  list<T>(key: string, inputs: readonly unknown[], make: () => readonly T[]): readonly T[] {
    return this.get(key, inputs, () => {
      const before = this.last<readonly T[]>(key);
      const made = make();
      return before && sameItems(before, made) ? before : made;
    });
  }

  /** For who knows better than by references what of the last value still holds: it asks for that, and sets what holds now. */
  last<T>(key: string): T | undefined {
    return (this.#now.get(key) ?? this.#before.get(key))?.value as T | undefined;
  }

  set(key: string, value: unknown): void {
    this.#now.set(key, { inputs: [], value });
  }

  /** Forgets what nobody asked for since the last time. */
  nextGeneration(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}
