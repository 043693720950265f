// The memory that Bun makes for each read of a socket, up to 512 KiB. Left to the collector, some 40 MB of dead reads stand at any time,
// and every read writes to pages that no cache holds; given back at once, the next read gets the same few that are still warm.

/** Smaller ones are cheap to make, and may share their memory (Buffer's pool). */
const LEAST_BYTES = 16 * 1024;

// The first memory of a process that is given back makes JavaScriptCore throw away all machine code that relies on none ever being. With the
// first long read that was most of what a request runs, compiled anew beside the requests. When this is loaded nothing is compiled yet.
new Uint8Array(1).buffer.transfer(0);

/** Nobody reads `chunk` any more, nor any other view of its memory: all of them are empty afterwards. */
export function freeMemory(chunk: Uint8Array): void {
  if (chunk.buffer.byteLength >= LEAST_BYTES && chunk.buffer instanceof ArrayBuffer) chunk.buffer.transfer(0);
}

/** The same of what a socket has just read; asking for the memory of a small one would cost more than it saves. */
export function freeRead(chunk: Uint8Array): void {
  if (chunk.length >= LEAST_BYTES) freeMemory(chunk);
}
