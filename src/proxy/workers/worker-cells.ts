// The cells of one worker: what it has of the table that all workers share, each taken once however many ask for it.

import { logger } from "../../base/log.ts";
import type { SharedCell, SharedCells, SharedCounts } from "../shared-cells.ts";
import type { CellTable } from "./cell-table.ts";

const log = logger("worker");

interface Taken {
  readonly offset: number;
  holders: number;
}

class WorkerCounts implements SharedCounts {
  readonly #table: CellTable;
  readonly #offset: number;
  readonly #seat: number;

  constructor(table: CellTable, offset: number, seat: number) {
    this.#table = table;
    this.#offset = offset;
    this.#seat = seat;
  }

  add(count: number, by: number): void {
    this.#table.add(this.#offset, this.#seat, count, by);
  }

  claim(count: number, limit: number): boolean {
    return this.#table.claim(this.#offset, this.#seat, count, limit);
  }

  total(count: number): number {
    return this.#table.total(this.#offset, count);
  }
}

export class WorkerCells implements SharedCells {
  readonly #table: CellTable;
  readonly #seat: number;
  readonly #clockOrigin: number;
  readonly #tell: () => void;
  readonly #taken = new Map<string, Taken>();
  readonly #looks = new Set<() => void>();
  readonly #gone = new FinalizationRegistry<string>((key) => this.#release(key));
  #isFull = false;

  /** `tell`: the supervisor is to have the others look. */
  constructor(table: CellTable, seat: number, clockOrigin: number, tell: () => void) {
    this.#table = table;
    this.#seat = seat;
    this.#clockOrigin = clockOrigin;
    this.#tell = tell;
  }

  get leads(): boolean {
    return this.#table.leader === this.#seat;
  }

  clock(now: number): number {
    return this.#clockOrigin + now;
  }

  cell(key: string): SharedCell | undefined {
    const offset = this.#take(key, false);
    if (offset === undefined) return undefined;
    const holders = (): number => this.#taken.get(key)?.holders ?? 0;
    const cell: SharedCell = {
      words: this.#table.wordsAt(offset),
      get holders() {
        return holders();
      },
      release: () => {
        if (this.#gone.unregister(cell)) this.#release(key);
      },
    };
    this.#gone.register(cell, key, cell);
    return cell;
  }

  counts(key: string): SharedCounts | undefined {
    const offset = this.#take(key, true);
    if (offset === undefined) return undefined;
    const counts = new WorkerCounts(this.#table, offset, this.#seat);
    this.#gone.register(counts, key);
    return counts;
  }

  #take(key: string, isCounts: boolean): number | undefined {
    const known = this.#taken.get(key);
    if (known) {
      known.holders++;
      return known.offset;
    }
    const offset = this.#table.take(key, isCounts, this.#seat);
    if (offset !== undefined) this.#taken.set(key, { offset, holders: 1 });
    else if (!this.#isFull) {
      this.#isFull = true;
      log.warn("no room for all that workers count together: some limits hold for each of them");
    }
    return offset;
  }

  #release(key: string): void {
    const taken = this.#taken.get(key);
    if (!taken || --taken.holders > 0) return;
    this.#taken.delete(key);
    this.#table.release(taken.offset, this.#seat);
  }

  changed(): void {
    this.#tell();
  }

  watch(look: () => void): () => void {
    this.#looks.add(look);
    return () => void this.#looks.delete(look);
  }

  /** Others have changed something. */
  look(): void {
    for (const look of [...this.#looks]) look();
  }
}
