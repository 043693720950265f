// The server end: methods by path, each call an object that sends and hears messages. The connection's owner says who the peer is.

import { Alarm, timers } from "../base/timer-wheel.ts";
import { getHeader, type HeaderList } from "../http/headers.ts";
import {
  type RequestHead,
  type ResetReason,
  ResponseHead,
  type ServerConnectionListener,
  type ServerStream,
  type StreamListener,
} from "../http/stream.ts";
import { parseTimeout } from "./deadline.ts";
import { frameParts, MessageReader } from "./message.ts";
import { GRPC_OK, type GrpcStatus, isGrpc, statusTrailers } from "./status.ts";

/** 16 MiB: a delta request that resumes a session lists the versions of all of its resources. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
const HEAD: HeaderList = ["content-type", "application/grpc"];

/** Who is on the other end, as its connection proved. */
export interface CallPeer {
  /** SPIFFE id; "" when it proved none. */
  readonly principal: string;
  readonly address: string;
  /** DER of the certificate that it proved, for who must know how long it is valid. */
  readonly certificate?: Uint8Array | undefined;
}

/** What a method does with a call's events. */
export interface CallHandler {
  onMessage(message: Buffer): void;
  /** The client will send no more. */
  onEnd(): void;
  /** The client, the connection or the deadline gave the call up: nothing that is sent arrives any more. */
  onCancel(): void;
  onWritable?(): void;
}

export type Method = (call: ServerCall) => CallHandler;

export class ServerCall implements StreamListener {
  readonly peer: CallPeer;
  readonly metadata: HeaderList;
  readonly #stream: ServerStream;
  readonly #maxBytes: number;
  readonly #reader: MessageReader;
  readonly #deadline = new Alarm(() => this.#expire());
  #handler: CallHandler | undefined;
  #responded = false;
  #over = false;
  /** Chunks of messages that the stream takes later, in order: they are others' too, and are not copied. */
  #unsent: Uint8Array[] = [];
  /** What follows them. */
  #lastStatus: GrpcStatus | undefined;

  constructor(stream: ServerStream, head: RequestHead, peer: CallPeer, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#reader = new MessageReader(maxBytes);
    this.metadata = head.headers;
    this.peer = peer;
    stream.listener = this;
  }

