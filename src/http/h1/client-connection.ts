// The client end: one request at a time, and the connection is given back only when nothing about it is in doubt.

import type { HeaderList } from "../headers.ts";
import type { HttpLimits } from "../limits.ts";
import type {
  ClientConnection,
  ClientConnectionListener,
  ClientStream,
  RequestHead,
  ResponseHead,
  ResponseListener,
} from "../stream.ts";
import type { Transport } from "../transport.ts";
import { type ClientExchangeHost, Http1ClientStream } from "./client-stream.ts";
import { Http1Connection } from "./connection.ts";
import { type BodyLength, CHUNKED, UNTIL_CLOSE } from "./framing.ts";
import { writeRequest } from "./head-writer.ts";
import { REFUSED, Refusal } from "./refusal.ts";
import { type Asked, readResponse } from "./response-head.ts";

/** Neither content-length nor transfer-encoding. */
const NO_FRAMING: BodyLength = UNTIL_CLOSE;

export class Http1ClientConnection extends Http1Connection implements ClientConnection, ClientExchangeHost {
  /** The exchange in progress. */
  exchange: Http1ClientStream | undefined = undefined;
  readonly #listener: ClientConnectionListener;
  readonly #keepsCase: boolean;
  #draining = false;
  #announced = false;
  // Of the exchange in progress:
  readonly #asked: { -readonly [K in keyof Asked]: Asked[K] } = { method: "", upgrade: undefined };
  #requestSent = false;
  #interims = 0;
  /** The owner closed its direction of the tunnel before there was one. */
  #endWhenOpen = false;
  #persistent = false;
  #peerEnded = false;

  /** `keepsCase`: responses keep the letters of their fields' names beside. */
  constructor(transport: Transport, listener: ClientConnectionListener, limits: HttpLimits, keepsCase = false) {
    super(transport, limits, "client");
    this.#listener = listener;
    this.#keepsCase = keepsCase;
  }

  get active(): number {
    return this.exchange === undefined ? 0 : 1;
  }

  get available(): number {
    return this.isIdle && !this.#draining ? 1 : 0;
  }

  get draining(): boolean {
    return this.#draining;
  }

  protected get isIdle(): boolean {
    return this.phase === "idle";
  }

  shutdown(): void {
    this.#drain();
    if (this.isIdle) this.close();
  }

  #drain(): void {
    this.#draining = true;
    if (this.#announced) return;
    this.#announced = true;
    this.#listener.onDraining();
  }

  protected onTerminated(): void {
    this.#drain();
  }

  request(head: RequestHead, end: boolean, listener: ResponseListener): ClientStream {
    if (this.available === 0) throw new Error("request on a connection that is not available");
    const stream = new Http1ClientStream(this, listener);
    this.exchange = stream;
    this.phase = "head";
    this.#asked.method = head.method;
    this.#asked.upgrade = head.upgrade;
    this.#endWhenOpen = end;
    this.#interims = 0;
    const length = this.#requestLength(head, end);
    this.countSent(writeRequest(this.outbox, head, length));
    this.#requestSent = end || this.#asksForTunnel;
    if (!this.#requestSent) this.encoder.begin(length);
    else if (length > 0) this.#fail(); // a body that was announced, and none to come
    return stream;
  }

  get #asksForTunnel(): boolean {
    return this.#asked.upgrade !== undefined || this.#asked.method === "CONNECT";
  }

  #requestLength(head: RequestHead, end: boolean): BodyLength {
    if (this.#asksForTunnel) return NO_FRAMING;
    if (head.contentLength >= 0) return head.contentLength;
    if (!end) return CHUNKED;
    // RFC 9110 8.6: a method that anticipates content says that there is none.
    return head.method === "POST" || head.method === "PUT" || head.method === "PATCH" ? 0 : NO_FRAMING;
  }

