// What the processes of one proxy count together, as Envoy's threads do with atomics: words of memory that all of them have mapped.

/** The words of one thing: the same memory in every process that asks for the same key. All are 0 at first. */
export interface SharedCell {
  /** CELL_WORDS of them, 8-byte aligned. Read and written by atomic operations alone. */
  readonly words: Int32Array;
  /** How many objects of this process stand for it. */
  readonly holders: number;
  /** Whoever has the object uses it no more: the words may be another's at once. */
  release(): void;
}

/** Counts of what is under way: a process adds to its own, and those of one that is gone are taken back. */
export interface SharedCounts {
  add(count: number, by: number): void;
  /** One more, if that makes no more than `limit` of them over all processes, however many ask at the same moment. */
  claim(count: number, limit: number): boolean;
  /** Over all processes. */
  total(count: number): number;
}

/** A cell, and counts, are kept for as long as somebody has the object and has not released it. Undefined when there is no room. */
export interface SharedCells {
  /** This process judges and probes for all of them; another takes over when it is gone. */
  readonly leads: boolean;
  /** Milliseconds on the clock that all have in common, at `now` of performance.now(). */
  clock(now: number): number;
  cell(key: string): SharedCell | undefined;
  counts(key: string): SharedCounts | undefined;
  /** Others are to look at what was changed in cells that they watch. */
  changed(): void;
  /** `look` is called when others have changed something, until the function returned is called. */
  watch(look: () => void): () => void;
}

export const CELL_WORDS = 16;
/** In one key's counts: an even number, as cells are 8-byte aligned. */
export const COUNTS = 6;
