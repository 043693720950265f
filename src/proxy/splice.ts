// Bytes both ways between two streams, with back-pressure from the slower end and half closes passed on.

import { freeMemory } from "../base/memory.ts";
import { Deadline, timers } from "../base/timer-wheel.ts";
import type { ByteListener, ByteStream } from "../net/byte-stream.ts";

/** Of a stream whose other one was broken off: it has got what waited for it, and its end; this is how long its own may take. */
const LINGER_MS = 1_000;

export interface SpliceSettings {
  /** 0 is none. */
  readonly idleTimeoutMs: number;
  /** Bytes that may wait for a slow end before the other is paused; one read of a socket, up to 512 KiB, may come on top. */
  readonly toUpstreamBytes: number;
  readonly toDownstreamBytes: number;
}

/** `ended`: both directions, in order; or which of the two was broken off first; or nothing had come for too long. */
export type SpliceEnd = "ended" | "downstream-reset" | "upstream-reset" | "idle" | "terminated";

/** The part of a chunk that waits. It would keep all of the chunk's memory, so what is a small part of it is copied instead. */
function held(rest: Uint8Array, from: ByteStream): Uint8Array {
  return rest.length * 4 < rest.buffer.byteLength || !from.claim() ? Buffer.from(rest) : rest;
}

export interface SpliceListener {
  /** Once, when both streams are gone. */
  onSpliceOver(end: SpliceEnd): void;
}

/** One direction: what `from` sends goes to `to`. */
class Direction implements ByteListener {
  bytes = 0;
  readonly #splice: Splice;
  readonly #from: ByteStream;
  readonly #to: ByteStream;
  readonly #highWaterBytes: number;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  #paused = false;
  /** `from` will send no more; the end is passed on behind the queue. */
  ended_ = false;
  /** `from` is gone without having ended. */
  isReset = false;
  reverse!: Direction;

  constructor(splice: Splice, from: ByteStream, to: ByteStream, highWaterBytes: number) {
    this.#highWaterBytes = highWaterBytes;
    this.#splice = splice;
    this.#from = from;
    this.#to = to;
  }

  receive(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    this.#splice.touch();
    let rest: Uint8Array = chunk;
    if (this.#queue.length === 0) {
      const taken = this.#to.write(chunk);
      if (taken < 0) this.#unheard();
      if (taken < 0 || taken === chunk.length) return;
      rest = chunk.subarray(taken);
    }
    this.#queue.push(held(rest, this.#from));
    this.#queued += rest.length;
    if (this.#queued > this.#highWaterBytes && !this.#paused) {
      this.#paused = true;
      this.#from.pause();
    }
  }

  /** `from` takes bytes again: the other direction goes on. */
  drained(): void {
    this.reverse.flush();
  }

  flush(): void {
    for (let chunk = this.#queue[0]; chunk; chunk = this.#queue[0]) {
      const taken = this.#to.write(chunk);
      if (taken < 0) {
        this.#queue.length = 0;
        this.#queued = 0;
        return;
      }
      this.#queued -= taken;
      if (taken > 0) this.#splice.touch();
      if (taken < chunk.length) {
        this.#queue[0] = chunk.subarray(taken);
        break;
      }
      this.#queue.shift();
      freeMemory(chunk);
    }
    if (this.#paused && this.#queued <= this.#highWaterBytes / 2) {
      this.#paused = false;
      this.#from.resume();
    }
    if (this.ended_ && this.#queued === 0) this.#finish();
  }

  /** The end of what `from` sent; all that there will be if `from` was broken off. */
  #finish(): void {
    if (this.isReset) this.#to.close();
    else this.#to.end();
  }

  /** `to` is gone and `from` sends on: it is told as a kernel would, once it has read what waits for it. */
  #unheard(): void {
    if (this.reverse.ended_ && this.reverse.#queued === 0) this.#from.terminate();
  }

