// A request as the client's end holds it: interim responses, the response and its body, and the response to a tunnel.

import type { HeaderList } from "../headers.ts";
import type { RequestHead, ResponseHead, ResponseListener } from "../stream.ts";
import type { FieldBlock } from "./field-block.ts";
import { ERROR } from "./frame.ts";
import { toResponseHead, toTrailers } from "./message.ts";
import { Backlog } from "./send-half.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";

const MALFORMED = "http2.violation.of.messaging.rule";

export class Http2ClientStream extends Http2Stream {
  protected readonly receiver: ResponseListener;
  readonly #isHead: boolean;
  readonly #isConnect: boolean;
  readonly #isUpgrade: boolean;
  #responded = false;
  #interims = 0;

  constructor(owner: StreamOwner, head: RequestHead, listener: ResponseListener) {
    super(owner, "idle", 0, 0);
    this.receiver = listener;
    this.#isHead = head.method === "HEAD";
    this.#isConnect = head.method === "CONNECT";
    this.#isUpgrade = head.upgrade !== undefined;
  }

  protected get isTunnel(): boolean {
    return this.#isConnect || this.#isUpgrade;
  }

  /** The request's head is about to be written: the stream gets its place in the connection. */
  open(id: number): void {
    this.id = id;
    this.window = this.owner.sender.initialWindow;
    this.state = "open";
  }

  override end(trailers?: HeaderList): void {
    if (this.state === "idle") {
      this.backlog ??= new Backlog();
      this.backlog.ending = true;
      this.backlog.trailers = trailers;
    } else {
      super.end(trailers);
    }
  }

  /** After `open`, when the head is written: what the owner wrote before leaves. */
  release(): void {
    const { backlog } = this;
    const { sender } = this.owner;
    sender.widen(this, 0);
    if (backlog?.ending) sender.end(this, backlog.trailers);
    sender.pump();
  }

  /** A header block of this stream. */
  receiveBlock(block: FieldBlock, end: boolean): void {
    this.countBlock(block.frameBytes);
    if (block.tooLarge) this.owner.onStreamError(this, ERROR.enhanceYourCalm, "http2.too_many_headers");
    else if (this.#responded) this.#receiveTrailers(block, end);
    else this.#receiveHead(toResponseHead(block), end, block.wireBytes);
  }

  #receiveHead(head: ResponseHead | undefined, end: boolean, wireBytes: number): void {
    if (head === undefined || (end && !this.#mayEnd(head))) {
      this.#refuse();
    } else if (head.status < 200) {
      if (++this.#interims > this.owner.maxInterimResponses)
        this.owner.onStreamError(this, ERROR.enhanceYourCalm, "http2.too_many_interim_responses");
      else this.receiver.onInform(head.status, head.headers);
    } else {
      head.wireBytes = wireBytes;
      this.#receiveResponse(head, end);
    }
  }

  /** Whether a response may end without a body: an interim one not, and one with a length only if it is about a body not sent. */
  #mayEnd(head: ResponseHead): boolean {
    return head.status >= 200 && (head.contentLength <= 0 || this.#isHead || head.status === 304);
  }

  #receiveResponse(head: ResponseHead, end: boolean): void {
    this.#responded = true;
    const accepted = head.status >= 200 && head.status < 300;
    if (this.#isUpgrade && accepted) head.status = 101; // as HTTP/1.1 says it: see toRequestHead
    if (!this.#isHead && head.status !== 304 && !(this.isTunnel && accepted)) this.expectedBytes = head.contentLength;
    if (end) this.endReceived();
    this.receiver.onResponse(head, end);
  }

  #receiveTrailers(block: FieldBlock, end: boolean): void {
    const trailers = toTrailers(block);
    if (trailers === undefined || !end) this.#refuse();
    else this.receiveEnd(trailers);
  }

  override receive(bytes: Buffer, start: number, end: number): void {
    if (this.#responded) {
      super.receive(bytes, start, end);
    } else {
      this.owner.onConsumed(end - start);
      this.#refuse(); // DATA before the response
    }
  }

  override receiveEnd(trailers: HeaderList | undefined): void {
    if (this.#responded) super.receiveEnd(trailers);
    else this.#refuse();
  }

  #refuse(): void {
    this.owner.onStreamError(this, ERROR.protocolError, MALFORMED);
  }
}