  send(chunk: Uint8Array): boolean {
    // Bytes for a tunnel that is not open would be read as the next request by whoever refuses it (CVE-2025-64763).
    if (this.#asksForTunnel && this.phase !== "tunnel") this.#fail();
    else if (!this.encoder.write(chunk)) this.#fail();
    this.countSent(0);
    return !this.outbox.blocked;
  }

  finish(trailers: HeaderList | undefined): void {
    if (this.#asksForTunnel && this.phase !== "tunnel") {
      this.#endWhenOpen = true;
      return;
    }
    if (!this.encoder.end(trailers)) {
      this.#fail();
      return;
    }
    this.countSent(this.encoder.trailerFieldBytes);
    this.#requestSent = true;
    if (this.phase !== "tunnel") return;
    if (this.#peerEnded) {
      this.#release();
      this.close();
    } else this.outbox.end(); // half close: the other direction goes on
  }

  protected onHead(bytes: Buffer, start: number, end: number): void {
    const response = readResponse(bytes, start, end, this.limits, this.#asked, this.#keepsCase);
    if (response instanceof Refusal) {
      this.refuse(response);
      return;
    }
    const { head, bodyLength } = response;
    const stream = this.exchange!;
    const { listener } = stream;
    stream.wireReceived += head.wireBytes;
    stream.headerReceived += response.fieldBytes;
    if (response.tunnel) this.#openTunnel(head, listener);
    else if (head.status < 200) this.#inform(head, listener);
    else this.#takeResponse(head, bodyLength, response.persistent, listener);
  }

  #inform(head: ResponseHead, listener: ResponseListener): void {
    if (++this.#interims > this.limits.maxInterimResponses) this.refuse(REFUSED.interims);
    else listener.onInform(head.status, head.headers);
  }

  #takeResponse(head: ResponseHead, bodyLength: BodyLength, persistent: boolean, listener: ResponseListener): void {
    // After a refused tunnel nobody knows what the other side takes our next bytes for: such a connection is not used again.
    this.#persistent = persistent && !this.#asksForTunnel;
    if (!this.#persistent) this.#drain();
    this.decoder.begin(bodyLength);
    if (this.decoder.complete) {
      const reusable = this.#finishExchange();
      listener.onResponse(head, true);
      this.#offer(reusable);
    } else {
      this.phase = "body";
      listener.onResponse(head, false);
    }
  }

  #openTunnel(head: ResponseHead, listener: ResponseListener): void {
    this.phase = "tunnel";
    this.encoder.begin(UNTIL_CLOSE);
    this.#drain();
    listener.onResponse(head, false);
    if (this.#endWhenOpen && this.exchange !== undefined) this.finish(undefined);
  }

  onBody(bytes: Buffer): void {
    this.exchange?.listener.onData(bytes);
  }

  protected onBodyEnd(): void {
    if (this.phase !== "body") return; // the owner gave up while it took the last bytes
    const { listener } = this.exchange!;
    const reusable = this.#finishExchange();
    listener.onEnd(this.decoder.trailers);
    this.#offer(reusable);
  }

  /**
   * Ends the exchange before its owner hears of it, as the owner may send the next request at once. True when it may: the request was
   * sent whole (the rest of one could be read as another), and nothing came behind the response that could pass for the next one's.
   */
  #finishExchange(): boolean {
    this.#release();
    const sent = this.#requestSent && this.outbox.length === 0;
    if (sent && this.#persistent && !this.surplus && !this.#draining) {
      this.phase = "idle";
      this.becomeIdle();
      return true;
    }
    if (sent && !this.surplus) this.close();
    else this.terminate();
    return false;
  }

  #offer(reusable: boolean): void {
    if (!reusable) this.#drain();
    else if (this.available === 1) this.#listener.onAvailable();
  }

  #release(): Http1ClientStream | undefined {
    const stream = this.exchange;
    this.exchange = undefined;
    this.holdForOwner(false);
    return stream;
  }

  /** The owner broke a rule that the peer would pay for: a length that did not hold, bytes for a tunnel that is not open. */
  #fail(): void {
    this.#draining = true;
    this.terminate(this.#release()?.listener, "protocol");
  }

  abandon(): void {
    this.#draining = true;
    this.#release();
    this.terminate();
  }

  hold(held: boolean): void {
    this.holdForOwner(held);
  }

  ended(): void {
    this.#peerEnded = true;
    this.#drain();
    if (this.phase === "tunnel") {
      const stream = this.exchange;
      if (this.encoder.done) {
        this.#release();
        this.close();
      }
      stream?.listener.onEnd(undefined);
    } else if (this.phase === "body" && this.decoder.endsWithConnection) {
      const stream = this.#release();
      this.close();
      stream?.listener.onEnd(undefined);
    } else if (this.exchange !== undefined) {
      // A message that is cut short by FIN is malformed, whatever its framing (RFC 9112 8); Envoy's parser says so, too.
      const reason = this.phase === "body" ? "protocol" : "closed";
      const stream = this.#release();
      this.terminate();
      stream?.listener.onReset(reason);
    } else this.close();
  }

  protected refuse(refusal: Refusal): void {
    const stream = this.#release();
    this.terminate();
    this.#drain();
    stream?.listener.onReset(refusal.reason);
  }

  protected onClosed(): void {
    const stream = this.#release();
    this.#drain();
    stream?.listener.onReset("closed");
    this.#listener.onClosed();
  }

  onOutboxDrained(): void {
    this.exchange?.listener.onWritable();
  }
}