  /** `to` is gone: what waits for it has no reader, and `from` must not stay paused, or its own end would not be seen. */
  drop(): void {
    const held = this.#queued > 0;
    this.#queue.length = 0;
    this.#queued = 0;
    if (this.#paused) this.#from.resume();
    this.#paused = false;
    if (held) this.#unheard();
  }

  get waits(): boolean {
    return this.#queued > 0;
  }

  ended(): void {
    this.ended_ = true;
    if (this.#queued === 0) this.#finish();
  }

  closed(): void {
    this.#splice.onClosed(this);
  }
}

export class Splice extends Deadline {
  readonly #listener: SpliceListener;
  readonly #idleTimeoutMs: number;
  readonly #forward: Direction;
  readonly #backward: Direction;
  readonly #downstream: ByteStream;
  readonly #upstream: ByteStream;
  #lastActivity = timers.now;
  #open = 2;
  #end: SpliceEnd = "ended";
  /** What waits for the stream that is left, as of the last look. */
  #lingering: Direction | undefined;

  /** `first`: bytes of the client that were read before. */
  constructor(
    downstream: ByteStream,
    upstream: ByteStream,
    first: Uint8Array | undefined,
    settings: SpliceSettings,
    listener: SpliceListener,
  ) {
    super();
    this.#listener = listener;
    const { idleTimeoutMs } = settings;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#downstream = downstream;
    this.#upstream = upstream;
    this.#forward = new Direction(this, downstream, upstream, settings.toUpstreamBytes);
    this.#backward = new Direction(this, upstream, downstream, settings.toDownstreamBytes);
    this.#forward.reverse = this.#backward;
    this.#backward.reverse = this.#forward;
    downstream.listener = this.#forward;
    upstream.listener = this.#backward;
    if (idleTimeoutMs > 0) timers.arm(this, idleTimeoutMs);
    if (first && first.length > 0) this.#forward.receive(first);
  }

  /** From the client. */
  get received(): number {
    return this.#forward.bytes;
  }

  /** To the client. */
  get sent(): number {
    return this.#backward.bytes;
  }

  /** @internal */
  touch(): void {
    this.#lastActivity = timers.now;
  }

  onDeadline(): void {
    if (this.#lingering) {
      // A slow reader gets all that waits for it, as long as it reads.
      const isReading = this.#lingering.waits && timers.now - this.#lastActivity < LINGER_MS;
      if (isReading) timers.arm(this, LINGER_MS);
      else this.#cutOff();
      return;
    }
    const idleFor = timers.now - this.#lastActivity;
    if (idleFor < this.#idleTimeoutMs - 10) {
      timers.arm(this, this.#idleTimeoutMs - idleFor);
      return;
    }
    this.#end = "idle";
    this.#cutOff();
  }

  terminate(): void {
    if (this.#end === "ended") this.#end = "terminated";
    this.#cutOff();
  }

  #cutOff(): void {
    this.#downstream.terminate();
    this.#upstream.terminate();
  }

  /** @internal One stream is gone: the other gets what is queued, then its end. */
  onClosed(direction: Direction): void {
    const isReset = !direction.ended_;
    direction.isReset = isReset;
    if (isReset && this.#end === "ended")
      this.#end = direction === this.#forward ? "downstream-reset" : "upstream-reset";
    if (!direction.ended_ || !direction.reverse.ended_) direction.ended();
    if (--this.#open === 0) {
      if (this.armed) timers.disarm(this);
      this.#listener.onSpliceOver(this.#end);
      return;
    }
    direction.reverse.drop();
    // The peer of a stream that is gone can still read what waits for it, but nothing that it sends has a reader.
    const other = direction === this.#forward ? this.#upstream : this.#downstream;
    if (direction.reverse.ended_) other.end();
    else if (isReset) {
      this.#lingering = direction;
      timers.arm(this, LINGER_MS);
    }
  }
}