  /** @internal */
  begin(method: Method, end: boolean): void {
    const timeoutMs = parseTimeout(getHeader(this.metadata, "grpc-timeout"));
    if (timeoutMs !== undefined) timers.arm(this.#deadline, timeoutMs);
    this.#handler = method(this);
    if (end) this.onEnd();
  }

  /** False: the client reads too slowly; wait for `onWritable`. */
  send(message: Uint8Array): boolean {
    return this.sendParts([message]);
  }

  /** One message that comes in parts, which must not change any more: long ones are not copied. */
  sendParts(parts: readonly Uint8Array[]): boolean {
    if (this.#over) return true;
    this.#respond();
    const waits = this.#unsent.length > 0;
    this.#unsent.push(...frameParts(parts));
    return !waits && this.#sendOn();
  }

  /** Writes until the stream takes no more; false when it does not. */
  #sendOn(): boolean {
    const chunks = this.#unsent;
    for (const [i, chunk] of chunks.entries()) {
      const taken = this.#stream.offer(chunk);
      if (taken === chunk.length) continue;
      this.#unsent = [chunk.subarray(taken), ...chunks.slice(i + 1)];
      return false;
    }
    this.#unsent = [];
    return true;
  }

  /** Ends the call; what was sent before still arrives. */
  end(status: GrpcStatus = GRPC_OK): void {
    if (this.#over) return;
    this.#over = true;
    timers.disarm(this.#deadline);
    if (this.#unsent.length > 0) this.#lastStatus = status;
    else if (this.#responded) this.#stream.end(statusTrailers(status));
    else this.#stream.respond(new ResponseHead(200, [...HEAD, ...statusTrailers(status)], -1), true);
  }

  #respond(): void {
    if (this.#responded) return;
    this.#responded = true;
    this.#stream.respond(new ResponseHead(200, [...HEAD], -1), false);
  }

  /** Stops and restarts `onMessage`: the client is held back by flow control. */

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  onData(chunk: Uint8Array): void {
    if (this.#over) return;
    const fault = this.#reader.feed(chunk, (message) => {
      if (!this.#over) this.#handler?.onMessage(message);
    });
    if (fault === "compressed") {
      this.#refuse({ code: "INTERNAL", message: "a compressed message in a call without grpc-encoding" });
    } else if (fault === "too-large") {
      this.#refuse({ code: "RESOURCE_EXHAUSTED", message: `message is larger than ${this.#maxBytes} bytes` });
    }
  }

  onEnd(): void {
    if (this.#over) return;
    if (this.#reader.isAtBoundary) this.#handler?.onEnd();
    else this.#refuse({ code: "INVALID_ARGUMENT", message: "the call ended inside a message" });
  }

  onReset(_reason: ResetReason): void {
    this.#cancel();
  }

  onWritable(): void {
    if (!this.#sendOn()) return;
    if (this.#lastStatus) this.#stream.end(statusTrailers(this.#lastStatus));
    else if (!this.#over) this.#handler?.onWritable?.();
  }

  /** @internal Names what is accepted, as gRPC's compression specification asks. */
  refuseEncoding(encoding: string): void {
    this.#over = true;
    const status: GrpcStatus = { code: "UNIMPLEMENTED", message: `grpc-encoding ${encoding} is not supported` };
    const headers = [...HEAD, "grpc-accept-encoding", "identity", ...statusTrailers(status)];
    this.#stream.respond(new ResponseHead(200, headers, -1), true);
  }

  #refuse(status: GrpcStatus): void {
    this.end(status);
    this.#handler?.onCancel();
  }

  #expire(): void {
    if (this.#over) return;
    this.end({ code: "DEADLINE_EXCEEDED", message: "the deadline passed" });
    this.#handler?.onCancel();
  }

  #cancel(): void {
    if (this.#over) return;
    this.#over = true;
    timers.disarm(this.#deadline);
    this.#handler?.onCancel();
  }
}

const ONE_MESSAGE: GrpcStatus = { code: "INVALID_ARGUMENT", message: "a unary call has one message" };

/** A method of one message each way; the promise must not reject for what a client sent. */
export function unary(
  handle: (request: Buffer, call: ServerCall) => Promise<{ readonly message: Uint8Array } | GrpcStatus>,
): Method {
  return (call) => {
    let request: Buffer | undefined;
    return {
      onMessage(message) {
        if (request) call.end(ONE_MESSAGE);
        else request = message;
      },
      onEnd() {
        if (request) void answer(call, handle(request, call));
        else call.end(ONE_MESSAGE);
      },
      onCancel() {}, // what the call sends now goes nowhere
    };
  };
}

async function answer(
  call: ServerCall,
  promised: Promise<{ readonly message: Uint8Array } | GrpcStatus>,
): Promise<void> {
  try {
    const reply = await promised;
    if ("code" in reply) {
      call.end(reply);
    } else {
      call.send(reply.message);
      call.end();
    }
  } catch (error) {
    call.end({ code: "INTERNAL", message: error instanceof Error ? error.message : String(error) });
  }
}

/** What a connection of this peer is listened to with. One service object serves all connections. */
export class GrpcService {
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #maxRequestBytes: number;

  /**
   * @param methods by path, as in `/package.Service/Method`
   * @param maxRequestBytes of one message; larger ones end their call with RESOURCE_EXHAUSTED
   */
  constructor(methods: Readonly<Record<string, Method>>, maxRequestBytes: number = MAX_REQUEST_BYTES) {
    this.#methods = new Map(Object.entries(methods));
    this.#maxRequestBytes = maxRequestBytes;
  }

  listener(peer: CallPeer, onClosed: () => void): ServerConnectionListener {
    return {
      onRequest: (stream, head, end) => this.#begin(stream, head, end, peer),
      onRefused() {},
      onClosed,
    };
  }

  #begin(stream: ServerStream, head: RequestHead, end: boolean, peer: CallPeer): void {
    if (head.method !== "POST" || !isGrpc(head.headers)) {
      // gRPC over HTTP/2: what is not gRPC gets 415, so that it is not taken for a status.
      stream.listener = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };
      stream.respond(new ResponseHead(415, [], 0), true);
      return;
    }
    const call = new ServerCall(stream, head, peer, this.#maxRequestBytes);
    const encoding = getHeader(head.headers, "grpc-encoding") ?? "identity";
    const method = this.#methods.get(head.path);
    if (method === undefined) call.end({ code: "UNIMPLEMENTED", message: `unknown method ${head.path}` });
    else if (encoding !== "identity") call.refuseEncoding(encoding);
    else call.begin(method, end);
  }
}
