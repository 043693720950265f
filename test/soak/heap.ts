// What is left in a proxy's heap after a collection that the soak asks for (`collect.ts` in the proxy answers).

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../src/base/until-fixture.ts";

export const HEAP_FILE = "heap.json";
export const COLLECTOR = join(import.meta.dir, "collect.ts");
/** A collection takes 50 ms; the machine may have much to do. */
const ANSWER_WITHIN_MS = 30_000;

export interface Heap {
  /** Of the objects themselves, and of the properties and elements that they hold. */
  readonly cellBytes: number;
  /** What objects hold outside the heap's cells: machine code, buffers, the characters of strings. */
  readonly extraBytes: number;
  readonly objects: number;
}

/** `proxy`: one that was started with `COLLECTOR`. */
export async function collectedHeap(proxy: { readonly pid: number; readonly folder: string }): Promise<Heap> {
  const file = join(proxy.folder, HEAP_FILE);
  rmSync(file, { force: true });
  process.kill(proxy.pid, "SIGUSR2");
  await until("the heap after a collection", () => existsSync(file), ANSWER_WITHIN_MS);
  return JSON.parse(readFileSync(file, "utf8")) as Heap;
}
