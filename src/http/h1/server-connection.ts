// The server end: requests in the order they came, one at a time, each answered before the next is read.

import type { HeaderList } from "../headers.ts";
import type { HttpLimits } from "../limits.ts";
import type { ResponseHead, ServerConnection, ServerConnectionListener, ServerStream } from "../stream.ts";
import type { Transport } from "../transport.ts";
import { Http1Connection } from "./connection.ts";
import { type BodyLength, CHUNKED, isBodiless, UNTIL_CLOSE } from "./framing.ts";
import { writeResponse } from "./head-writer.ts";
import { Refusal } from "./refusal.ts";
import { readRequest } from "./request-head.ts";
import { Http1ServerStream, type ServerExchangeHost } from "./server-stream.ts";

/**
 * How long an idle connection is still served when it is to close: what its client sent before it could see the end must not be lost.
 * HTTP/1.1 has no GOAWAY to ask with. Envoy waits for its drain time.
 */
const QUIET_MS = 1_000;

/** Neither content-length nor transfer-encoding. */
const NO_FRAMING: BodyLength = UNTIL_CLOSE;

export class Http1ServerConnection extends Http1Connection implements ServerConnection, ServerExchangeHost {
  /** The exchange in progress. */
  exchange: Http1ServerStream | undefined = undefined;
  readonly #listener: ServerConnectionListener;
  readonly #scheme: string;
  readonly #keepsCase: boolean;
  #draining = false;
  // Of the exchange in progress:
  #method = "";
  #upgrade: string | undefined;
  #http10 = false;
  #persistent = true;
  /** The client may be waiting for a 100 before it sends the body. */
  #awaitsContinue = false;
  #responded = false;
  #peerEnded = false;
  /** The next request waits until the client has read enough of the answers before. */
  #awaitsReader = false;

  /** `keepsCase`: requests keep the letters of their fields' names beside. */
  constructor(
    transport: Transport,
    listener: ServerConnectionListener,
    limits: HttpLimits,
    scheme: "http" | "https",
    keepsCase = false,
  ) {
    super(transport, limits, "server");
    this.#listener = listener;
    this.#scheme = scheme;
    this.#keepsCase = keepsCase;
  }

  get active(): number {
    return this.exchange === undefined ? 0 : 1;
  }

  get unsent(): number {
    return this.outbox.pending;
  }

  openStreams(): readonly ServerStream[] {
    return this.exchange ? [this.exchange] : [];
  }

  protected get isIdle(): boolean {
    return this.phase === "head" && this.exchange === undefined;
  }

