// What the processes of one proxy know of a host that they check as one: what was found out, and when the host is to be asked next. Who moves
// that time on asks, and tells the others. The process that leads is first; another asks a host that nobody has asked: one that the leader
// has not, as DNS may have it, or one whose asker is gone.

import { CELL_WORDS, type SharedCell, type SharedCells } from "../../shared-cells.ts";
import type { HostState } from "./transition.ts";

/** What checks have made of a host. */
export interface HostHealth extends HostState {
  readonly degraded: boolean;
  readonly excluded: boolean;
}

/** Words of the cell. */
const STATE = 0;
const DUE = 1;

/** Bits of the state: flags, the row, and a number that is another with every check. */
const KNOWN = 1;
const UNHEALTHY = 2;
const DEGRADED = 4;
const EXCLUDED = 8;
const ROW_SHIFT = 4;
const MAX_ROW = 0xfff;
const NUMBER_SHIFT = 16;

/** Of the time: 31 bits last for 248 days, which only a difference has to fit into. */
const MS_PER_TICK = 10;
/** A time that nobody waits for. */
const NEVER = 0;
/** How long after the time another than the leader asks. */
const GRACE_MS = 250;
/** Beyond the time of a check: then there is nobody who asks, and what was found is old. */
const OLD_MS = 1_000;

function encode({ healthy, row, unknown, degraded, excluded }: HostHealth, before: number): number {
  const flags =
    (unknown ? 0 : KNOWN) | (healthy ? 0 : UNHEALTHY) | (degraded ? DEGRADED : 0) | (excluded ? EXCLUDED : 0);
  const number = (before >>> NUMBER_SHIFT) + 1;
  return (number << NUMBER_SHIFT) | (Math.min(row, MAX_ROW) << ROW_SHIFT) | flags;
}

function decode(state: number): HostHealth | undefined {
  if ((state & KNOWN) === 0) return undefined;
  return {
    healthy: (state & UNHEALTHY) === 0,
    row: (state >> ROW_SHIFT) & MAX_ROW,
    unknown: false,
    degraded: (state & DEGRADED) !== 0,
    excluded: (state & EXCLUDED) !== 0,
  };
}

const UNKNOWN: HostHealth = { healthy: false, row: 0, unknown: true, degraded: false, excluded: false };

export class SharedCheck {
  readonly #cells: SharedCells;
  readonly #cell: SharedCell;
  #words: Int32Array;
  #seen: number;

  constructor(cells: SharedCells, cell: SharedCell) {
    this.#cells = cells;
    this.#cell = cell;
    this.#words = cell.words;
    this.#seen = Atomics.load(this.#words, STATE);
  }

  #tick(inMs: number): number {
    return Math.ceil((this.#cells.clock(performance.now()) + inMs) / MS_PER_TICK) | 0 || 1;
  }

  #msUntil(due: number): number {
    return ((due - this.#tick(0)) | 0) * MS_PER_TICK;
  }

  /**
   * What is known of the host, if somebody goes on asking it; otherwise its checks begin anew. `inMs`: then, when the first is due;
   * `timeoutMs`: how long one may take.
   */
  begin(inMs: number, timeoutMs: number): HostHealth | undefined {
    const due = Atomics.load(this.#words, DUE);
    if (due !== NEVER && this.#msUntil(due) > -(timeoutMs + OLD_MS)) return decode(this.#seen);
    const anew = encode(UNKNOWN, this.#seen);
    if (Atomics.compareExchange(this.#words, STATE, this.#seen, anew) === this.#seen) this.#seen = anew;
    Atomics.compareExchange(this.#words, DUE, due, this.#tick(inMs));
    return this.look();
  }

  /** What others have found out since the last look; undefined: nothing. */
  look(): HostHealth | undefined {
    const state = Atomics.load(this.#words, STATE);
    if (state === this.#seen) return undefined;
    this.#seen = state;
    return decode(state);
  }

  /** False: others have found out something since the last look. */
  publish(health: HostHealth): boolean {
    const state = encode(health, this.#seen);
    if (Atomics.compareExchange(this.#words, STATE, this.#seen, state) !== this.#seen) return false;
    this.#seen = state;
    return true;
  }

  /** Others are to look. */
  tell(): void {
    this.#cells.changed();
  }

  /** Until this process is to ask, in milliseconds. */
  get waitMs(): number {
    const due = Atomics.load(this.#words, DUE);
    const wait = (due === NEVER ? 0 : this.#msUntil(due)) + (this.#cells.leads ? 0 : GRACE_MS);
    return Math.max(0, wait);
  }

  /** The time has come, and nobody was first: this process asks, and nobody else does for `timeoutMs`. */
  claim(timeoutMs: number): boolean {
    const due = Atomics.load(this.#words, DUE);
    if (due !== NEVER && this.waitMs > 0) return false;
    return Atomics.compareExchange(this.#words, DUE, due, this.#tick(timeoutMs)) === due;
  }

  /** When the next check is due, whoever makes it. */
  next(inMs: number): void {
    Atomics.store(this.#words, DUE, this.#tick(inMs));
  }

  /** The check that this process makes is another's. */
  giveUp(): void {
    this.next(0);
    this.tell();
  }

  /**
   * The host has gone, unless a cluster that takes the place of this one has it: who comes under its key is another. Others leave that to
   * the one that leads.
   */
  release(): void {
    if (this.#cells.leads && this.#cell.holders === 1) Atomics.store(this.#words, DUE, NEVER);
    this.#words = new Int32Array(CELL_WORDS);
    this.#cell.release();
  }
}
