// Bodies that both ends know. They are compared as they come, byte by byte: unlike a hash at the end, that tells where the first wrong one
// stands, and holds for what came of a body that was cut, too.

import { Random } from "../random.ts";

const CHUNK = 16_384;
/** Odd, so that a body repeats itself at no multiple of a frame's or a buffer's length. */
const POOL = 1_048_573;

const pool = Buffer.alloc(POOL + CHUNK);
const random = new Random("pool");
for (let i = 0; i < POOL; i += 4) pool.writeUInt32LE(random.next(), i);
pool.copyWithin(POOL, 0, CHUNK);

function message(payload: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(payload.length, 1);
  return Buffer.concat([prefix, payload]);
}

export interface Body {
  readonly chunks: readonly Buffer[];
  readonly length: number;
}

/** `framed`: each chunk is a message of gRPC's. */
export function bodyOf(seed: number, length: number, framed: boolean): Body {
  const chunks: Buffer[] = [];
  for (let at = 0; at < length || (framed && chunks.length === 0); at += CHUNK) {
    const from = (seed + at) % POOL;
    const chunk = pool.subarray(from, from + Math.min(CHUNK, length - at));
    chunks.push(framed ? message(chunk) : chunk);
  }
  return { chunks, length: chunks.reduce((sum, chunk) => sum + chunk.length, 0) };
}

export class Verifier {
  readonly #body: Body;
  #chunk = 0;
  #offset = 0;
  received = 0;
  /** The first byte that is not what was sent. */
  fault: string | undefined = undefined;

  constructor(body: Body) {
    this.#body = body;
  }

  take(bytes: Buffer): void {
    if (this.fault !== undefined) return;
    for (let at = 0; at < bytes.length; ) {
      const expected = this.#body.chunks[this.#chunk];
      if (!expected) {
        this.fault = `more than the ${this.#body.length} bytes that were sent`;
        return;
      }
      const length = Math.min(bytes.length - at, expected.length - this.#offset);
      if (bytes.compare(expected, this.#offset, this.#offset + length, at, at + length) !== 0) {
        this.fault = `another byte between ${this.received} and ${this.received + length}`;
        return;
      }
      at += length;
      this.received += length;
      this.#offset += length;
      if (this.#offset < expected.length) continue;
      this.#chunk++;
      this.#offset = 0;
    }
  }

  get isWhole(): boolean {
    return this.fault === undefined && this.received === this.#body.length;
  }
}

export interface Sink {
  write(chunk: Buffer): boolean;
  on(event: "drain" | "close", told: () => void): unknown;
  off(event: "drain" | "close", told: () => void): unknown;
  readonly destroyed: boolean;
}

const GAP_MS = 25;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Writes chunk after chunk as the sink takes them, up to `limit` bytes. Resolves with whether all of these went. */
export async function send(sink: Sink, { chunks }: Body, slowly: boolean, limit = Number.POSITIVE_INFINITY) {
  let left = limit;
  for (const chunk of chunks) {
    if (sink.destroyed) return false;
    if (left <= 0) break;
    const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
    left -= part.length;
    if (!sink.write(part)) await drained(sink);
    if (slowly) await pause(GAP_MS);
  }
  return !sink.destroyed;
}

function drained(sink: Sink): Promise<void> {
  return new Promise((resolve) => {
    const told = () => {
      sink.off("drain", told);
      sink.off("close", told);
      resolve();
    };
    sink.on("drain", told);
    sink.on("close", told);
  });
}

/** Reads with a pause after each chunk. */
export function slowDown(source: { pause(): unknown; resume(): unknown; readonly destroyed: boolean }): void {
  source.pause();
  setTimeout(() => {
    if (!source.destroyed) source.resume();
  }, GAP_MS);
}
