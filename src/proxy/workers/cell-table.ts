// A table in memory that the supervisor and all workers have mapped: cells found by key, kept while any worker has them, and afterwards
// until their room is needed, so that those of a hot restart go on. Finding and letting go is done under a lock, which is freed for a worker
// that is gone; what is in the cells needs none.

import { CELL_WORDS, COUNTS } from "../shared-cells.ts";

/** Words of the head: the lock (a seat + 1), one more than the highest seat taken, the seat that leads. */
const LOCK = 0;
const SEATS_USED = 1;
const LEADER = 2;
const HEAD_WORDS = 16;

/** Words of an entry: the key's hash in two, the last bit of the second telling counts from a cell; the seats that have it, a bit each. */
const HASH = 0;
const KIND = 1;
const USERS = 2;
const ENTRY_WORDS = 4;
const IS_COUNTS = 1;

/** Two words of bits. */
export const MAX_SEATS = 64;
const SEATS_PER_WORD = 32;
export const ENTRIES = 16_384;
/** A key is found among so many entries from where its hash points, or not at all. */
const PROBES = 64;

const SPINS = 1_000;
/** Each needs another process at the same two instructions. */
const CLAIM_TRIES = 100;
/** The supervisor's, beyond those of workers. */
const SUPERVISOR = MAX_SEATS;

export const NO_SEAT = -1;

export class CellTable {
  readonly #words: Int32Array<ArrayBuffer>;
  /** That can be taken. */
  readonly #seats: number;
  readonly #stride: number;

  /** The same memory and number in all processes. */
  constructor(memory: Uint8Array<ArrayBuffer>, seats: number) {
    this.#words = new Int32Array(memory.buffer, memory.byteOffset, memory.byteLength / 4);
    this.#seats = seats;
    this.#stride = CellTable.#strideOf(seats);
  }

  static #strideOf(seats: number): number {
    return Math.max(CELL_WORDS, seats * COUNTS);
  }

  static bytes(seats: number): number {
    return 4 * (HEAD_WORDS + ENTRIES * (ENTRY_WORDS + CellTable.#strideOf(seats)));
  }

  // ── the supervisor's ──

  get leader(): number {
    return Atomics.load(this.#words, LEADER) - 1;
  }

  lead(seat: number): void {
    Atomics.store(this.#words, LEADER, seat + 1);
  }

  /** `taken`: all seats that workers have. */
  setTaken(taken: Iterable<number>): void {
    Atomics.store(this.#words, SEATS_USED, Math.max(NO_SEAT, ...taken) + 1);
  }

  /** Whoever had the seat is gone, wherever it stood. */
  vacate(seat: number): void {
    Atomics.compareExchange(this.#words, LOCK, seat + 1, 0);
    this.#locked(SUPERVISOR, () => {
      for (let entry = 0; entry < ENTRIES; entry++) if (this.#has(entry, seat)) this.#clear(entry, seat);
    });
  }

  // ── a worker's ──

  /** Where the words of the key's cell begin; undefined without room. */
  take(key: string, isCounts: boolean, seat: number): number | undefined {
    const [hash, kind] = hashOf(key, isCounts);
    return this.#locked(seat, () => {
      const entry = this.#find(hash, kind);
      if (entry === undefined) return undefined;
      const at = this.#entry(entry);
      if (!this.#isOf(entry, hash, kind)) {
        this.#words[at + HASH] = hash;
        this.#words[at + KIND] = kind;
        this.#words.fill(0, this.#cell(entry), this.#cell(entry) + this.#stride);
      }
      this.#words[at + USERS + userWord(seat)]! |= userBit(seat);
      return this.#cell(entry);
    });
  }

  release(offset: number, seat: number): void {
    const entry = (offset - this.#cell(0)) / this.#stride;
    this.#locked(seat, () => this.#clear(entry, seat));
  }

  wordsAt(offset: number): Int32Array {
    return this.#words.subarray(offset, offset + CELL_WORDS);
  }

  add(offset: number, seat: number, count: number, by: number): void {
    Atomics.add(this.#words, offset + seat * COUNTS + count, by);
  }

  /**
   * Whoever is over the limit with its own takes it back. It counts before it looks, so of those that ask at once the last to count sees all
   * others; when that made two of them go back where there was room for one, they ask again.
   */
  claim(offset: number, seat: number, count: number, limit: number): boolean {
    for (let tries = 0; tries < CLAIM_TRIES; tries++) {
      if (this.total(offset, count) >= limit) return false;
      this.add(offset, seat, count, 1);
      if (this.total(offset, count) <= limit) return true;
      this.add(offset, seat, count, -1);
    }
    return false;
  }

  total(offset: number, count: number): number {
    const used = Math.min(Atomics.load(this.#words, SEATS_USED), this.#seats);
    let total = 0;
    for (let seat = 0, at = offset + count; seat < used; seat++, at += COUNTS) total += Atomics.load(this.#words, at);
    return total;
  }

  // ── entries ──

  #entry(entry: number): number {
    return HEAD_WORDS + entry * ENTRY_WORDS;
  }

  #cell(entry: number): number {
    return HEAD_WORDS + ENTRIES * ENTRY_WORDS + entry * this.#stride;
  }

  #isFree(entry: number): boolean {
    const at = this.#entry(entry) + USERS;
    return this.#words[at] === 0 && this.#words[at + 1] === 0;
  }

  #has(entry: number, seat: number): boolean {
    return (this.#words[this.#entry(entry) + USERS + userWord(seat)]! & userBit(seat)) !== 0;
  }

  #isOf(entry: number, hash: number, kind: number): boolean {
    const at = this.#entry(entry);
    return this.#words[at + HASH] === hash && this.#words[at + KIND] === kind;
  }

  /** The key's; else one that never was anybody's, or that nobody has any more. */
  #find(hash: number, kind: number): number | undefined {
    let left: number | undefined;
    for (let i = 0; i < PROBES; i++) {
      const entry = (hash + i) & (ENTRIES - 1);
      if (this.#isOf(entry, hash, kind)) return entry;
      if (this.#isOf(entry, 0, 0)) return entry;
      if (this.#isFree(entry)) left ??= entry;
    }
    return left;
  }

  #clear(entry: number, seat: number): void {
    const at = this.#entry(entry);
    this.#words[at + USERS + userWord(seat)]! &= ~userBit(seat);
    const own = this.#cell(entry) + seat * COUNTS;
    if (this.#words[at + KIND]! & IS_COUNTS) this.#words.fill(0, own, own + COUNTS);
  }

  #locked<T>(seat: number, act: () => T): T {
    for (let spins = 0; Atomics.compareExchange(this.#words, LOCK, 0, seat + 1) !== 0; spins++)
      if (spins % SPINS === SPINS - 1) Bun.sleepSync(1); // it is held for microseconds, unless its holder does not run
    try {
      return act();
    } finally {
      Atomics.store(this.#words, LOCK, 0);
    }
  }
}

function userWord(seat: number): number {
  return seat < SEATS_PER_WORD ? 0 : 1;
}

function userBit(seat: number): number {
  return 1 << (seat % SEATS_PER_WORD);
}

/** 63 bits: two keys of a proxy that have the same are not to be expected. */
function hashOf(key: string, isCounts: boolean): readonly [hash: number, kind: number] {
  const hash = Bun.hash.wyhash(key);
  const low = Number(hash & 0xffffffffn) | 0;
  const high = Number(hash >> 32n) | 0;
  return [high, (low & ~IS_COUNTS) | (isCounts ? IS_COUNTS : 0)];
}
