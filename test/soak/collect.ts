// Loaded into the proxies of a soak before their program: at SIGUSR2 everything that can be collected is, and what is left is counted into
// a file beside the bootstrap. A file that is complete is there all at once.

import { heapStats } from "bun:jsc";
import { renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HEAP_FILE, type Heap } from "./heap.ts";

const file = join(dirname(process.argv.at(-1) ?? ""), HEAP_FILE);

process.on("SIGUSR2", () => {
  Bun.gc(true);
  const { heapSize, extraMemorySize, objectCount } = heapStats();
  const heap: Heap = { cellBytes: heapSize - extraMemorySize, extraBytes: extraMemorySize, objects: objectCount };
  writeFileSync(`${file}.new`, JSON.stringify(heap));
  renameSync(`${file}.new`, file);
});
