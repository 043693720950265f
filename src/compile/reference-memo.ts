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
    const known = this.#now.get(key) ?? this.#before.get(key);
    if (known && sameItems(known.inputs, inputs)) {
      this.#now.set(key, known);
      return known.value as T;
    }
    const value = make();
    this.#now.set(key, { inputs, value });
    return value;
  }

  /** Begins a compilation, and forgets what the last one did not ask for. */
  nextGeneration(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}
