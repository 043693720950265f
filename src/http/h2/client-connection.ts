// The client's end of an HTTP/2 connection.

import { atEndOfTurn, type Flushable } from "../../base/end-of-turn.ts";
import type { HttpLimits } from "../limits.ts";
import type {
  ClientConnection,
  ClientConnectionListener,
  ClientStream,
  RequestHead,
  ResetReason,
  ResponseListener,
} from "../stream.ts";
import type { Transport } from "../transport.ts";
import { Http2ClientStream } from "./client-stream.ts";
import { Http2Connection } from "./connection.ts";
import { writeGoaway, writeSettings, writeWindowUpdate } from "./control-frames.ts";
import type { FieldBlock } from "./field-block.ts";
import { DEFAULT_WINDOW, ERROR, MAX_FRAME_BYTES, MAX_STREAM_ID, PREFACE, SETTING } from "./frame.ts";
import { boundOf, FIELD_BOUND } from "./hpack-encoder.ts";
import type { PeerSettings } from "./settings.ts";
import { VIOLATION, type Violation } from "./violation.ts";

/** Streams until the server has said how many it takes, as in nghttp2 and Go: a guess too high costs refusals, too low a round trip. */
const STREAMS_BEFORE_SETTINGS = 100;
/** Pseudo-header fields and content-length, beside their values. */
const HEAD_BOUND = 6 * FIELD_BOUND + 64;

/** A tunnel that waits for SETTINGS: only they say whether the server takes `:protocol` (RFC 8441 3). */
interface WaitingTunnel {
  readonly stream: Http2ClientStream;
  readonly head: RequestHead;
}

interface DoomedRequest {
  readonly stream: Http2ClientStream;
  readonly reason: ResetReason;
}

export class Http2ClientConnection extends Http2Connection<Http2ClientStream> implements ClientConnection, Flushable {
  readonly #listener: ClientConnectionListener;
  #nextId = 1;
  #peerStreams = STREAMS_BEFORE_SETTINGS;
  #takesProtocol = false;
  #tunnels: WaitingTunnel[] = [];
  /** Requests that cannot be made; told at the end of the turn. */
  #doomed: DoomedRequest[] = [];
  /** `available` has been 0, and the owner waits to hear otherwise. */
  #full = false;
  #scheduled = false;
  #toldDraining = false;

  constructor(transport: Transport, listener: ClientConnectionListener, limits: HttpLimits) {
    super(transport, limits, false);
    this.#listener = listener;
    this.sender.outbox.write(PREFACE);
    writeSettings(this.sender.outbox, [
      [SETTING.enablePush, 0],
      [SETTING.initialWindowSize, this.streamWindowBytes],
      [SETTING.maxFrameSize, MAX_FRAME_BYTES],
      [SETTING.maxHeaderListSize, limits.maxHeadBytes],
    ]);
    this.allowLongFrames();
    const more = limits.connectionWindowBytes - DEFAULT_WINDOW;
    if (more > 0) writeWindowUpdate(this.sender.outbox, 0, more);
  }

  override get active(): number {
    return this.streams.size + this.#tunnels.length;
  }

