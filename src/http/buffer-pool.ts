// Buffers for bytes on their way, kept for reuse: an idle connection holds none, and one that carries a body maps no fresh pages for it
// (a page fault costs as much as copying the page several times over).

import { freeMemory } from "../base/memory.ts";

interface SizeClass {
  readonly bytes: number;
  /** Most that are kept. */
  readonly kept: number;
  readonly free: Buffer[];
}

/** One TLS record, a body between two flushes, what one read of a socket brings. */
const CLASSES: readonly SizeClass[] = [
  { bytes: 16 * 1024, kept: 64, free: [] },
  { bytes: 128 * 1024, kept: 8, free: [] },
  { bytes: 512 * 1024, kept: 4, free: [] },
];

/** At least `bytes` long, with anything in it. */
export function takeBuffer(bytes: number): Buffer {
  for (const { bytes: size, free } of CLASSES) if (bytes <= size) return free.pop() ?? Buffer.allocUnsafeSlow(size);
  return Buffer.allocUnsafeSlow(bytes * 2);
}

/** The caller uses `buffer` no more, nor any view of it. */
export function giveBack(buffer: Buffer): void {
  for (const { bytes, kept, free } of CLASSES) {
    if (buffer.length !== bytes || free.length === kept) continue;
    free.push(buffer);
    return;
  }
  freeMemory(buffer);
}
