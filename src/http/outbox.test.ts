import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { giveBack, takeBuffer } from "./buffer-pool.ts";
import { FLUSH_BYTES, Outbox } from "./outbox.ts";
import type { Transport } from "./transport.ts";

/** Takes as many bytes of each write as `takes` says, in turn; then all. */
class SlowTransport implements Transport {
  readonly writes: Buffer[] = [];
  readonly #takes: number[];

  constructor(takes: readonly number[] = []) {
    this.#takes = [...takes];
  }

  get bytes(): Buffer {
    return Buffer.concat(this.writes);
  }

  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    const taken = Math.min(length, this.#takes.shift() ?? length);
    if (taken > 0) this.writes.push(Buffer.from(bytes.subarray(start, start + taken)));
    return taken;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  terminate(): void {}
}

const NOBODY = { onOutboxDrained() {} };

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

let counter = 0;
/** Bytes of which no two stretches are alike. */
function body(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE(counter++, i);
  return bytes;
}

describe("what is written", () => {
  test("leaves in order and once, whatever the sizes and however little the transport takes", () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 3 * FLUSH_BYTES }));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 12 }), fc.array(size, { maxLength: 12 }), (sizes, takes) => {
        const transport = new SlowTransport(takes);
        const outbox = new Outbox(transport, NOBODY, 1024 * 1024);
        const chunks = sizes.map(body);
        for (const [i, chunk] of chunks.entries()) {
          outbox.write(chunk);
          expect(outbox.written).toBe(sum(sizes.slice(0, i + 1)));
        }
        while (outbox.pending > 0) outbox.drained();
        expect(outbox.written).toBe(sum(sizes));
        expect(transport.bytes.equals(Buffer.concat(chunks))).toBe(true);
      }),
    );
  });

  test("waits for the end of the turn when it is small, and goes behind it at once when it is large", () => {
    const transport = new SlowTransport();
    const outbox = new Outbox(transport, NOBODY, 1024 * 1024);
    outbox.write(body(100));
    expect(transport.writes).toHaveLength(0);
    outbox.write(body(FLUSH_BYTES));
    expect(transport.writes.map(({ length }) => length)).toEqual([100, FLUSH_BYTES]);
    expect(outbox.pending).toBe(0);
  });

  test("is not tried again before the transport says so", () => {
    const transport = new SlowTransport([1_000]);
    const outbox = new Outbox(transport, NOBODY, 1024 * 1024);
    outbox.write(body(FLUSH_BYTES));
    outbox.write(body(FLUSH_BYTES));
    outbox.flush();
    expect(transport.writes).toHaveLength(1);
    expect(outbox.pending).toBe(2 * FLUSH_BYTES - 1_000);
  });
});

describe("buffers", () => {
  test("that were given back are taken again, and never by two", () => {
    const first = takeBuffer(100_000);
    giveBack(first);
    const again = takeBuffer(100_000);
    const other = takeBuffer(100_000);
    expect(again.buffer).toBe(first.buffer);
    expect(other.buffer).not.toBe(again.buffer);
  });

  test("are as long as was asked, above the largest class too", () => {
    for (const bytes of [1, 16_385, 131_073, 524_289]) expect(takeBuffer(bytes).length).toBeGreaterThanOrEqual(bytes);
  });
});
