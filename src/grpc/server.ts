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
import { frameMessage, MessageReader } from "./message.ts";
import { GRPC_OK, type GrpcStatus, statusTrailers } from "./status.ts";

/** 16 MiB: a delta request that resumes a session lists the versions of all of its resources. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

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
  readonly #reader = new MessageReader(MAX_REQUEST_BYTES);
  readonly #deadline = new Alarm(() => this.#expire());
  #handler: CallHandler | undefined;
  #responded = false;
  #over = false;

  constructor(stream: ServerStream, head: RequestHead, peer: CallPeer) {
    this.#stream = stream;
    this.metadata = head.headers;
    this.peer = peer;
    stream.listener = this;
  }

  /** @internal */
  begin(method: Method, end: boolean): void {
    const timeoutMs = parseTimeout(getHeader(this.metadata, "grpc-timeout"));
    if (timeoutMs !== undefined) timers.arm(this.#deadline, timeoutMs);
    this.#handler = method(this);
    if (end) this.#handler.onEnd();
  }

  /** False: the client reads too slowly; wait for `onWritable`. */
  send(message: Uint8Array): boolean {
    if (this.#over) return true;
    this.#respond();
    return this.#stream.write(frameMessage(message));
  }

  end(status: GrpcStatus = GRPC_OK): void {
    if (this.#over) return;
    this.#over = true;
    timers.disarm(this.#deadline);
    if (this.#responded) this.#stream.end(statusTrailers(status));
    else
      this.#stream.respond(
        new ResponseHead(200, ["content-type", "application/grpc", ...statusTrailers(status)], -1),
        true,
      );
  }

  #respond(): void {
    if (this.#responded) return;
    this.#responded = true;
    this.#stream.respond(new ResponseHead(200, ["content-type", "application/grpc"], -1), false);
  }

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
    if (fault === "compressed")
      this.#refuse({ code: "UNIMPLEMENTED", message: "compressed messages are not supported" });
    if (fault === "too-large")
      this.#refuse({ code: "RESOURCE_EXHAUSTED", message: `message is larger than ${MAX_REQUEST_BYTES} bytes` });
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
    if (!this.#over) this.#handler?.onWritable?.();
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

/** A method of one message each way; the promise must not reject for what a client sent. */
export function unary(
  handle: (request: Buffer, call: ServerCall) => Promise<{ readonly message: Uint8Array } | GrpcStatus>,
): Method {
  return (call) => {
    let request: Buffer | undefined;
    let cancelled = false;
    return {
      onMessage(message) {
        if (request) call.end({ code: "INVALID_ARGUMENT", message: "a unary call has one message" });
        request ??= message;
      },
      onEnd() {
        if (!request) {
          call.end({ code: "INVALID_ARGUMENT", message: "a unary call has one message" });
          return;
        }
        handle(request, call).then(
          (answer) => {
            if (cancelled) return;
            if ("message" in answer && answer.message instanceof Uint8Array) {
              call.send(answer.message);
              call.end();
            } else call.end(answer as GrpcStatus);
          },
          (error) => call.end({ code: "INTERNAL", message: error instanceof Error ? error.message : String(error) }),
        );
      },
      onCancel() {
        cancelled = true;
      },
    };
  };
}

/** What a connection of this peer is listened to with. One service object serves all connections. */
export class GrpcService {
  readonly #methods: ReadonlyMap<string, Method>;

  /** Methods by path, as in `/package.Service/Method`. */
  constructor(methods: Readonly<Record<string, Method>>) {
    this.#methods = new Map(Object.entries(methods));
  }

  listener(peer: CallPeer, onClosed: () => void): ServerConnectionListener {
    return {
      onRequest: (stream, head, end) => this.#begin(stream, head, end, peer),
      onRefused() {},
      onClosed,
    };
  }

  #begin(stream: ServerStream, head: RequestHead, end: boolean, peer: CallPeer): void {
    const contentType = getHeader(head.headers, "content-type");
    if (head.method !== "POST" || !contentType?.startsWith("application/grpc")) {
      // gRPC over HTTP/2: what is not gRPC gets 415, so that it is not taken for a status.
      stream.listener = { onData() {}, onEnd() {}, onReset() {}, onWritable() {} };
      stream.respond(new ResponseHead(415, [], 0), true);
      return;
    }
    const call = new ServerCall(stream, head, peer);
    const method = this.#methods.get(head.path);
    if (method) call.begin(method, end);
    else call.end({ code: "UNIMPLEMENTED", message: `unknown method ${head.path}` });
  }
}
