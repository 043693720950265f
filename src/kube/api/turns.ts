// Writes that admission judges beside what is stored take turns from the judgement to the commit: of two that claim one thing, asked
// about at once, each would be judged before the other is there.

import type { Store } from "../store/store.ts";

/** The end of the last turn of a store. */
const ends = new WeakMap<Store, Promise<void>>();

function nothing(): void {}

/** Begins `work` when all that was given before has ended, however it ended. `work` must not wait for another turn of its store. */
export function inTurn<T>(store: Store, work: () => Promise<T>): Promise<T> {
  const before = ends.get(store);
  const result = before ? before.then(work) : work();
  ends.set(store, result.then(nothing, nothing));
  return result;
}
