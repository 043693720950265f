// One direction of a request at the external server: its head, its body, its trailers, in turn; what waits for the server is kept here.

import { Alarm, timers } from "../../../base/timer-wheel.ts";
import type { HeaderList } from "../../../http/headers.ts";
import type { BodyMode, ExtProcFilter } from "../../../table/filter/ext-proc.ts";
import {
  type CommonResponse,
  CommonResponse_ResponseStatus,
  type HeaderMutation,
} from "../../../xds/gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import type { BodySink } from "../filter.ts";
import { applyMutation, headerMap, type MutableFields, PlainFields } from "./mutation.ts";
import type { ProcessorMessage } from "./processor-call.ts";

/**
 * - `idle`: the head has not come; what of the body has is kept.
 * - `headers`, `body`, `trailers`: the server was told of them and has not answered.
 * - `gathering`: the body is not whole.
 * - `streaming`: chunks go to the server and come back.
 * - `passing`: the server has nothing more to say to what comes.
 * - `dropping`: the server has put something else in place of what comes.
 */
type State = "idle" | "headers" | "gathering" | "body" | "streaming" | "trailers" | "passing" | "dropping";

/** Of a body that the server has not answered to; what sends is paused above that. */
const HELD_BYTES = 64 * 1024;
/** Of a body that is sent as a whole (Envoy's buffer limit, per_connection_buffer_limit_bytes). */
const GATHERED_BYTES = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** What the direction is told to send, and whether a head waits. */
export interface DirectionMode {
  readonly headers: boolean;
  readonly body: BodyMode;
  readonly trailers: boolean;
}

/** What is different between requests and responses. */
export interface Side {
  readonly fields: MutableFields;
  contentLength: number;
  readonly mode: DirectionMode;
  /** Cases of ProcessingRequest. */
  readonly cases: {
    readonly headers: "requestHeaders" | "responseHeaders";
    readonly body: "requestBody" | "responseBody";
    readonly trailers: "requestTrailers" | "responseTrailers";
  };
  /** The head goes on. `body`: this stands in place of the one that comes. */
  release(body: Uint8Array | undefined): void;
  /** What sends waits until what comes next has room again. */
  pause(): void;
  /** What sends may go on. */
  resume(): void;
  headersProcessed(answer: CommonResponse | undefined): void;
  /** The body is larger than what may be held. */
  tooLarge(): void;
}

/** The request, whose other direction may be at the server as well. */
export interface DirectionOwner {
  readonly table: ExtProcFilter;
  /** The server takes messages. */
  readonly isListening: boolean;
  /** False: the server is slower than what it is told; `onServerWritable` follows. */
  tell(message: ProcessorMessage): boolean;
  onMessageTimeout(): void;
}

/** What of a direction the request asks. The server's answers: false is for one that does what it may not. */
export interface ProcessedDirection extends BodySink {
  /** True: the head waits, and `release` will follow. */
  begin(headOnly: boolean): boolean;
  onHeaders(answer: CommonResponse | undefined): boolean;
  onBody(answer: CommonResponse | undefined): boolean;
  onTrailers(mutation: HeaderMutation | undefined): boolean;
  onServerWritable(): void;
  /** The server asks for more time, which it may once for each of its answers. */
  extend(timeoutMs: number): void;
  /** The server will say nothing more: what is here goes on as it is. */
  letGo(): void;
  /** The request is over. */
  stop(): void;
}

export class Direction implements ProcessedDirection {
  readonly #owner: DirectionOwner;
  readonly #side: Side;
  readonly #next: BodySink;
  #state: State;
  #headIsHeld = false;
  #headOnly = false;
  /** Not answered to, or not sent yet, as the state says. */
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Of `body`: how many of the chunks the server was told of. */
  #told = 0;
  #ended = false;
  #endIsTold = false;
  #trailers: HeaderList | undefined;
  #nextIsWritable = true;
  #isPaused = false;
  #hasMoreTime = false;
  readonly #timeout = new Alarm(() => this.#owner.onMessageTimeout());

  /** `passing`: should the head never come here, nothing is kept. */
  constructor(owner: DirectionOwner, side: Side, next: BodySink, state: "idle" | "passing") {
    this.#state = state;
    this.#owner = owner;
    this.#side = side;
    this.#next = next;
  }

