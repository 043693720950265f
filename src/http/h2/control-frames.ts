// The frames without a message, written into a connection's outbox.

import type { Outbox } from "../outbox.ts";
import { type ErrorCode, FLAG, FRAME, FRAME_HEAD_BYTES, writeFrameHead, writeUint32 } from "./frame.ts";

/** Writes a frame's head and makes room for its payload; returns where that goes. */
function begin(outbox: Outbox, length: number, type: number, flags: number, streamId: number): number {
  outbox.reserve(FRAME_HEAD_BYTES + length);
  const at = outbox.length;
  writeFrameHead(outbox.bytes, at, length, type, flags, streamId);
  outbox.length = at + FRAME_HEAD_BYTES + length;
  return at + FRAME_HEAD_BYTES;
}

/** Of RST_STREAM and WINDOW_UPDATE, which are the ones that a stream may have. */
export const STREAM_CONTROL_BYTES = FRAME_HEAD_BYTES + 4;

export function writeRstStream(outbox: Outbox, streamId: number, code: ErrorCode): void {
  const at = begin(outbox, 4, FRAME.rstStream, FLAG.none, streamId);
  writeUint32(outbox.bytes, at, code);
}

/** `streamId` 0 is the connection. */
export function writeWindowUpdate(outbox: Outbox, streamId: number, increment: number): void {
  const at = begin(outbox, 4, FRAME.windowUpdate, FLAG.none, streamId);
  writeUint32(outbox.bytes, at, increment);
}

export function writeSettings(outbox: Outbox, entries: readonly (readonly [setting: number, value: number])[]): void {
  let at = begin(outbox, entries.length * 6, FRAME.settings, FLAG.none, 0);
  for (const [setting, value] of entries) {
    outbox.bytes[at] = setting >>> 8;
    outbox.bytes[at + 1] = setting;
    writeUint32(outbox.bytes, at + 2, value);
    at += 6;
  }
}

export function writeSettingsAck(outbox: Outbox): void {
  begin(outbox, 0, FRAME.settings, FLAG.ack, 0);
}

/** A PING, or the answer to one, with the eight bytes at source[at]. */
export function writePing(outbox: Outbox, source: Buffer, at: number, isAnswer: boolean): void {
  const target = begin(outbox, 8, FRAME.ping, isAnswer ? FLAG.ack : FLAG.none, 0);
  source.copy(outbox.bytes, target, at, at + 8);
}

/** `debug` is ASCII for whoever reads a packet capture. */
export function writeGoaway(outbox: Outbox, lastStreamId: number, code: ErrorCode, debug: string): void {
  const at = begin(outbox, 8 + debug.length, FRAME.goaway, FLAG.none, 0);
  writeUint32(outbox.bytes, at, lastStreamId);
  writeUint32(outbox.bytes, at + 4, code);
  outbox.bytes.latin1Write(debug, at + 8, debug.length);
}