  get available(): number {
    if (this.phase !== "open" || this.sender.crowded) return 0;
    return Math.max(0, Math.min(this.#peerStreams, this.limits.maxConcurrentStreams) - this.active);
  }

  get draining(): boolean {
    return this.phase !== "open";
  }

  request(head: RequestHead, end: boolean, listener: ResponseListener): ClientStream {
    const stream = new Http2ClientStream(this, head, listener);
    if (this.phase !== "open") this.#doom(stream, "refused");
    else if (head.upgrade === undefined || this.#takesProtocol) this.#begin(stream, head, end);
    else if (!this.settled) this.#tunnels.push({ stream, head });
    else this.#doom(stream, "protocol");
    if (this.available === 0) this.#full = true;
    return stream;
  }

  #doom(stream: Http2ClientStream, reason: ResetReason): void {
    this.#doomed.push({ stream, reason });
    this.#schedule();
  }

  #begin(stream: Http2ClientStream, head: RequestHead, end: boolean): void {
    stream.open(this.#nextId);
    this.#nextId += 2;
    this.addStream(stream);
    const { method, authority, path, headers, upgrade, contentLength } = head;
    const bound =
      HEAD_BOUND + method.length + authority.length + path.length + (upgrade?.length ?? 0) + boundOf(headers);
    const encoder = this.sender.beginHeaders(bound);
    const plainConnect = method === "CONNECT";
    encoder.method(upgrade === undefined ? method : "CONNECT");
    if (!plainConnect) {
      encoder.scheme(head.scheme);
      encoder.path(path);
    }
    encoder.authority(authority);
    if (upgrade !== undefined) encoder.protocol(upgrade);
    else if (contentLength >= 0 && !plainConnect) encoder.field("content-length", String(contentLength));
    encoder.fields(headers);
    this.sender.endHeaders(stream, end);
    if (this.#nextId > MAX_STREAM_ID) this.#drain();
  }

  protected get lastStreamId(): number {
    return 0; // the server begins none
  }

  protected isIdle(streamId: number): boolean {
    return streamId >= this.#nextId || streamId % 2 === 0;
  }

  protected onBlock(streamId: number, block: FieldBlock, end: boolean): Violation | undefined {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return this.onStray(streamId);
    if (stream.receivingOver) return VIOLATION.closedStream;
    stream.receiveBlock(block, end);
    return undefined;
  }

  protected onPeerReset(stream: Http2ClientStream, reason: ResetReason): undefined {
    stream.abort(reason);
  }

  protected onPeerSettings(settings: PeerSettings): void {
    if (settings.maxConcurrentStreams !== undefined) this.#peerStreams = settings.maxConcurrentStreams;
    else if (this.#peerStreams === STREAMS_BEFORE_SETTINGS) this.#peerStreams = MAX_STREAM_ID;
    if (settings.enableConnectProtocol !== undefined) this.#takesProtocol = settings.enableConnectProtocol;
    const waiting = this.#tunnels;
    this.#tunnels = [];
    for (const { stream, head } of waiting) {
      if (stream.state === "closed") continue;
      if (!this.#takesProtocol) {
        stream.abort("protocol");
        continue;
      }
      this.#begin(stream, head, false);
      stream.release();
    }
    this.#schedule();
  }

  protected onPingAnswered(): void {}

  /** Streams above `lastStreamId` were not processed and may be sent again elsewhere. */
  protected onGoaway(lastStreamId: number): void {
    this.#drain();
    for (const stream of this.streams.list()) if (stream.id > lastStreamId) stream.abort("refused");
    this.#refuseTunnels();
    this.#closeIfDrained();
  }

  #refuseTunnels(): void {
    const waiting = this.#tunnels;
    this.#tunnels = [];
    for (const { stream } of waiting) stream.abort("refused");
  }

  protected onStreamFailed(): undefined {}

  protected onStreamGone(stream: Http2ClientStream): void {
    this.guard.streamFinished(false);
    if (stream.id === 0) this.#tunnels = this.#tunnels.filter((tunnel) => tunnel.stream !== stream);
    if (this.#full) this.#schedule();
    this.#closeIfDrained();
  }

  protected onFailed(): void {
    this.#refuseTunnels();
    this.#drain();
  }

  /** No more requests; GOAWAY tells the server, which may be draining too. */
  shutdown(): void {
    if (this.phase !== "open") return;
    this.#drain();
    writeGoaway(this.sender.outbox, 0, ERROR.noError, "");
    this.#closeIfDrained();
  }

  #drain(): void {
    if (this.phase === "open") this.phase = "draining";
    this.#schedule();
  }

  #closeIfDrained(): void {
    if (this.phase === "draining" && this.active === 0) this.close();
  }

  override drained(): void {
    super.drained();
    if (this.#full) this.#schedule();
  }

  override ended(): void {
    this.#refuseTunnels();
    this.#drain();
    super.ended();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    atEndOfTurn(this);
  }

  /** Tells what changed in the turn, once, and never from within a call of the owner. */
  flush(): void {
    this.#scheduled = false;
    const doomed = this.#doomed;
    this.#doomed = [];
    for (const { stream, reason } of doomed) stream.abort(reason);
    if (this.draining && !this.#toldDraining) {
      this.#toldDraining = true;
      this.#listener.onDraining();
    }
    if (this.#full && this.available > 0) {
      this.#full = false;
      this.#listener.onAvailable();
    }
  }

  protected onGone(): void {
    this.#refuseTunnels();
    if (!this.#toldDraining) {
      this.#toldDraining = true;
      this.#listener.onDraining();
    }
    this.#listener.onClosed();
  }
}
