// Reading a file that a stranger may have put there: a device or a pipe may never end, and a large file may not fit.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const CHUNK = 1024 * 1024;

/** What a file holds, of larger ones a little more than `limit` bytes: whoever judges it sees that it is too large. Throws what `fs` throws. */
export function readBounded(path: string, limit: number): Uint8Array {
  const descriptor = openSync(path, "r");
  try {
    const chunks: Uint8Array[] = [];
    let room = fstatSync(descriptor).size + 1; // one more than there is, so that the end is seen at once
    for (let length = 0; length <= limit; ) {
      const chunk = Buffer.allocUnsafe(Math.min(Math.max(room, 4_096), CHUNK));
      const read = readSync(descriptor, chunk);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      length += read;
      room -= read;
    }
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  } finally {
    closeSync(descriptor);
  }
}
