// One exchange of a connection: the states of RFC 9113 5.1, flow control of what is received, and the rules that hold for requests
// and responses alike.

import type { HeaderList } from "../headers.ts";
import type { ResetReason, StreamListener, StreamWriter } from "../stream.ts";
import { STREAM_CONTROL_BYTES, writeRstStream, writeWindowUpdate } from "./control-frames.ts";
import { ReceiveWindow } from "./flow.ts";
import { ERROR, type ErrorCode, FRAME_HEAD_BYTES } from "./frame.ts";
import { SendHalf } from "./send-half.ts";
import type { Http2Sender } from "./sender.ts";

/**
 * `idle`: a request whose head is not sent yet. `half-closed-local`: END_STREAM was sent; `half-closed-remote`: it was received;
 * `closed`: both, or either end reset it.
 */
export type StreamState = "idle" | "open" | "half-closed-local" | "half-closed-remote" | "closed";

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly sender: Http2Sender;
  readonly streamWindowBytes: number;
  readonly maxInterimResponses: number;
  /** The owner of a stream ended it, and something of it has to wait for the peer. */
  onEndQueued(): void;
  /** Bytes that count for the connection's window were consumed. */
  onConsumed(bytes: number): void;
  /** The peer broke the rules within a stream: resets it and tells its listener. */
  onStreamError(stream: Http2Stream, code: ErrorCode, detail: string): void;
  /** `abrupt`: it was reset here, and frames of the peer may still be on their way. */
  onStreamClosed(stream: Http2Stream, abrupt: boolean): void;
}

const RESET_CODES: Readonly<Record<ResetReason, ErrorCode>> = {
  refused: ERROR.refusedStream,
  closed: ERROR.internalError,
  reset: ERROR.internalError,
  cancelled: ERROR.cancel,
  protocol: ERROR.protocolError,
  limit: ERROR.enhanceYourCalm,
  timeout: ERROR.cancel,
};

/** Why the peer ended a stream with `code`, in the words of the contract. */
export function resetReasonOf(code: number): ResetReason {
  if (code === ERROR.refusedStream) return "refused";
  // NO_ERROR asks to stop sending after a complete response (RFC 9113 8.1).
  return code === ERROR.cancel || code === ERROR.noError ? "cancelled" : "reset";
}

export abstract class Http2Stream extends SendHalf implements StreamWriter {
  state: StreamState;
  protected readonly owner: StreamOwner;
  protected abstract readonly receiver: StreamListener;
  /** From the first DATA on. */
  #window: ReceiveWindow | undefined = undefined;
  #paused = false;
  /** Received while paused: the windows open again by this much at `resume`. */
  #withheld = 0;
  /** What content-length promised, -1 for nothing. */
  protected expectedBytes = -1;
  #receivedBytes = 0;

  constructor(owner: StreamOwner, state: StreamState, id: number, window: number) {
    super(id, window);
    this.owner = owner;
    this.state = state;
  }

  /** Bytes that the peer has made no room for. */
  get buffered(): number {
    return this.backlog?.queue.length ?? 0;
  }

  get sendingOver(): boolean {
    return this.state === "closed" || this.state === "half-closed-local";
  }

  get receivingOver(): boolean {
    return this.state === "closed" || this.state === "half-closed-remote";
  }

  /** CONNECT, with or without a protocol: bytes, each direction of which ends by itself, and a lost peer is CONNECT_ERROR. */
  protected abstract get isTunnel(): boolean;

  write(chunk: Uint8Array): boolean {
    if (this.sendingOver || this.backlog?.ending) return true;
    return this.owner.sender.data(this, chunk);
  }

  offer(chunk: Uint8Array): number {
    if (this.sendingOver || this.backlog?.ending) return chunk.length;
    return this.owner.sender.offer(this, chunk);
  }

  end(trailers?: HeaderList): void {
    if (this.sendingOver || this.backlog?.ending) return;
    this.owner.sender.end(this, trailers);
    if (this.backlog?.ending) this.owner.onEndQueued();
  }

  reset(reason: ResetReason): void {
    if (this.state === "closed") return;
    const begun = this.state !== "idle";
    if (begun) {
      const lost = this.isTunnel && (reason === "closed" || reason === "reset");
      writeRstStream(this.owner.sender.outbox, this.id, lost ? ERROR.connectError : RESET_CODES[reason]);
      this.wireSent += STREAM_CONTROL_BYTES;
    }
    this.close(begun);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const bytes = this.#withheld;
    this.#withheld = 0;
    if (bytes > 0) this.#release(bytes);
  }

  onRoom(): void {
    this.receiver.onWritable();
  }

  onEndSent(): void {
    if (this.state === "half-closed-remote") this.close(false);
    else if (this.state !== "closed") this.state = "half-closed-local";
  }

  /** Counts the frames of a header block. */
  countBlock(frameBytes: number): void {
    this.headerReceived += frameBytes;
    this.wireReceived += frameBytes;
  }

  /** Counts a DATA frame of `length` bytes; false when the stream's window was too small for it. */
  takeWindow(length: number): boolean {
    this.wireReceived += FRAME_HEAD_BYTES + length;
    this.#window ??= new ReceiveWindow(this.owner.streamWindowBytes);
    return this.#window.take(length);
  }

  /** A part of the body, as it arrived. */
  receive(bytes: Buffer, start: number, end: number): void {
    const count = end - start;
    this.#receivedBytes += count;
    if (this.expectedBytes >= 0 && this.#receivedBytes > this.expectedBytes) {
      this.owner.onConsumed(count);
      this.owner.onStreamError(this, ERROR.protocolError, "http2.violation.of.messaging.rule");
      return;
    }
    this.deliver(bytes.subarray(start, end));
  }

  protected deliver(chunk: Buffer): void {
    this.receiver.onData(chunk);
    this.consumed(chunk.length);
  }

  /** The peer may send `bytes` more, unless the owner has paused the stream. */
  consumed(bytes: number): void {
    if (this.#paused && this.state !== "closed") this.#withheld += bytes;
    else this.#release(bytes);
  }

  #release(bytes: number): void {
    this.owner.onConsumed(bytes);
    if (this.receivingOver || this.#window === undefined) return;
    const increment = this.#window.consume(bytes);
    if (increment === 0) return;
    writeWindowUpdate(this.owner.sender.outbox, this.id, increment);
    this.wireSent += STREAM_CONTROL_BYTES;
  }

  /** END_STREAM came, with trailers or without. */
  receiveEnd(trailers: HeaderList | undefined): void {
    if (this.expectedBytes >= 0 && this.#receivedBytes !== this.expectedBytes) {
      this.owner.onStreamError(this, ERROR.protocolError, "http2.violation.of.messaging.rule");
      return;
    }
    this.endReceived();
    this.receiver.onEnd(trailers);
  }

  protected endReceived(): void {
    if (this.state === "half-closed-local") this.close(false);
    else if (this.state !== "closed") this.state = "half-closed-remote";
  }

  /** The stream is over for another reason than that its owner ended or reset it. */
  abort(reason: ResetReason): void {
    if (this.state === "closed") return;
    this.close(false);
    this.receiver.onReset(reason);
  }

  protected close(abrupt: boolean): void {
    this.state = "closed";
    this.owner.sender.abandon(this);
    if (this.#withheld > 0) {
      this.owner.onConsumed(this.#withheld);
      this.#withheld = 0;
    }
    this.owner.onStreamClosed(this, abrupt);
  }
}
