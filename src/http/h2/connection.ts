// What both ends of an HTTP/2 connection make of frames: the rules of RFC 9113, in the order of its section 6.

import type { HttpLimits } from "../limits.ts";
import type { ResetReason } from "../stream.ts";
import type { Transport } from "../transport.ts";
import {
  STREAM_CONTROL_BYTES,
  writePing,
  writeRstStream,
  writeSettingsAck,
  writeWindowUpdate,
} from "./control-frames.ts";
import type { FieldBlock } from "./field-block.ts";
import { ReceiveWindow } from "./flow.ts";
import {
  DEFAULT_WINDOW,
  ERROR,
  type ErrorCode,
  FLAG,
  FRAME,
  MAX_FRAME_BYTES,
  PREFACE,
  readUint31,
  readUint32,
} from "./frame.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { HeaderAssembler } from "./header-assembler.ts";
import { KEEPALIVE_PING } from "./keepalive.ts";
import { Http2Lifecycle } from "./lifecycle.ts";
import { ReaderWatch } from "./reader-watch.ts";
import { type PeerSettings, readSettings } from "./settings.ts";
import { type Http2Stream, resetReasonOf, type StreamOwner } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";
import { VIOLATION, type Violation } from "./violation.ts";

export abstract class Http2Connection<S extends Http2Stream> extends Http2Lifecycle implements FrameSink, StreamOwner {
  readonly streamWindowBytes: number;
  readonly maxInterimResponses: number;
  protected readonly streams = new StreamTable<S>();
  /** The peer's SETTINGS have come. */
  protected settled = false;
  readonly #reader: FrameReader;
  readonly #assembler: HeaderAssembler;
  readonly #window: ReceiveWindow;
  /** Bytes of the client's preface that a server still waits for. */
  #prefaceLeft: number;
  /** Streams that were reset here while the peer's frames may be on their way, which are ignored (RFC 9113 5.1). */
  readonly #leftovers = new Set<number>();
  #readerWatch: ReaderWatch | undefined;
  /** The DATA frame at hand; without a stream it is counted and dropped. */
  #dataStream: S | undefined;
  #dataFlags = 0;
  #dataLength = 0;
  /** Of its payload, what has not come as data: in the end, the padding. */
  #dataUnseen = 0;

  constructor(transport: Transport, limits: HttpLimits, awaitPreface: boolean) {
    super(transport, limits);
    // Until the peer has our SETTINGS it may use the default, so a smaller window is not to be had (Envoy refuses to configure one).
    this.maxInterimResponses = limits.maxInterimResponses;
    this.streamWindowBytes = Math.max(DEFAULT_WINDOW, limits.streamWindowBytes);
    this.#reader = new FrameReader(this);
    this.#assembler = new HeaderAssembler(limits);
    this.#window = new ReceiveWindow(Math.max(DEFAULT_WINDOW, limits.connectionWindowBytes));
    this.#prefaceLeft = awaitPreface ? PREFACE.length : 0;
  }

  /** A header block is complete, whether or not its stream is known. */
  protected abstract onBlock(streamId: number, block: FieldBlock, end: boolean): Violation | undefined;
  /** Whether a stream of that id was never begun. */
  protected abstract isIdle(streamId: number): boolean;
  protected abstract onPeerSettings(settings: PeerSettings): void;
  protected abstract onGoaway(lastStreamId: number): void;
  protected abstract onPingAnswered(): void;
  /** A stream is about to be reset for what the peer sent. A violation if that happens too often. */
  protected abstract onStreamFailed(stream: S, detail: string): Violation | undefined;
  protected abstract onPeerReset(stream: S, reason: ResetReason): Violation | undefined;
  /** A stream has left the table. */
  protected abstract onStreamGone(stream: S): void;

  get active(): number {
    return this.streams.size;
  }

  get buffered(): number {
    let bytes = this.sender.outbox.pending;
    for (const stream of this.streams.list()) bytes += stream.buffered;
    return bytes;
  }

  protected override get awaitsHead(): boolean {
    return !this.settled || this.#reader.waiting || this.#assembler.openStreamId !== 0;
  }