  // ── the head ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  begin(headOnly: boolean): boolean {
    this.#headOnly = headOnly;
    const { mode, fields, contentLength, cases } = this.#side;
    if (!mode.headers) {
      this.#headIsHeld = this.#afterHeaders();
      this.#pump();
      return this.#headIsHeld;
    }
    this.#state = "headers";
    this.#headIsHeld = true;
    const headers = headerMap(fields, contentLength, this.#owner.table);
    this.#tell({ request: { case: cases.headers, value: { headers, endOfStream: headOnly } } });
    return true;
  }

  /** True when the head must wait for the body. */
  #afterHeaders(): boolean {
    const { body } = this.#side.mode;
    if (this.#headOnly || body === "none") this.#state = "passing";
    else if (body === "streamed") {
      this.#side.contentLength = -1;
      this.#state = "streaming";
    } else {
      this.#state = "gathering";
      return true;
    }
    return false;
  }

  #release(body?: Uint8Array): void {
    if (!this.#headIsHeld) return;
    this.#headIsHeld = false;
    this.#side.release(body);
  }

  onHeaders(answer: CommonResponse | undefined): boolean {
    if (this.#state !== "headers") return false;
    this.#answered();
    if (!applyMutation(this.#side.fields, answer?.headerMutation, this.#owner.table.rules)) return false;
    this.#side.headersProcessed(answer);
    if (answer?.status === CommonResponse_ResponseStatus.CONTINUE_AND_REPLACE) {
      const by = answer.bodyMutation?.mutation;
      this.#state = "dropping";
      this.#forget();
      this.#release(by?.case === "body" ? by.value : NOTHING);
    } else {
      if (!this.#afterHeaders()) this.#release();
      this.#pump();
    }
    this.#makeRoom();
    return true;
  }

  // ── the body ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  data(chunk: Uint8Array): boolean {
    switch (this.#state) {
      case "passing":
        return this.#next.data(chunk);
      case "dropping":
        return true;
      case "streaming":
        this.#keep(chunk);
        this.#tellChunk(this.#chunks[this.#chunks.length - 1]!);
        return this.#hasRoom();
      case "gathering":
        this.#keep(chunk);
        this.#pump();
        return true;
      default:
        this.#keep(chunk);
        return this.#hasRoom();
    }
  }

  end(trailers: HeaderList | undefined): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#pump();
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
  }

  #forget(): void {
    this.#chunks = [];
    this.#bytes = 0;
    this.#told = 0;
  }

  #hasRoom(): boolean {
    const room = this.#bytes < HELD_BYTES && this.#nextIsWritable;
    this.#isPaused ||= !room;
    return room;
  }

  /** Does with what is here what the state wants. */
  #pump(): void {
    switch (this.#state) {
      case "passing":
        this.#pass();
        return;
      case "gathering":
        this.#gather();
        return;
      case "streaming":
        while (this.#told < this.#chunks.length) this.#tellChunk(this.#chunks[this.#told]!);
        if (this.#ended && !this.#endIsTold) this.#tellEnd();
    }
  }

  /** The body as far as it is here. */
  #gather(): void {
    const isFull = this.#bytes > GATHERED_BYTES;
    if (isFull && this.#side.mode.body === "buffered") {
      this.#state = "dropping";
      this.#forget();
      this.#side.tooLarge();
    } else if (isFull || this.#ended) this.#tellWhole();
  }

  #tellWhole(): void {
    this.#state = "body";
    this.#told = this.#chunks.length;
    this.#endIsTold = this.#ended && this.#trailers === undefined;
    const value = { body: Buffer.concat(this.#chunks), endOfStream: this.#endIsTold };
    this.#tell({ request: { case: this.#side.cases.body, value } });
  }

  #tellChunk(chunk: Buffer): void {
    this.#told++;
    this.#tell({ request: { case: this.#side.cases.body, value: { body: chunk, endOfStream: false } } });
  }

  #tellEnd(): void {
    if (this.#trailers === undefined) {
      this.#endIsTold = true;
      this.#keep(NOTHING);
      this.#told++;
      this.#tell({ request: { case: this.#side.cases.body, value: { body: NOTHING, endOfStream: true } } });
    } else if (this.#chunks.length === 0) {
      this.#state = "passing";
      this.#pass();
    }
  }

