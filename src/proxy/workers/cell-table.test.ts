import { expect, test } from "bun:test";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { createSharedMemory, mapSharedMemory } from "../../net/shared-memory.ts";
import { CellTable, ENTRIES } from "./cell-table.ts";
import { WorkerCells } from "./worker-cells.ts";

const SEATS = 8;

function table(): CellTable {
  return new CellTable(new Uint8Array(CellTable.bytes(SEATS)), SEATS);
}

function cellsOf(shared: CellTable, seat: number, clockOrigin = 0): WorkerCells {
  return new WorkerCells(shared, seat, clockOrigin, () => {});
}

test("a key is the same words for whoever asks, and another key others", () => {
  const shared = table();
  const [a, b] = [cellsOf(shared, 0), cellsOf(shared, 1)];
  Atomics.add(a.cell("x")!.words, 0, 3);
  expect(Atomics.load(b.cell("x")!.words, 0)).toBe(3);
  expect(Atomics.load(b.cell("y")!.words, 0)).toBe(0);
  expect(Atomics.load(a.cell("x")!.words, 0)).toBe(3);
});

test("counts are added up over the seats, and those of who is gone are taken back while the others' stay", () => {
  const shared = table();
  shared.setTaken([0, 7]);
  const [a, b] = [cellsOf(shared, 0).counts("x")!, cellsOf(shared, 7).counts("x")!];
  a.add(2, 1);
  b.add(2, 1);
  b.add(2, 1);
  b.add(0, 1);
  expect([a.total(0), a.total(1), a.total(2), a.total(3)]).toEqual([1, 0, 3, 0]);
  shared.vacate(7);
  expect([a.total(0), a.total(2)]).toEqual([0, 1]);
});

test("a cell that nobody has any more keeps what it had for who comes back", () => {
  const shared = table();
  const offset = shared.take("x", false, 0)!;
  shared.take("x", false, 1);
  Atomics.store(shared.wordsAt(offset), 0, 1);
  shared.vacate(0);
  shared.release(offset, 1);
  expect(Atomics.load(shared.wordsAt(shared.take("x", false, 2)!), 0)).toBe(1);
});

test("a full table has no room for what comes, and has again when others let go", () => {
  const shared = table();
  const offsets: number[] = [];
  for (let i = 0; i < ENTRIES * 4; i++) {
    const offset = shared.take(`key ${i}`, false, 0);
    if (offset !== undefined) offsets.push(offset);
  }
  expect(new Set(offsets).size).toBe(offsets.length);
  expect(offsets).toHaveLength(ENTRIES);
  expect(shared.take("one more", false, 1)).toBeUndefined();
  for (const offset of offsets) Atomics.store(shared.wordsAt(offset), 0, 1);
  shared.vacate(0);
  const offset = shared.take("one more", false, 1)!;
  expect(Atomics.load(shared.wordsAt(offset), 0)).toBe(0);
});

test("a lock whose holder is gone holds nobody up", () => {
  const memory = new Uint8Array(CellTable.bytes(SEATS));
  const shared = new CellTable(memory, SEATS);
  new Int32Array(memory.buffer)[0] = 3 + 1; // seat 3 has it
  shared.vacate(3);
  expect(shared.take("x", false, 0)).toBeDefined();
});

test("a limit is never passed, however many processes claim at once", async () => {
  const seats = 3;
  const memory = createSharedMemory(CellTable.bytes(seats));
  new CellTable(mapSharedMemory(memory), seats).setTaken([0, 1, 2]);
  const fixture = join(import.meta.dir, "claiming-process-fixture.ts");
  const running = Array.from({ length: seats }, (_, seat) =>
    Bun.spawn([process.execPath, fixture, String(seat), String(seats), "500000"], {
      stdio: ["ignore", "pipe", "inherit", memory],
    }),
  );
  closeSync(memory);
  const beyond = await Promise.all(running.map(({ stdout }) => new Response(stdout).text()));
  expect(beyond).toEqual(["0\n", "0\n", "0\n"]);
});
