// The one interface between protocol and policy: what HTTP/1.1 and HTTP/2 give alike, so that routing, retries, balancing and
// draining never ask which of the two carries a request. The codecs of h1/ and h2/ implement it; the proxy and grpc/ use it.
//
// Rules that hold for every implementation:
// - A listener is called from `receive` (or a deadline), never from within a call that its owner made on the stream, except that
//   `onWritable` may follow a flush. After `onReset`, after `reset`, and after both directions have ended, nothing is called any more.
// - Chunks are views of the receive buffer, valid only during the call. Who keeps bytes copies them.
// - `write` copies. It returns false once the stream is over its high-water mark; `onWritable` follows when it is below again.
// - `pause` stops `onData` and closes the sender's window or socket; bytes already read may still come, bounded by one window.

import type { FieldCase, HeaderList } from "./headers.ts";

export type Protocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";

/** A request without its body. One class, so that every site that reads it stays monomorphic. */
export class RequestHead {
  /** As sent: methods are case-sensitive (RFC 9110 9.1). */
  method: string;
  /** `http` or `https`: of an absolute-form target or `:scheme`; else of the connection. */
  scheme: string;
  /** Host with optional port, without user information; "" when HTTP/1.0 sent none. CONNECT: the target. */
  authority: string;
  /** Path with query, origin-form; "*" for OPTIONS; "" for a plain CONNECT. */
  path: string;
  headers: HeaderList;
  protocol: Protocol;
  /** Length of the body in bytes, -1 when unknown or when there is none to come. */
  contentLength: number;
  /** Protocol asked for by `Upgrade` (HTTP/1.1) or `:protocol` (RFC 8441), lower case. CONNECT without one opens a byte tunnel. */
  upgrade: string | undefined;
  /** Bytes of the head on the wire, set by the codec that read it. */
  wireBytes = 0;
  /** Undefined: names are written in lower case, as on HTTP/2 always. */
  fieldCase: FieldCase | undefined = undefined;
  /** `scheme` is an absolute-form target's. */
  isAbsolute = false;

  constructor(
    method: string,
    scheme: string,
    authority: string,
    path: string,
    headers: HeaderList,
    protocol: Protocol,
    contentLength: number,
    upgrade: string | undefined,
  ) {
    this.method = method;
    this.scheme = scheme;
    this.authority = authority;
    this.path = path;
    this.headers = headers;
    this.protocol = protocol;
    this.contentLength = contentLength;
    this.upgrade = upgrade;
  }
}

/** A response without its body. */
export class ResponseHead {
  /** 100 to 599. A final 101 (HTTP/1.1) or a 2xx to CONNECT turns the stream into a byte tunnel. */
  status: number;
  headers: HeaderList;
  /** Length of the body, or of the body that a HEAD would have had; -1 when unknown. */
  contentLength: number;
  /** Bytes of the head on the wire, set by the codec that read it. */
  wireBytes = 0;
  /** Undefined: names are written in lower case, as on HTTP/2 always. */
  fieldCase: FieldCase | undefined = undefined;

  constructor(status: number, headers: HeaderList, contentLength: number) {
    this.status = status;
    this.headers = headers;
    this.contentLength = contentLength;
  }
}

/**
 * Why a stream ended before its time.
 * - `refused`: certainly not processed by the peer (REFUSED_STREAM, or above the last stream of a GOAWAY): always safe to send again.
 * - `closed`: the connection went away (FIN, RST, TLS alert).
 * - `reset`: the peer reset the stream (h2), with another code than refused or cancelled.
 * - `cancelled`: the peer lost interest (h2 CANCEL), or the owner called `reset("cancelled")`.
 * - `protocol`: the peer broke the protocol, or a length did not hold.
 * - `limit`: something was larger than a limit.
 * - `timeout`: a deadline of the codec passed.
 */
export type ResetReason = "refused" | "closed" | "reset" | "cancelled" | "protocol" | "limit" | "timeout";

/** What an exchange has moved so far, before TLS (Envoy: BytesMeter). Counted by the codec, in the stream itself. */
export interface StreamBytes {
  /** Heads, bodies and their framing. HTTP/2: the stream's frames with their heads, and of those received no WINDOW_UPDATE. */
  wireSent: number;
  wireReceived: number;
  /** HTTP/1.1: field lines, on the way in without the white space around values. HTTP/2: the frames of header blocks. */
  headerSent: number;
  headerReceived: number;
}

