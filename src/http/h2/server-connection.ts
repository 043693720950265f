// The server's end of an HTTP/2 connection.

import { Alarm, timers } from "../../base/timer-wheel.ts";
import type { HttpLimits } from "../limits.ts";
import type { ResetReason, ServerConnection, ServerConnectionListener, ServerStream } from "../stream.ts";
import type { Transport } from "../transport.ts";
import { Http2Connection } from "./connection.ts";
import { writeGoaway, writePing, writeSettings, writeWindowUpdate } from "./control-frames.ts";
import type { FieldBlock } from "./field-block.ts";
import { DEFAULT_WINDOW, ERROR, MAX_FRAME_BYTES, MAX_STREAM_ID, SETTING } from "./frame.ts";
import { FIELD_BOUND } from "./hpack-encoder.ts";
import { toRequestHead, toTrailers } from "./message.ts";
import { Http2ServerStream } from "./server-stream.ts";
import type { PeerSettings } from "./settings.ts";
import { VIOLATION, type Violation } from "./violation.ts";

const MALFORMED = "http2.violation.of.messaging.rule";
/** How long the first GOAWAY of a shutdown may wait for the answer to its PING: what a client sent before it saw it is served. */
const DRAIN_ROUND_TRIP_MS = 1_000;
const DRAIN_PING = Buffer.from("draining", "latin1");

/** Serves the requests of one connection; see ServerConnectionListener for what its owner is told. */
export class Http2ServerConnection extends Http2Connection<Http2ServerStream> implements ServerConnection {
  readonly #listener: ServerConnectionListener;
  readonly #scheme: string;
  #lastStreamId = 0;
  /** The last stream that the final GOAWAY promised to serve; later ones are ignored. */
  #lastPromised = MAX_STREAM_ID;
  #offersLongFrames = false;
  readonly #drainAlarm = new Alarm(() => this.#finishDraining());

  openStreams(): readonly ServerStream[] {
    return this.streams.list();
  }

  /** @param scheme of requests that do not say: `https` on TLS, else `http` */
  constructor(transport: Transport, listener: ServerConnectionListener, limits: HttpLimits, scheme: "http" | "https") {
    super(transport, limits, true);
    this.#listener = listener;
    this.#scheme = scheme;
    writeSettings(this.sender.outbox, [
      [SETTING.maxConcurrentStreams, limits.maxConcurrentStreams],
      [SETTING.initialWindowSize, this.streamWindowBytes],
      [SETTING.maxHeaderListSize, limits.maxHeadBytes],
      [SETTING.enableConnectProtocol, 1],
    ]);
    const more = limits.connectionWindowBytes - DEFAULT_WINDOW;
    if (more > 0) writeWindowUpdate(this.sender.outbox, 0, more);
  }

  protected get lastStreamId(): number {
    return Math.min(this.#lastStreamId, this.#lastPromised);
  }

  protected isIdle(streamId: number): boolean {
    return streamId > this.#lastStreamId || streamId % 2 === 0;
  }

  protected onBlock(streamId: number, block: FieldBlock, end: boolean): Violation | undefined {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) return this.#onTrailers(stream, block, end);
    if (streamId % 2 === 0) return VIOLATION.streamId;
    if (streamId <= this.#lastStreamId) return this.onStray(streamId);
    this.#lastStreamId = streamId;
    if (streamId > this.#lastPromised) {
      if (!end) this.expectLeftovers(streamId); // the client has yet to see GOAWAY; it knows then that this was not processed
      return undefined;
    }
    if (this.active >= this.limits.maxConcurrentStreams || this.sender.crowded) {
      return this.refuseStream(streamId, ERROR.refusedStream, !end) ?? this.#count(true);
    }
    if (block.tooLarge) return this.#reject(streamId, 431, end, "http2.too_many_headers");
    if (block.path !== undefined && block.path.length > this.limits.maxTargetBytes) {
      return this.#reject(streamId, 414, end, "http2.path_too_long");
    }
    return this.#onRequest(streamId, block, end);
  }

  #onRequest(streamId: number, block: FieldBlock, end: boolean): Violation | undefined {
    const head = toRequestHead(block, this.#scheme, end);
    if (head === undefined) {
      this.#listener.onRefused(0, MALFORMED, false);
      return this.refuseStream(streamId, ERROR.protocolError, !end) ?? this.#count(true);
    }
    head.wireBytes = block.wireBytes;
    const stream = new Http2ServerStream(this, streamId, head, end);
    stream.countBlock(block.frameBytes);
    this.addStream(stream);
    this.#listener.onRequest(stream, head, end);
    return undefined;
  }

  #onTrailers(stream: Http2ServerStream, block: FieldBlock, end: boolean): Violation | undefined {
    if (stream.receivingOver) return VIOLATION.closedStream;
    stream.countBlock(block.frameBytes);
    const trailers = toTrailers(block);
    if (block.tooLarge) this.onStreamError(stream, ERROR.enhanceYourCalm, "http2.too_many_headers");
    else if (trailers === undefined || !end) this.onStreamError(stream, ERROR.protocolError, MALFORMED);
    else stream.receiveEnd(trailers);
    return undefined;
  }