  /** The request in progress is still answered, with `connection: close`; so is one that comes soon. */
  shutdown(): void {
    if (this.#draining) return;
    this.#draining = true;
    if (this.isIdle && !this.isReadingHead) this.closeWhenQuiet(QUIET_MS);
  }

  protected onHead(bytes: Buffer, start: number, end: number): void {
    const request = readRequest(bytes, start, end, this.limits, this.#scheme, this.#keepsCase);
    if (request instanceof Refusal) {
      this.refuse(request);
      return;
    }
    const { head, bodyLength } = request;
    this.#method = head.method;
    this.#upgrade = head.upgrade;
    this.#http10 = head.protocol === "HTTP/1.0";
    this.#persistent = request.persistent;
    this.#awaitsContinue = request.expectsContinue && bodyLength !== 0;
    this.#responded = false;
    const stream = new Http1ServerStream(this);
    stream.wireReceived = head.wireBytes;
    stream.headerReceived = request.fieldBytes;
    this.exchange = stream;
    this.decoder.begin(bodyLength);
    this.phase = bodyLength === 0 ? "wait" : "body";
    this.#listener.onRequest(stream, head, bodyLength === 0 && !this.#asksForTunnel);
  }

  get #asksForTunnel(): boolean {
    return this.#upgrade !== undefined || this.#method === "CONNECT";
  }

  onBody(bytes: Buffer): void {
    this.#awaitsContinue = false;
    this.exchange?.listener.onData(bytes);
  }

  protected onBodyEnd(): void {
    if (this.phase === "drain") {
      this.#awaitNextRequest();
      return;
    }
    if (this.phase !== "body") return; // the owner gave up, or answered and closed, while it took the last bytes
    this.phase = "wait";
    this.exchange?.listener.onEnd(this.decoder.trailers);
  }

  inform(status: number, headers: HeaderList): void {
    // HTTP/1.0 knows no interim responses (RFC 9110 15.2), and a 101 is none.
    if (this.#http10 || this.#responded || status === 101) return;
    if (status === 100) this.#awaitsContinue = false;
    this.countSent(writeResponse(this.outbox, status, headers, NO_FRAMING, undefined, "", undefined));
  }

  respond(head: ResponseHead, end: boolean): void {
    if (this.#responded) return;
    const { status } = head;
    const accepted =
      this.#asksForTunnel && (this.#method === "CONNECT" ? status >= 200 && status < 300 : status === 101);
    if (status < 200 && !accepted) {
      this.#fail(); // interim, or a 101 that nobody asked for
      return;
    }
    this.#responded = true;
    if (accepted) this.#openTunnel(head);
    else this.#beginResponse(head, end);
    if (end) this.finish(undefined);
  }

  #beginResponse(head: ResponseHead, end: boolean): void {
    const { status, headers, contentLength, fieldCase } = head;
    let length: BodyLength;
    if (this.#method === "HEAD" || isBodiless(status)) {
      this.encoder.beginNone();
      length = status === 204 ? NO_FRAMING : contentLength; // RFC 9110 8.6
      if (length < 0) length = NO_FRAMING;
    } else {
      length = contentLength;
      if (length < 0) length = end ? 0 : this.#http10 ? UNTIL_CLOSE : CHUNKED;
      if (length === UNTIL_CLOSE) this.#persistent = false;
      this.encoder.begin(length);
    }
    if (this.#mustClose(end)) this.#persistent = false;
    const option = this.#persistent ? (this.#http10 ? "keep-alive" : undefined) : "close";
    this.countSent(writeResponse(this.outbox, status, headers, length, option, "", fieldCase));
  }

  /**
   * - A tunnel was refused: what the client sent, or is sending, may be the tunnel's and not the next request.
   * - A client that waits for a 100 may or may not send its body after a final answer (RFC 9110 10.1.1): the next bytes could be either.
   * - More of the body is announced than would be dropped.
   */
  #mustClose(end: boolean): boolean {
    if (this.#draining || this.#asksForTunnel || this.#awaitsContinue) return true;
    return end && this.phase === "body" && this.decoder.remaining > this.limits.maxDrainBytes;
  }

  #openTunnel({ status, headers, fieldCase }: ResponseHead): void {
    const upgrade = this.#upgrade;
    const option = upgrade === undefined ? undefined : "upgrade";
    this.countSent(writeResponse(this.outbox, status, headers, NO_FRAMING, option, upgrade ?? "", fieldCase));
    this.encoder.begin(UNTIL_CLOSE);
    this.phase = "tunnel";
    this.#persistent = false;
    this.readHeldBytes();
  }

  send(chunk: Uint8Array): boolean {
    if (!this.encoder.write(chunk)) this.#fail();
    this.countSent(0);
    return !this.outbox.blocked;
  }

  finish(trailers: HeaderList | undefined): void {
    if (this.encoder.done) return;
    if (!this.encoder.end(trailers)) {
      this.#fail();
      return;
    }
    this.countSent(this.encoder.trailerFieldBytes);
    if (this.phase === "tunnel" && !this.#peerEnded) {
      this.outbox.end(); // half close: the other direction goes on
      return;
    }
    this.#release();
    if (!this.#persistent) this.close();
    else if (this.phase === "wait") this.#awaitNextRequest();
    else if (this.decoder.remaining > this.limits.maxDrainBytes) this.close();
    else this.beginDrain();
  }

  #release(): Http1ServerStream | undefined {
    const stream = this.exchange;
    this.exchange = undefined;
    this.holdForOwner(false);
    return stream;
  }

  #awaitNextRequest(): void {
    if (this.#draining) {
      this.close();
      return;
    }
    // Who sends requests and reads no answers would have them pile up here, one small one after another.
    if (this.outbox.pending > this.limits.highWaterBytes) {
      this.phase = "wait";
      this.#awaitsReader = true;
      this.outbox.blocked = true;
      this.beginFlush();
      return;
    }
    this.phase = "head";
    this.becomeIdle();
    this.readHeldBytes();
  }

  /** The owner broke a rule that the peer would pay for: a length that did not hold, a 101 out of place. */
  #fail(): void {
    this.terminate(this.#release()?.listener, "protocol");
  }

  /**
   * What was sent of a response still arrives where its framing tells that it is not whole, and so do a tunnel's bytes, which may end
   * anywhere: their FIN comes behind them, as from Envoy. Elsewhere only a reset tells.
   */
  abandon(): void {
    const isTold = this.#responded && (this.phase === "tunnel" ? !this.encoder.done : this.encoder.isFramed);
    this.#release();
    if (isTold) this.close();
    else this.terminate();
  }

  hold(held: boolean): void {
    if (held && this.phase === "wait" && !this.#asksForTunnel) return; // nothing of this exchange is still to come
    this.holdForOwner(held);
  }

  /**
   * FIN in the middle of an exchange: the client is gone. It could have closed one direction only, but those that do are rare, and
   * working on for the many that have left costs their upstreams; Envoy, nginx and Go's server judge the same.
   */
  ended(): void {
    this.#peerEnded = true;
    if (this.phase === "tunnel") {
      const stream = this.exchange;
      if (this.encoder.done) {
        this.#release();
        this.close();
      }
      stream?.listener.onEnd(undefined);
    } else if (this.phase === "drain" || this.exchange !== undefined) {
      this.#release()?.listener.onReset("closed");
      this.terminate();
    } else this.close();
  }

  /** Told first, so that the owner of the stream knows the detail when it is reset. */
  protected refuse(refusal: Refusal): void {
    this.#listener.onRefused(refusal.status, refusal.detail, this.exchange !== undefined);
    const stream = this.#release();
    stream?.listener.onReset(refusal.reason);
    if (stream !== undefined && this.#responded) {
      this.terminate(); // a part of the response is out: only a reset tells the client that it is not whole
      return;
    }
    if (this.phase !== "drain") this.#answer(refusal);
    this.close();
  }

  #answer(refusal: Refusal): void {
    const text = Buffer.from(`${refusal.text}\n`, "latin1");
    const headers = ["content-type", "text/plain", "date", new Date().toUTCString()];
    writeResponse(this.outbox, refusal.status, headers, text.length, "close", "", undefined);
    this.outbox.write(text);
  }

  protected onTerminated(): void {}

  protected onClosed(): void {
    this.#release()?.listener.onReset("closed");
    this.#listener.onClosed();
  }

  onOutboxDrained(): void {
    if (this.#awaitsReader) {
      this.#awaitsReader = false;
      this.endFlush();
      this.#awaitNextRequest();
    } else this.exchange?.listener.onWritable();
  }
}
