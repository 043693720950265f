// Who has which place in the memory that all workers share: of a worker that is gone nothing is counted any more, and the next one sits there.

import { closeSync } from "node:fs";
import { logger } from "../../base/log.ts";
import { createSharedMemory, mapSharedMemory } from "../../net/shared-memory.ts";
import { CellTable, MAX_SEATS, NO_SEAT } from "./cell-table.ts";

const log = logger("supervisor");

/** Those that drain have theirs until they are gone, and hot restarts may follow each other. */
const GENERATIONS = 4;
const LEAST_SEATS = 8;

export class WorkerSeats {
  readonly count: number;
  /** Descriptor. */
  readonly memory: number;
  readonly #table: CellTable;
  readonly #taken = new Set<number>();

  constructor(workers: number) {
    this.count = Math.min(MAX_SEATS, Math.max(LEAST_SEATS, workers * GENERATIONS));
    this.memory = createSharedMemory(CellTable.bytes(this.count));
    this.#table = new CellTable(mapSharedMemory(this.memory), this.count);
  }

  take(): number {
    for (let seat = 0; seat < this.count; seat++) {
      if (this.#taken.has(seat)) continue;
      this.#taken.add(seat);
      this.#table.setTaken(this.#taken);
      return seat;
    }
    log.warn("more workers than places in their memory: this one counts alone", { places: this.count });
    return NO_SEAT;
  }

  vacate(seat: number): void {
    if (!this.#taken.delete(seat)) return;
    this.#table.vacate(seat);
    this.#table.setTaken(this.#taken);
  }

  /** False: it led already. */
  lead(seat: number): boolean {
    if (this.#table.leader === seat) return false;
    this.#table.lead(seat);
    return true;
  }

  close(): void {
    closeSync(this.memory);
  }
}
