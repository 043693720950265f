// Frames of a size that matters, behind bytes that the transport has taken in part.

import { describe, expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "../limits.ts";
import type { Transport } from "../transport.ts";
import { FloodGuard } from "./flood-guard.ts";
import { DEFAULT_FRAME_BYTES, FLAG, FRAME, FRAME_HEAD_BYTES, MAX_FRAME_BYTES } from "./frame.ts";
import { boundOf } from "./hpack-encoder.ts";
import { SendHalf } from "./send-half.ts";
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
    expect(frames.every(({ payload }) => payload.length <= DEFAULT_FRAME_BYTES)).toBe(true);
    expect(
      Buffer.concat(frames.map(({ payload }) => payload))
        .latin1Slice()
        .endsWith(value),
    ).toBe(true);
  }
});

class Half extends SendHalf {
  readonly sendingOver = false;
  room = 0;
  ended = false;
  onRoom(): void {
    this.room++;
  }
  onEndSent(): void {
    this.ended = true;
  }
}

const MIB = 1024 * 1024;

describe("a body", () => {
  const body = Buffer.from(Array.from({ length: 600_000 }, (_, i) => (i * 7) % 251));

  function senderOf(takes: number[], sent: Buffer[]): Http2Sender {
    const sender = new Http2Sender(transportOf(takes, sent), new FloodGuard(DEFAULT_LIMITS), DEFAULT_LIMITS);
    sender.widenConnection(16 * MIB);
    return sender;
  }

  /** The lengths of the DATA frames; `sent` has to be the body whole and in order. */
  function lengthsOf(sent: readonly Buffer[]): number[] {
    const frames = framesOf(Buffer.concat(sent)).filter(({ type }) => type === FRAME.data);
    expect(Buffer.concat(frames.map(({ payload }) => payload)).equals(body)).toBe(true);
    expect(frames.map(({ flags }) => flags & FLAG.endStream)).toEqual([...frames.slice(1).map(() => 0), 1]);
    return frames.map(({ payload }) => payload.length);
  }

  test("is cut into what a peer takes that says nothing", () => {
    const sent: Buffer[] = [];
    const sender = senderOf([], sent);
    const half = new Half(1, MIB);
    sender.data(half, body);
    sender.end(half, undefined);
    sender.outbox.flush();
    expect(Math.max(...lengthsOf(sent))).toBe(DEFAULT_FRAME_BYTES);
    expect(half.ended).toBe(true);
  });

  test("leaves in frames as long as the peer takes, and no longer than our own bound", () => {
    for (const [offered, expected] of [
      [100_000, [100_000, 100_000, 100_000, 100_000, 100_000, 100_000, 0]],
      [0xffffff, [MAX_FRAME_BYTES, body.length - MAX_FRAME_BYTES, 0]],
    ] as const) {
      const sent: Buffer[] = [];
      const sender = senderOf([], sent);
      sender.setMaxFrame(offered);
      const half = new Half(1, MIB);
      expect(sender.data(half, body)).toBe(true);
      sender.end(half, undefined);
      sender.outbox.flush();
      expect(lengthsOf(sent)).toEqual([...expected]);
    }
  });

  test("is whole wherever the transport stops, and then waits for it", () => {
    for (const takes of [
      [0],
      [4],
      [9, 1],
      [9, 70_000, 3, 9],
      [9, MAX_FRAME_BYTES - 1, 0, 1],
      [9, MAX_FRAME_BYTES, 5],
    ]) {
      const sent: Buffer[] = [];
      const sender = senderOf([...takes], sent);
      sender.setMaxFrame(0xffffff);
      const half = new Half(1, MIB);
      const chunk = Buffer.from(body);
      const more = sender.data(half, chunk);
      chunk.fill(0); // it was the reader's, who has used it for something else since
      sender.end(half, undefined);
      for (let i = 0; i < 10; i++) sender.outbox.drained();
      lengthsOf(sent);
      expect(more || half.room > 0 || half.ended).toBe(true);
    }
  });

  test("that waited for a window leaves in frames as long as the window", () => {
    const sent: Buffer[] = [];
    const sender = senderOf([], sent);
    sender.setMaxFrame(0xffffff);
    const half = new Half(1, 200_000);
    expect(sender.data(half, body)).toBe(false);
    sender.end(half, undefined);
    sender.widen(half, 300_000);
    sender.pump();
    sender.widen(half, 300_000);
    sender.pump();
    sender.outbox.flush();
    expect(lengthsOf(sent).filter((length) => length > 0)).toEqual([200_000, 300_000, 100_000]);
  });
});

test("of what is offered the windows' part is taken, the rest is asked for when there is room", () => {
  const sent: Buffer[] = [];
  const sender = new Http2Sender(transportOf([], sent), new FloodGuard(DEFAULT_LIMITS), DEFAULT_LIMITS);
  const half = new Half(1, 65_535);
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
  expect(sender.offer(half, bytes)).toBe(65_535);
  expect(sender.offer(half, bytes.subarray(65_535))).toBe(0);
  expect(half.backlog?.queue.length).toBe(0);
  sender.pump();
  expect(half.room).toBe(0);
  sender.widenConnection(100_000);
  sender.pump();
  expect(half.room).toBe(0);
  sender.widen(half, 10_000);
  sender.pump();
  expect(half.room).toBe(1);
  expect(sender.offer(half, bytes.subarray(65_535))).toBe(10_000);
  sender.widen(half, 100_000);
  sender.pump();
  expect(half.room).toBe(2);
  expect(sender.offer(half, bytes.subarray(75_535))).toBe(24_465);
  sender.pump();
  expect(half.room).toBe(2);
  sender.outbox.flush();
  const data = framesOf(Buffer.concat(sent)).filter(({ type }) => type === FRAME.data);
  expect(Buffer.concat(data.map(({ payload }) => payload)).equals(bytes)).toBe(true);
});