  onBody(answer: CommonResponse | undefined): boolean {
    if (this.#state === "body") return this.#onWhole(answer);
    const chunk = this.#state === "streaming" && this.#told > 0 ? this.#chunks.shift() : undefined;
    if (!chunk) return false;
    this.#told--;
    this.#bytes -= chunk.length;
    this.#answered();
    const body = mutated(answer, chunk);
    if (body.length > 0) this.#nextIsWritable = this.#next.data(body);
    if (this.#endIsTold && this.#chunks.length === 0) this.#finish();
    else this.#pump();
    this.#makeRoom();
    return true;
  }

  #onWhole(answer: CommonResponse | undefined): boolean {
    this.#answered();
    const side = this.#side;
    const isBuffered = side.mode.body === "buffered";
    if (isBuffered && this.#headIsHeld && !applyMutation(side.fields, answer?.headerMutation, this.#owner.table.rules))
      return false;
    const given = Buffer.concat(this.#chunks.slice(0, this.#told));
    const body = mutated(answer, given);
    this.#chunks = this.#chunks.slice(this.#told);
    if (side.contentLength >= 0) side.contentLength = this.#endIsTold ? body.length : -1;
    this.#state = "passing";
    this.#release();
    if (body.length > 0) this.#next.data(body);
    if (this.#endIsTold) this.#finish();
    else this.#pass();
    this.#makeRoom();
    return true;
  }

  /** What sends was told to wait, and need not any more. */
  #makeRoom(): void {
    const limit = this.#state === "gathering" ? GATHERED_BYTES : HELD_BYTES;
    if (!this.#isPaused || this.#bytes >= limit || !this.#nextIsWritable) return;
    this.#isPaused = false;
    this.#side.resume();
  }

  #pass(): void {
    const chunks = this.#chunks;
    this.#forget();
    for (const chunk of chunks) if (chunk.length > 0) this.#next.data(chunk);
    if (!this.#ended) return;
    if (this.#trailers && this.#side.mode.trailers && this.#owner.isListening) this.#tellTrailers(this.#trailers);
    else this.#finish();
  }

  #finish(): void {
    this.#state = "dropping";
    this.#next.end(this.#trailers);
  }

  // ── the trailers ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #tellTrailers(trailers: HeaderList): void {
    this.#state = "trailers";
    const value = { trailers: headerMap(new PlainFields(trailers), -1, this.#owner.table) };
    this.#tell({ request: { case: this.#side.cases.trailers, value } });
  }

  onTrailers(mutation: HeaderMutation | undefined): boolean {
    if (this.#state !== "trailers") return false;
    this.#answered();
    if (!applyMutation(new PlainFields(this.#trailers!), mutation, this.#owner.table.rules)) return false;
    this.#finish();
    return true;
  }

  // ── the server ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  get #isWaiting(): boolean {
    return this.#state === "headers" || this.#state === "body" || this.#state === "trailers" || this.#told > 0;
  }

  #tell(message: ProcessorMessage): void {
    this.#owner.tell(message);
    if (!this.#timeout.armed) timers.arm(this.#timeout, this.#owner.table.messageTimeoutMs);
  }

  #answered(): void {
    timers.disarm(this.#timeout);
    this.#hasMoreTime = false;
    if (this.#state === "streaming" && this.#isWaiting) timers.arm(this.#timeout, this.#owner.table.messageTimeoutMs);
  }

  /** What has not been answered to is bounded by itself. */
  onServerWritable(): void {}

  extend(timeoutMs: number): void {
    if (!this.#timeout.armed || this.#hasMoreTime) return;
    this.#hasMoreTime = true;
    timers.arm(this.#timeout, timeoutMs);
  }

  letGo(): void {
    timers.disarm(this.#timeout);
    if (this.#state === "dropping") return;
    const endWasTold = this.#state === "trailers";
    this.#state = "passing";
    this.#release();
    if (endWasTold) this.#finish();
    else this.#pass();
    this.#nextIsWritable = true;
    this.#makeRoom();
  }

  stop(): void {
    timers.disarm(this.#timeout);
    this.#state = "dropping";
    this.#headIsHeld = false;
    this.#forget();
  }
}

function mutated(answer: CommonResponse | undefined, body: Buffer): Uint8Array {
  const by = answer?.bodyMutation?.mutation;
  if (by?.case === "body") return by.value;
  return by?.case === "clearBody" && by.value ? NOTHING : body;
}