  protected override read(bytes: Buffer): void {
    if (this.#prefaceLeft === 0) {
      this.#reader.read(bytes);
      return;
    }
    const from = PREFACE.length - this.#prefaceLeft;
    const count = Math.min(this.#prefaceLeft, bytes.length);
    this.#prefaceLeft -= count;
    if (bytes.compare(PREFACE, from, from + count, 0, count) !== 0) this.fail(VIOLATION.preface);
    else if (count < bytes.length) this.#reader.read(bytes.subarray(count));
  }

  protected override stopReading(): void {
    this.#reader.stop();
    this.#readerWatch?.stop();
  }

  /** To be called when SETTINGS_MAX_FRAME_SIZE is offered. */
  protected allowLongFrames(): void {
    this.#reader.allow(MAX_FRAME_BYTES);
  }

  // ---- streams

  protected override abortStreams(reason: ResetReason): void {
    for (const stream of this.streams.list()) stream.abort(reason);
  }

  protected addStream(stream: S): void {
    this.streams.add(stream);
    this.streamBegun();
  }

  onStreamClosed(stream: Http2Stream, abrupt: boolean): void {
    this.streams.delete(stream as S);
    if (abrupt) this.expectLeftovers(stream.id);
    this.onStreamGone(stream as S);
  }

  onEndQueued(): void {
    if (this.limits.flushTimeoutMs === 0 || !this.isReading) return;
    this.#readerWatch ??= new ReaderWatch(() => this.streams.list(), this.limits);
    this.#readerWatch.begin();
  }

  /** Frames of a stream that is over here may still be on their way. */
  protected expectLeftovers(id: number): void {
    const leftovers = this.#leftovers;
    // No more can have been open at once; the peer has heard of older ones since.
    if (leftovers.size >= this.limits.maxConcurrentStreams) leftovers.delete(leftovers.values().next().value ?? 0);
    leftovers.add(id);
  }

  onConsumed(bytes: number): void {
    const increment = this.#window.consume(bytes);
    if (increment > 0 && this.isReading) writeWindowUpdate(this.sender.outbox, 0, increment);
  }

  onStreamError(stream: Http2Stream, code: ErrorCode, detail: string): void {
    const more = !stream.receivingOver;
    stream.wireSent += STREAM_CONTROL_BYTES;
    const violation = this.refuseStream(stream.id, code, more) ?? this.onStreamFailed(stream as S, detail);
    stream.abort(code === ERROR.enhanceYourCalm ? "limit" : "protocol");
    if (violation !== undefined) this.fail(violation);
  }

  /** RST_STREAM because of what the peer sent; `more` of it may be on its way. */
  protected refuseStream(id: number, code: ErrorCode, more: boolean): Violation | undefined {
    if (!this.sender.mayAnswer()) return VIOLATION.outboundFlood;
    writeRstStream(this.sender.outbox, id, code);
    if (more) this.expectLeftovers(id);
    return undefined;
  }

  /** A message's frame came for a stream that is not in the table. It may be ignored if it crossed our reset. */
  protected onStray(streamId: number): Violation | undefined {
    if (this.isIdle(streamId)) return VIOLATION.streamId;
    return this.#leftovers.has(streamId) ? undefined : VIOLATION.closedStream;
  }

  // ---- DATA

  onBadFrame(kind: "oversized" | "padding"): void {
    this.fail(kind === "oversized" ? VIOLATION.frameSize : VIOLATION.payload);
  }

  onDataBegin(flags: number, streamId: number, length: number): void {
    this.#dataFlags = flags;
    this.#dataLength = length;
    this.#dataUnseen = length;
    const stream = this.streams.get(streamId);
    this.#dataStream = stream;
    const violation = this.#checkData(stream, flags, streamId, length);
    if (violation !== undefined) this.fail(violation);
    else this.headsEnded++;
  }

  #checkData(stream: S | undefined, flags: number, streamId: number, length: number): Violation | undefined {
    if (!this.settled || this.#assembler.openStreamId !== 0) return VIOLATION.frameOrder;
    if (!this.#window.take(length)) return VIOLATION.flowControl;
    if (stream === undefined) {
      const violation = streamId === 0 ? VIOLATION.streamId : this.onStray(streamId);
      if (flags & FLAG.endStream) this.#leftovers.delete(streamId);
      return violation;
    }
    if (stream.receivingOver) return VIOLATION.closedStream;
    if (!stream.takeWindow(length)) {
      this.onStreamError(stream, ERROR.flowControlError, VIOLATION.flowControl.detail);
    }
    return undefined;
  }

  onDataPart(bytes: Buffer, start: number, end: number): void {
    this.#dataUnseen -= end - start;
    const stream = this.#dataStream;
    if (stream !== undefined && stream.state !== "closed") stream.receive(bytes, start, end);
    else this.onConsumed(end - start);
  }

  onDataEnd(): void {
    const stream = this.#dataStream;
    const padding = this.#dataUnseen;
    const end = (this.#dataFlags & FLAG.endStream) !== 0;
    if (!this.guard.messageFrame(padding === this.#dataLength && !end)) {
      this.fail(VIOLATION.emptyFlood);
    } else if (stream === undefined || stream.state === "closed") {
      this.onConsumed(padding);
    } else {
      stream.consumed(padding);
      if (end) stream.receiveEnd(undefined);
    }
  }

  // ---- the other frames

  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const violation = this.#dispatch(type, flags, streamId, bytes, start, end);
    if (violation !== undefined) this.fail(violation);
    else if (this.#assembler.openStreamId === 0) this.headsEnded++;
  }

  #dispatch(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): Violation | undefined {
    const { openStreamId } = this.#assembler;
    if (openStreamId !== 0 && (type !== FRAME.continuation || streamId !== openStreamId)) return VIOLATION.frameOrder;
    if (!this.settled && (type !== FRAME.settings || flags & FLAG.ack)) return VIOLATION.frameOrder;
    switch (type) {
      case FRAME.headers:
        return this.#onHeaders(flags, streamId, bytes, start, end);
      case FRAME.priority:
        return this.#onPriority(streamId, bytes, start, end);
      case FRAME.rstStream:
        return this.#onRstStream(streamId, bytes, start, end);
      case FRAME.settings:
        return this.#onSettings(flags, streamId, bytes, start, end);
      case FRAME.pushPromise:
        return VIOLATION.frameOrder; // clients do not push, and this client has not allowed it
      case FRAME.ping:
        return this.#onPing(flags, streamId, bytes, start, end);
      case FRAME.goaway:
        return this.#onGoaway(streamId, bytes, start, end);
      case FRAME.windowUpdate:
        return this.#onWindowUpdate(streamId, bytes, start, end);
      case FRAME.continuation:
        return this.#onContinuation(flags, streamId, bytes, start, end);
      default: // RFC 9113 4.1: unknown types are ignored
        return this.guard.control() ? undefined : VIOLATION.controlFlood;
    }
  }

  #onHeaders(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Violation | undefined {
    if (streamId === 0) return VIOLATION.streamId;
    const empty = start === end && !(flags & (FLAG.endHeaders | FLAG.endStream));
    if (!this.guard.messageFrame(empty)) return VIOLATION.emptyFlood;
    return this.#assembler.begin(flags, streamId, bytes, start, end) ?? this.#onAssembled(streamId);
  }

  #onContinuation(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Violation | undefined {
    if (this.#assembler.openStreamId === 0) return VIOLATION.frameOrder;
    if (!this.guard.messageFrame(start === end && !(flags & FLAG.endHeaders))) return VIOLATION.emptyFlood;
    return this.#assembler.continue(flags, bytes, start, end) ?? this.#onAssembled(streamId);
  }

  #onAssembled(streamId: number): Violation | undefined {
    const { openStreamId, block, endStream } = this.#assembler;
    return openStreamId === 0 ? this.onBlock(streamId, block, endStream) : undefined;
  }

  #onPriority(streamId: number, bytes: Buffer, start: number, end: number): Violation | undefined {
    if (streamId === 0) return VIOLATION.streamId;
    if (end - start !== 5) return VIOLATION.frameSize;
    if (readUint31(bytes, start) === streamId) return VIOLATION.payload; // RFC 7540 5.3.1
    return this.guard.control() ? undefined : VIOLATION.controlFlood;
  }

