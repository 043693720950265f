// Remembers what was compiled from what, so that a change recompiles what depends on it and nothing else. Keyed by content, not by a
// list of dependencies that somebody has to keep complete: whatever goes in is compared.

import { sameContent } from "../model/equality.ts";

interface Entry {
  inputs: readonly unknown[];
  readonly value: unknown;
  generation: number;
}

/**
 * Plain immutable data in, immutable value out. Parts of the model that two meshes share by reference cost one comparison.
 * Never pass a Map or a Set as input: they have no fields to compare.
 */
export class Memo {
  readonly #entries = new Map<string, Entry>();
  #generation = 0;
  #made = 0;

  /** The value that `make` gives for these inputs; made anew only when one of them differs from the last time. */
  get<T>(key: string, inputs: readonly unknown[], make: () => T): T {
    const entry = this.#entries.get(key);
    if (entry && sameContent(entry.inputs, inputs)) {
      entry.generation = this.#generation;
      entry.inputs = inputs; // the newer objects: the next comparison is by reference, and the older mesh can be collected
      return entry.value as T;
    }
    const value = make();
    this.#made++;
    this.#entries.set(key, { inputs, value, generation: this.#generation });
    return value;
  }

  /** Values made so far: what a test of incrementality counts. */
  get made(): number {
    return this.#made;
  }

  /** Forgets what nobody asked for since the last time. */
  nextGeneration(): void {
    for (const [key, entry] of this.#entries) if (entry.generation !== this.#generation) this.#entries.delete(key);
    this.#generation++;
  }
}
