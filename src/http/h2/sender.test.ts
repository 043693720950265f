// Header blocks of several frames, behind bytes that the transport has taken in part.

import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../limits.ts";
import type { Transport } from "../transport.ts";
import { FloodGuard } from "./flood-guard.ts";
import { FLAG, FRAME, FRAME_HEAD_BYTES, MAX_FRAME_BYTES } from "./frame.ts";
import { boundOf } from "./hpack-encoder.ts";
import { Http2Sender } from "./sender.ts";

/** Takes as many bytes of each write as `takes` says, in turn; then all. */
function transportOf(takes: number[], sent: Buffer[]): Transport {
  return {
    write(bytes, start = 0, length = bytes.length - start) {
      const taken = Math.min(length, takes.shift() ?? length);
      sent.push(Buffer.from(bytes.subarray(start, start + taken)));
      return taken;
    },
    pause() {},
    resume() {},
    end() {},
    terminate() {},
  };
}

const BEFORE = Buffer.alloc(100_000);
/** Around the lengths at which the block has its place in a buffer of 128 KiB behind 30,000 bytes, and the heads of its frames have not. */
const LENGTHS = Array.from({ length: 160 }, (_, i) => 100_920 + i);

function framesOf(bytes: Buffer): { type: number; flags: number; payload: Buffer }[] {
  const frames = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + length);
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, payload });
    at += FRAME_HEAD_BYTES + length;
  }
  return frames;
}

test("a block of several frames is whole wherever it lies in its buffer", () => {
  for (const length of LENGTHS) {
    const sent: Buffer[] = [];
    const sender = new Http2Sender(transportOf([70_000, 5_000], sent), new FloodGuard(DEFAULT_LIMITS), DEFAULT_LIMITS);
    sender.outbox.write(BEFORE);
    sender.outbox.drained();
    const value = "v".repeat(length);
    sender.beginHeaders(boundOf(["x-long", value])).fields(["x-long", value]);
    sender.endBareHeaders(1);
    sender.outbox.drained();
    const frames = framesOf(Buffer.concat(sent).subarray(BEFORE.length));
    const types = frames.map(({ type }) => type);
    expect(types).toEqual([FRAME.headers, ...types.slice(1).map(() => FRAME.continuation)]);
    expect(frames.map(({ flags }) => (flags & FLAG.endHeaders) !== 0)).toEqual([
      ...types.slice(1).map(() => false),
      true,
    ]);
    expect(frames.every(({ payload }) => payload.length <= MAX_FRAME_BYTES)).toBe(true);
    expect(
      Buffer.concat(frames.map(({ payload }) => payload))
        .latin1Slice()
        .endsWith(value),
    ).toBe(true);
  }
});