  #onRstStream(streamId: number, bytes: Buffer, start: number, end: number): Violation | undefined {
    if (end - start !== 4) return VIOLATION.frameSize;
    const stream = this.streams.get(streamId);
    if (stream !== undefined) {
      stream.wireReceived += STREAM_CONTROL_BYTES;
      return this.onPeerReset(stream, resetReasonOf(readUint32(bytes, start)));
    }
    if (streamId === 0 || this.isIdle(streamId)) return VIOLATION.streamId;
    if (this.#leftovers.delete(streamId)) return undefined; // it crossed ours
    return this.guard.answer() ? undefined : VIOLATION.controlFlood;
  }

  #onSettings(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Violation | undefined {
    if (streamId !== 0) return VIOLATION.streamId;
    if (!this.guard.control()) return VIOLATION.controlFlood;
    if (flags & FLAG.ack) return start === end ? undefined : VIOLATION.frameSize;
    const settings = readSettings(bytes, start, end);
    if ("code" in settings) return settings;
    if (!this.sender.mayAnswer()) return VIOLATION.outboundFlood;
    this.settled = true;
    if (settings.maxFrameBytes !== undefined) this.sender.setMaxFrame(settings.maxFrameBytes);
    for (const bytes of settings.headerTableBytes ?? []) this.sender.encoder.setPeerTableBytes(bytes);
    if (
      settings.initialWindow !== undefined &&
      !this.sender.setInitialWindow(settings.initialWindow, this.streams.list())
    ) {
      return VIOLATION.flowControl;
    }
    writeSettingsAck(this.sender.outbox);
    this.onPeerSettings(settings);
    this.sender.pump();
    return undefined;
  }

  #onPing(flags: number, streamId: number, bytes: Buffer, start: number, end: number): Violation | undefined {
    if (streamId !== 0) return VIOLATION.streamId;
    if (end - start !== 8) return VIOLATION.frameSize;
    if (!this.guard.answer()) return VIOLATION.controlFlood;
    if (flags & FLAG.ack) {
      if (KEEPALIVE_PING.compare(bytes, start, end) === 0) this.onKeepaliveAnswered();
      else this.onPingAnswered();
      return undefined;
    }
    if (!this.sender.mayAnswer()) return VIOLATION.outboundFlood;
    writePing(this.sender.outbox, bytes, start, true);
    return undefined;
  }

  #onGoaway(streamId: number, bytes: Buffer, start: number, end: number): Violation | undefined {
    if (streamId !== 0) return VIOLATION.streamId;
    if (end - start < 8) return VIOLATION.frameSize;
    if (!this.guard.control()) return VIOLATION.controlFlood;
    this.onGoaway(readUint31(bytes, start));
    return undefined;
  }

  #onWindowUpdate(streamId: number, bytes: Buffer, start: number, end: number): Violation | undefined {
    if (end - start !== 4) return VIOLATION.frameSize;
    if (!this.guard.answer()) return VIOLATION.controlFlood;
    const increment = readUint31(bytes, start);
    // On a stream this is a stream error (RFC 9113 6.9), which a connection error may stand for: no honest peer does it, and to have a
    // server reset its own streams is an attack (CVE-2025-8671).
    if (increment === 0) return VIOLATION.payload;
    if (streamId === 0) {
      if (!this.sender.widenConnection(increment)) return VIOLATION.flowControl;
    } else {
      const stream = this.streams.get(streamId);
      if (stream === undefined) return this.isIdle(streamId) ? VIOLATION.streamId : undefined; // closed since: ignored
      if (!this.sender.widen(stream, increment)) {
        this.onStreamError(stream, ERROR.flowControlError, VIOLATION.flowControl.detail);
        return undefined;
      }
    }
    this.sender.pump();
    return undefined;
  }
}
