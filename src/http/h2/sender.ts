// The sending side of a connection: frames written straight into the outbox, windows kept, streams served in turn.

import type { HeaderList } from "../headers.ts";
import type { HttpLimits } from "../limits.ts";
import { FLUSH_BYTES, Outbox, type OutboxOwner } from "../outbox.ts";
import type { Transport } from "../transport.ts";
import type { FloodGuard } from "./flood-guard.ts";
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW,
  FLAG,
  FRAME,
  FRAME_HEAD_BYTES,
  MAX_FRAME_BYTES,
  MAX_WINDOW,
  writeFrameHead,
} from "./frame.ts";
import { boundOf, HpackEncoder } from "./hpack-encoder.ts";
import { Backlog, type SendHalf } from "./send-half.ts";

/** Size updates at the start of a block, and the frame's head. */
const BLOCK_BOUND = 32;
/**
 * Beyond this many times the high-water mark nothing new is begun: what is in the outbox then is not data, which stops at the mark,
 * but the heads of messages to a peer that does not read.
 */
const CROWDED = 8;
/** Offsets into the outbox hold only between two flushes, so those are counted. */
class CountedTransport implements Transport {
  flushes = 0;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  write(bytes: Uint8Array, start = 0, length = bytes.length - start): number {
    this.flushes++;
    return this.#transport.write(bytes, start, length);
  }

  pause(): void {
    this.#transport.pause();
  }

  resume(): void {
    this.#transport.resume();
  }

  end(): void {
    this.#transport.end();
  }

  terminate(): void {
    this.#transport.terminate();
  }
}

export class Http2Sender implements OutboxOwner {
  readonly outbox: Outbox;
  readonly encoder = new HpackEncoder();
  /** Of the connection, and for each new stream. */
  window: number = DEFAULT_WINDOW;
  initialWindow: number = DEFAULT_WINDOW;
  /** Of a DATA frame's payload; all else keeps to the default. */
  #maxFrame: number = DEFAULT_FRAME_BYTES;
  readonly #transport: CountedTransport;
  readonly #guard: FloodGuard;
  readonly #limits: HttpLimits;
  #firstListed: SendHalf | undefined;
  #lastListed: SendHalf | undefined;
  /** The frame written last, as long as END_STREAM can still be added to it: it saves a frame for most messages. */
  #tail: SendHalf | undefined;
  #tailAt = 0;
  #tailEnd = 0;
  #tailFlushes = 0;
  /** Control frames in the outbox that the peer provoked. */
  #provoked = 0;

  constructor(transport: Transport, guard: FloodGuard, limits: HttpLimits) {
    this.#transport = new CountedTransport(transport);
    this.#guard = guard;
    this.#limits = limits;
    this.outbox = new Outbox(this.#transport, this, limits.highWaterBytes);
  }

  get crowded(): boolean {
    return this.outbox.pending > CROWDED * this.#limits.highWaterBytes;
  }

  onOutboxDrained(): void {
    this.#provoked = 0;
    this.pump();
  }

  /** Makes room for a header block of at most `bound` bytes; the fields go to the encoder that is returned, then comes `endHeaders`. */
  beginHeaders(bound: number): HpackEncoder {
    const { outbox, encoder } = this;
    const most = bound + BLOCK_BOUND;
    // With the heads of what follows the first frame: room that is made later may move the block.
    outbox.reserve(most + Math.floor(most / DEFAULT_FRAME_BYTES) * FRAME_HEAD_BYTES);
    encoder.begin(outbox.bytes, outbox.length + FRAME_HEAD_BYTES);
    return encoder;
  }

  endHeaders(half: SendHalf, end: boolean): void {
    const at = this.outbox.length;
    this.#frameHeaders(half.id, end);
    const framed = this.outbox.length - at;
    half.headerSent += framed;
    half.wireSent += framed;
    this.#setTail(half, at);
    if (end) half.onEndSent();
  }

  /** The same for an answer without a stream behind it; it ends the stream. */
  endBareHeaders(id: number): void {
    this.#frameHeaders(id, true);
  }

  #frameHeaders(id: number, end: boolean): void {
    const { outbox } = this;
    const at = outbox.length;
    const length = this.encoder.at - at - FRAME_HEAD_BYTES;
    outbox.length = this.encoder.at;
    const flags = end ? FLAG.endHeaders | FLAG.endStream : FLAG.endHeaders;
    if (length > DEFAULT_FRAME_BYTES) this.#splitHeaders(id, at, length, end);
    else writeFrameHead(outbox.bytes, at, length, FRAME.headers, flags, id);
  }