  /** Answers in the owner's stead, and has the client stop sending. */
  #reject(streamId: number, status: number, end: boolean, detail: string): Violation | undefined {
    const encoder = this.sender.beginHeaders(2 * FIELD_BOUND + 32);
    encoder.status(status);
    encoder.field("content-length", "0");
    this.sender.endBareHeaders(streamId);
    this.#listener.onRefused(status, detail, false);
    return (end ? undefined : this.refuseStream(streamId, ERROR.noError, true)) ?? this.#count(false);
  }

  #count(premature: boolean): Violation | undefined {
    return this.guard.streamFinished(premature) ? undefined : VIOLATION.prematureResets;
  }

  protected onPeerReset(stream: Http2ServerStream, reason: ResetReason): Violation | undefined {
    stream.abort(reason);
    return stream.answered ? undefined : this.#count(true);
  }

  protected onStreamFailed(stream: Http2ServerStream, detail: string): Violation | undefined {
    this.#listener.onRefused(0, detail, true);
    return stream.answered ? undefined : this.#count(true);
  }

  protected onStreamGone(stream: Http2ServerStream): void {
    if (stream.answered) this.guard.streamFinished(false);
    this.#closeIfDrained();
  }

  protected onFailed(violation: Violation): void {
    this.#listener.onRefused(0, violation.detail, this.active > 0);
  }

  /**
   * Long frames are offered to those alone who offer them too, as our clients do: h2spec takes 16 KiB for every server's bound, and a
   * stranger has no use for more.
   */
  protected onPeerSettings({ maxFrameBytes = 0 }: PeerSettings): void {
    if (this.#offersLongFrames || maxFrameBytes < MAX_FRAME_BYTES) return;
    this.#offersLongFrames = true;
    writeSettings(this.sender.outbox, [[SETTING.maxFrameSize, MAX_FRAME_BYTES]]);
    this.allowLongFrames();
  }

  protected onGoaway(): void {}

  /**
   * Two steps (RFC 9113 6.8): GOAWAY with the highest id asks for no more streams, and only when the answer to a PING shows that the
   * client has seen it does a second one name the last stream that is served.
   */
  shutdown(): void {
    if (this.phase !== "open") return;
    this.phase = "draining";
    writeGoaway(this.sender.outbox, MAX_STREAM_ID, ERROR.noError, "");
    writePing(this.sender.outbox, DRAIN_PING, 0, false);
    timers.arm(this.#drainAlarm, DRAIN_ROUND_TRIP_MS);
  }

  protected onPingAnswered(): void {
    if (this.#drainAlarm.armed) this.#finishDraining();
  }

  #finishDraining(): void {
    timers.disarm(this.#drainAlarm);
    if (this.phase !== "draining" || this.#lastPromised !== MAX_STREAM_ID) return;
    this.#lastPromised = this.#lastStreamId;
    writeGoaway(this.sender.outbox, this.#lastPromised, ERROR.noError, "");
    this.#closeIfDrained();
  }

  #closeIfDrained(): void {
    if (this.phase === "draining" && this.#lastPromised !== MAX_STREAM_ID && this.active === 0) this.close();
  }

  protected onGone(): void {
    timers.disarm(this.#drainAlarm);
    this.#listener.onClosed();
  }
}
