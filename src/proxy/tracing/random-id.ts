// Ids of traces and spans.

const RANDOM_BYTES = 4_096;
const random = Buffer.alloc(RANDOM_BYTES);
let used = RANDOM_BYTES;

/** `bytes` random bytes in hex. Drawn in blocks: one call of the system for 256 span ids. */
export function randomHex(bytes: number): string {
  if (used + bytes > RANDOM_BYTES) {
    crypto.getRandomValues(random);
    used = 0;
  }
  used += bytes;
  return random.toString("hex", used - bytes, used);
}