/** What both ends of an exchange can do with the direction they send. */
export interface StreamWriter {
  /** False: above the high-water mark, wait for `onWritable`. */
  write(chunk: Uint8Array): boolean;
  /** Ends the direction, with trailers where the protocol can carry them (HTTP/1.1: chunked only, else they are dropped). */
  end(trailers?: HeaderList): void;
  /** Gives the exchange up. HTTP/1.1 has no other way than to close the connection. */
  reset(reason: ResetReason): void;
  /** Stops and restarts the direction that is received. */
  pause(): void;
  resume(): void;
}

/** What both ends are told about the direction they receive. */
export interface StreamListener {
  onData(chunk: Uint8Array): void;
  onEnd(trailers: HeaderList | undefined): void;
  onReset(reason: ResetReason): void;
  onWritable(): void;
}

/** A request, as the server end of a connection holds it. */
export interface ServerStream extends StreamWriter, Readonly<StreamBytes> {
  /** Set during `onRequest`. */
  listener: StreamListener;
  /** Bytes of the response that the peer has not taken. */
  readonly buffered: number;
  /**
   * `write` for bytes that do not change and that the caller can keep: nothing of them is copied to wait. How many were taken; when they are
   * fewer than all, `onWritable` follows, and the rest is to be offered again before anything else is written.
   */
  offer(chunk: Uint8Array): number;
  /** An interim response, 100 to 199 but not 101. `Expect: 100-continue` is not answered by the codec: the owner decides. */
  inform(status: number, headers: HeaderList): void;
  /**
   * The response. With `end`, no `write` or `end` follows. A response that is complete before the request's body is: the codec drops a
   * bounded rest of the body, or closes (h1) or resets with NO_ERROR (h2) beyond that.
   */
  respond(head: ResponseHead, end: boolean): void;
}

export interface ServerConnectionListener {
  /** `end`: no body follows (no `onEnd` either). `head.upgrade` or CONNECT: bytes flow only after a 101 or 2xx was sent. */
  onRequest(stream: ServerStream, head: RequestHead, end: boolean): void;
  /**
   * The codec refused bytes and answered itself (HTTP/1.1: `status`; HTTP/2: GOAWAY or RST_STREAM, status 0).
   * `detail` is Envoy's response code detail, as in `http1.codec_error` or `http2.violation.of.messaging.rule`; `inProgress`: requests that
   * were begun end by it, and their streams are told.
   */
  onRefused(status: number, detail: string, inProgress: boolean): void;
  /** Once, after every stream got its `onReset`. */
  onClosed(): void;
}

/** Drains: existing requests finish, new ones are refused (GOAWAY; `connection: close`). Closes when the last is done. */
export interface Connection {
  /** Bytes from the transport. */
  receive(chunk: Uint8Array): void;
  /** The transport takes bytes again. */
  drained(): void;
  /** The peer sent FIN (`ended`) or is gone (`closed`, once, last call). */
  ended(): void;
  closed(): void;
  shutdown(): void;
  /** Streams begun and not finished. */
  readonly active: number;
  /** Bytes that are held for the peer, who has not taken them, or of it, because nobody is ready for them. */
  readonly buffered: number;
}

export interface ServerConnection extends Connection {
  /** Requests that are not answered, or whose answer waits for the peer. */
  openStreams(): readonly ServerStream[];
}

/** A request, as the client end holds it. */
export interface ClientStream extends StreamWriter, StreamBytes {}

export interface ResponseListener extends StreamListener {
  /** An interim response (100 to 199 but not 101). */
  onInform(status: number, headers: HeaderList): void;
  onResponse(head: ResponseHead, end: boolean): void;
}

export interface ClientConnection extends Connection {
  /** How many requests may be begun now: HTTP/1.1 0 or 1, HTTP/2 what the peer's SETTINGS leave; 0 once draining. */
  readonly available: number;
  /** True from the first GOAWAY, `connection: close`, `shutdown` or end of the transport on: take it out of the pool. */
  readonly draining: boolean;
  /** Begins a request. The caller has checked `available`. */
  request(head: RequestHead, end: boolean, listener: ResponseListener): ClientStream;
}

export interface ClientConnectionListener {
  /** `available` rose from 0. */
  onAvailable(): void;
  /** `draining` became true. */
  onDraining(): void;
  /** Once, after every stream got its `onReset`. */
  onClosed(): void;
}
