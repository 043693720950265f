// Bytes that both ends of a case know: as many as wanted, and no two places alike, so that a lost or doubled chunk changes the hash.

import { createHash } from "node:crypto";

export const MEBIBYTE = 1024 * 1024;

/** The same bytes for the same length: 32-bit words counted up and multiplied by Knuth's constant. */
export function content(length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 2_654_435_761);
  return Buffer.from(words.buffer, 0, length);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
