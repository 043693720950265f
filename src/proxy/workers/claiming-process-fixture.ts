// A process that claims, and gives back, what others claim too: argv says its seat, how many there are and how often it is to be admitted;
// prints how often more of them had it than the limit lets. Descriptor 3 is the memory.

import { mapSharedMemory } from "../../net/shared-memory.ts";
import { CellTable } from "./cell-table.ts";

const MEMORY_FD = 3;
const LIMIT = 1;
/** Words of the cell: who is there, who has it. */
const PRESENT = 0;
const HOLDERS = 1;

const [seat, seats, admissions] = process.argv.slice(2).map(Number) as [number, number, number];
const table = new CellTable(mapSharedMemory(MEMORY_FD), seats);
const offset = table.take("limit", true, seat)!;
const words = table.wordsAt(table.take("holders", false, seat)!);

Atomics.add(words, PRESENT, 1);
while (Atomics.load(words, PRESENT) < seats) Bun.sleepSync(1);
let beyond = 0;
for (let admitted = 0; admitted < admissions; ) {
  if (!table.claim(offset, seat, 0, LIMIT)) continue;
  admitted++;
  if (Atomics.add(words, HOLDERS, 1) >= LIMIT) beyond++;
  Atomics.sub(words, HOLDERS, 1);
  table.add(offset, seat, 0, -1);
}
console.log(beyond);