  /** Puts the heads of CONTINUATION frames into a block that is too long for one frame. */
  #splitHeaders(id: number, at: number, length: number, end: boolean): void {
    const { outbox } = this;
    const continuations = Math.ceil(length / DEFAULT_FRAME_BYTES) - 1;
    const { bytes } = outbox;
    outbox.length += continuations * FRAME_HEAD_BYTES;
    for (let i = continuations; i >= 0; i--) {
      const offset = i * DEFAULT_FRAME_BYTES;
      const count = Math.min(DEFAULT_FRAME_BYTES, length - offset);
      const source = at + FRAME_HEAD_BYTES + offset;
      const head = at + i * (FRAME_HEAD_BYTES + DEFAULT_FRAME_BYTES);
      bytes.copyWithin(head + FRAME_HEAD_BYTES, source, source + count);
      const last = i === continuations ? FLAG.endHeaders : FLAG.none;
      const flags = i === 0 && end ? last | FLAG.endStream : last;
      writeFrameHead(bytes, head, count, i === 0 ? FRAME.headers : FRAME.continuation, flags, id);
    }
  }

  #setTail(half: SendHalf, at: number): void {
    this.#tail = half;
    this.#tailAt = at;
    this.#tailEnd = this.outbox.length;
    this.#tailFlushes = this.#transport.flushes;
  }

  /** Sends what the windows and the outbox take, and copies the rest. False above the mark: `onRoom` follows. */
  data(half: SendHalf, chunk: Uint8Array): boolean {
    const sent = this.#sendAtOnce(half, chunk);
    if (sent === chunk.length) return true;
    half.backlog ??= new Backlog();
    half.backlog.queue.push(chunk, sent, chunk.length);
    if (half.window > 0) this.#list(half, half.backlog);
    if (!this.outbox.blocked && half.backlog.queue.length <= this.#limits.highWaterBytes) return true;
    half.backlog.waiting = true;
    return false;
  }

  /** The same without a copy of the rest. Bytes sent; `onRoom` follows when they are fewer than all. */
  offer(half: SendHalf, chunk: Uint8Array): number {
    const sent = this.#sendAtOnce(half, chunk);
    if (sent === chunk.length) return sent;
    half.backlog ??= new Backlog();
    half.backlog.waiting = true;
    if (half.window > 0) this.#list(half, half.backlog);
    return sent;
  }

  /** What the windows and the outbox take, unless something waits before it. */
  #sendAtOnce(half: SendHalf, chunk: Uint8Array): number {
    if (half.backlog !== undefined && half.backlog.queue.length > 0) return 0;
    let sent = 0;
    while (sent < chunk.length && !this.outbox.blocked) {
      const count = Math.min(chunk.length - sent, half.window, this.window, this.#maxFrame);
      if (count <= 0) break;
      this.#writeData(half, count === chunk.length ? chunk : chunk.subarray(sent, sent + count));
      sent += count;
    }
    return sent;
  }

  /** A DATA frame. What fills a flush by itself leaves without a copy. */
  #writeData(half: SendHalf, payload: Uint8Array): void {
    const { outbox } = this;
    const { length } = payload;
    if (outbox.pending >= FLUSH_BYTES) outbox.flush();
    const isLarge = length >= FLUSH_BYTES;
    outbox.reserve(isLarge ? FRAME_HEAD_BYTES : FRAME_HEAD_BYTES + length);
    const at = outbox.length;
    writeFrameHead(outbox.bytes, at, length, FRAME.data, FLAG.none, half.id);
    outbox.length = at + FRAME_HEAD_BYTES;
    if (isLarge) {
      outbox.write(payload);
    } else {
      outbox.bytes.set(payload, outbox.length);
      outbox.length += length;
      if (outbox.pending > this.#limits.highWaterBytes) outbox.blocked = true;
    }
    half.wireSent += FRAME_HEAD_BYTES + length;
    half.window -= length;
    this.window -= length;
    this.#guard.sentData();
    if (isLarge) this.#tail = undefined;
    else this.#setTail(half, at);
  }

  /** Ends the direction once everything is sent. */
  end(half: SendHalf, trailers: HeaderList | undefined): void {
    const { backlog } = half;
    if (backlog === undefined || backlog.queue.length === 0) {
      this.#finish(half, trailers);
    } else {
      backlog.ending = true;
      backlog.trailers = trailers;
    }
  }

  #finish(half: SendHalf, trailers: HeaderList | undefined): void {
    const { outbox } = this;
    if (trailers !== undefined && trailers.length > 0) {
      this.beginHeaders(boundOf(trailers)).fields(trailers);
      this.endHeaders(half, true);
      return;
    }
    if (half === this.#tail && outbox.length === this.#tailEnd && this.#transport.flushes === this.#tailFlushes) {
      outbox.bytes[this.#tailAt + 4]! |= FLAG.endStream;
    } else {
      outbox.reserve(FRAME_HEAD_BYTES);
      writeFrameHead(outbox.bytes, outbox.length, 0, FRAME.data, FLAG.endStream, half.id);
      outbox.length += FRAME_HEAD_BYTES;
      half.wireSent += FRAME_HEAD_BYTES;
    }
    half.onEndSent();
  }

  /** Adds to a stream's window; false when it passes 2^31-1. */
  widen(half: SendHalf, increment: number): boolean {
    half.window += increment;
    if (half.window > MAX_WINDOW) return false;
    const { backlog } = half;
    if (half.window > 0 && backlog !== undefined && (backlog.queue.length > 0 || backlog.waiting))
      this.#list(half, backlog);
    return true;
  }

  /** Adds to the connection's window; false when it passes 2^31-1. */
  widenConnection(increment: number): boolean {
    this.window += increment;
    return this.window <= MAX_WINDOW;
  }

  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE, which changes open streams too; false when it takes one above 2^31-1. */
  setInitialWindow(size: number, halves: readonly SendHalf[]): boolean {
    const increment = size - this.initialWindow;
    this.initialWindow = size;
    let valid = true;
    for (const half of halves) valid = this.widen(half, increment) && valid;
    return valid;
  }

  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  setMaxFrame(bytes: number): void {
    this.#maxFrame = Math.min(bytes, MAX_FRAME_BYTES);
  }

  #list(half: SendHalf, backlog: Backlog): void {
    if (backlog.listed) return;
    backlog.listed = true;
    if (this.#lastListed?.backlog) this.#lastListed.backlog.next = half;
    else this.#firstListed = half;
    this.#lastListed = half;
  }

  #unlistFirst(backlog: Backlog): void {
    backlog.listed = false;
    this.#firstListed = backlog.next;
    backlog.next = undefined;
    if (this.#firstListed === undefined) this.#lastListed = undefined;
  }

  /** Sends a frame of each stream that waits, in turn, until a window or the outbox is full. Only from `receive` or a flush. */
  pump(): void {
    while (!this.outbox.blocked) {
      const half = this.#firstListed;
      const backlog = half?.backlog;
      if (half === undefined || backlog === undefined) return;
      if (half.sendingOver) {
        this.#unlistFirst(backlog);
      } else {
        if (this.window <= 0) return;
        this.#unlistFirst(backlog);
        this.#sendQueued(half, backlog);
      }
    }
  }

  #sendQueued(half: SendHalf, backlog: Backlog): void {
    const { queue } = backlog;
    const count = Math.min(queue.length, half.window, this.window, this.#maxFrame);
    if (count > 0) {
      this.#writeData(half, queue.view(count));
      queue.drop(count);
    }
    if (queue.length > 0 && half.window > 0) this.#list(half, backlog);
    if (queue.length === 0 && backlog.ending) {
      this.#finish(half, backlog.trailers);
    } else if (backlog.waiting && queue.length * 2 <= this.#limits.highWaterBytes) {
      backlog.waiting = false;
      half.onRoom();
    }
  }

  /** Forgets what a stream still had to send. */
  abandon(half: SendHalf): void {
    half.backlog?.queue.clear();
  }

  /** Counts an answer that the peer provoked; false when more of them wait than it may make wait. */
  mayAnswer(): boolean {
    if (this.outbox.length === 0) this.#provoked = 0;
    return ++this.#provoked <= this.#limits.maxOutboundControlFrames;
  }
}
