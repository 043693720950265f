// A request as the server's end holds it. Beside its body: a tunnel's bytes wait until the owner has accepted the tunnel
// (CVE-2025-64763), and a response that is complete before the request asks the client to stop sending.

import { atEndOfTurn, type Flushable } from "../../base/end-of-turn.ts";
import type { HeaderList } from "../headers.ts";
import type { RequestHead, ResponseHead, ServerStream, StreamListener } from "../stream.ts";
import { ByteQueue } from "./byte-queue.ts";
import { STREAM_CONTROL_BYTES, writeRstStream } from "./control-frames.ts";
import { ERROR } from "./frame.ts";
import { boundOf, FIELD_BOUND } from "./hpack-encoder.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";

/** Room for `:status` and `content-length`. */
const HEAD_BOUND = 2 * FIELD_BOUND + 48;

/** Before `onRequest` has set the owner's. */
const NOBODY: StreamListener = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };

/** `waiting`: for the owner's answer; `opening`: accepted, what was held is delivered at the end of the turn. */
interface HoldingTunnel {
  kind: "waiting" | "opening";
  readonly held: ByteQueue;
  /** END_STREAM came. */
  ended: boolean;
}
type Tunnel = { readonly kind: "none" | "open" | "refused" } | HoldingTunnel;

const NO_TUNNEL: Tunnel = { kind: "none" };
const OPEN: Tunnel = { kind: "open" };
const REFUSED: Tunnel = { kind: "refused" };

export class Http2ServerStream extends Http2Stream implements ServerStream, Flushable {
  listener: StreamListener = NOBODY;
  /** The owner has responded: what happens to the stream from now on is not premature. */
  answered = false;
  readonly #isUpgrade: boolean;
  #tunnel: Tunnel;

  constructor(owner: StreamOwner, id: number, head: RequestHead, end: boolean) {
    super(owner, end ? "half-closed-remote" : "open", id, owner.sender.initialWindow);
    this.expectedBytes = head.contentLength;
    this.#isUpgrade = head.upgrade !== undefined;
    const isTunnel = this.#isUpgrade || head.method === "CONNECT";
    this.#tunnel = isTunnel ? { kind: "waiting", held: new ByteQueue(), ended: false } : NO_TUNNEL;
  }

  protected get receiver(): StreamListener {
    return this.listener;
  }

  protected get isTunnel(): boolean {
    return this.#tunnel.kind !== "none" && this.#tunnel.kind !== "refused";
  }

  inform(status: number, headers: HeaderList): void {
    if (this.sendingOver || this.answered) return;
    this.#sendHead(status, -1, headers, false);
  }

  respond(head: ResponseHead, end: boolean): void {
    if (this.sendingOver || this.answered) return;
    this.answered = true;
    // Switching protocols is 200 here (RFC 8441 5).
    const status = head.status === 101 ? 200 : head.status;
    if (this.#tunnel.kind === "waiting") this.#settleTunnel(status >= 200 && status < 300, this.#tunnel);
    // RFC 9110 8.6: neither 204 nor what opens a tunnel has a length.
    this.#sendHead(status, status === 204 || this.isTunnel ? -1 : head.contentLength, head.headers, end);
  }

  #sendHead(status: number, contentLength: number, headers: HeaderList, end: boolean): void {
    const { sender } = this.owner;
    const encoder = sender.beginHeaders(HEAD_BOUND + boundOf(headers));
    encoder.status(status);
    if (contentLength >= 0) encoder.field("content-length", String(contentLength));
    encoder.fields(headers);
    sender.endHeaders(this, end);
  }

  #settleTunnel(accepted: boolean, tunnel: HoldingTunnel): void {
    if (accepted) {
      tunnel.kind = "opening";
      atEndOfTurn(this);
      return;
    }
    this.#tunnel = REFUSED;
    this.consumed(tunnel.held.length);
    tunnel.held.clear();
    if (tunnel.ended) this.endReceived();
  }

  /** Delivers what a tunnel held: its listener must not be called from within `respond`. */
  flush(): void {
    const tunnel = this.#tunnel;
    if (tunnel.kind !== "opening") return;
    this.#tunnel = OPEN;
    if (this.state !== "closed" && tunnel.held.length > 0) super.deliver(tunnel.held.take());
    if (this.state !== "closed" && tunnel.ended) super.receiveEnd(undefined);
  }

  protected override deliver(chunk: Buffer): void {
    const tunnel = this.#tunnel;
    if (tunnel.kind === "waiting" || tunnel.kind === "opening") tunnel.held.push(chunk, 0, chunk.length);
    else if (tunnel.kind === "refused") this.consumed(chunk.length);
    else super.deliver(chunk);
  }

  override receiveEnd(trailers: HeaderList | undefined): void {
    const tunnel = this.#tunnel;
    if (tunnel.kind === "waiting" || tunnel.kind === "opening") tunnel.ended = true;
    else if (tunnel.kind === "refused") this.endReceived();
    else super.receiveEnd(trailers);
  }

  override get receivingOver(): boolean {
    const tunnel = this.#tunnel;
    return super.receivingOver || ((tunnel.kind === "waiting" || tunnel.kind === "opening") && tunnel.ended);
  }

  override onEndSent(): void {
    super.onEndSent();
    if (this.state !== "half-closed-local" || this.isTunnel) return;
    writeRstStream(this.owner.sender.outbox, this.id, ERROR.noError); // RFC 9113 8.1
    this.wireSent += STREAM_CONTROL_BYTES;
    this.close(true);
  }
}
