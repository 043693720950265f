// A call, as the client end holds it: any of the four kinds, because a unary call is a stream of one message each way.

import { Alarm, timers } from "../base/timer-wheel.ts";
import type { HeaderList } from "../http/headers.ts";
import {
  type ClientConnection,
  type ClientStream,
  RequestHead,
  type ResetReason,
  type ResponseHead,
  type ResponseListener,
} from "../http/stream.ts";
import { frameMessage, MessageReader } from "./message.ts";
import { type GrpcStatus, readStatus, statusOfHttp } from "./status.ts";

/** 64 MiB: a full RouteConfiguration of a large mesh is 36 MB. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

export interface CallListener {
  onMessage(message: Buffer): void;
  /** Below the high-water mark again, after `send` returned false. */
  onWritable(): void;
  /** Once, last. */
  onStatus(status: GrpcStatus): void;
}

export interface CallOptions {
  readonly authority: string;
  readonly metadata?: HeaderList;
  /** Milliseconds until the call is given up, told to the server too; 0 or nothing is none. */
  readonly timeoutMs?: number;
  readonly maxMessageBytes?: number;
}

function statusOfReset(reason: ResetReason): GrpcStatus {
  switch (reason) {
    case "cancelled":
      return { code: "CANCELLED", message: "the server cancelled the call" };
    case "refused":
    case "closed":
      return {
        code: "UNAVAILABLE",
        message: reason === "closed" ? "the connection was closed" : "the server refused the stream",
      };
    default:
      return { code: "INTERNAL", message: `the stream was reset: ${reason}` };
  }
}

export class ClientCall implements ResponseListener {
  readonly #stream: ClientStream;
  readonly #listener: CallListener;
  readonly #reader: MessageReader;
  readonly #deadline = new Alarm(() => this.#fail({ code: "DEADLINE_EXCEEDED", message: "the deadline passed" }));
  #over = false;

  /** Begins the call on a connection that has room for it. */
  constructor(connection: ClientConnection, path: string, options: CallOptions, listener: CallListener) {
    const timeoutMs = options.timeoutMs ?? 0;
    const headers = ["te", "trailers", "content-type", "application/grpc", "user-agent", "heddle"];
    if (timeoutMs > 0) headers.push("grpc-timeout", `${Math.ceil(timeoutMs)}m`);
    if (options.metadata) headers.push(...options.metadata);
    this.#listener = listener;
    this.#reader = new MessageReader(options.maxMessageBytes ?? MAX_MESSAGE_BYTES);
    this.#stream = connection.request(
      new RequestHead("POST", "http", options.authority, path, headers, "HTTP/2", -1, undefined),
      false,
      this,
    );
    if (timeoutMs > 0) timers.arm(this.#deadline, timeoutMs);
  }

  /** False: wait for `onWritable`. */
  send(message: Uint8Array): boolean {
    return this.#over || this.#stream.write(frameMessage(message));
  }

  /** No more messages from this side. */
  end(): void {
    if (!this.#over) this.#stream.end();
  }

  /** Gives the call up; the listener hears CANCELLED. */
  cancel(): void {
    this.#fail({ code: "CANCELLED", message: "cancelled by the caller" });
  }

  /** Stops and restarts `onMessage`: the server is held back by flow control. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  onInform(): void {}

  onResponse(head: ResponseHead, end: boolean): void {
    const status = readStatus(head.headers);
    if (status) this.#finish(status);
    else if (head.status !== 200) this.#fail(statusOfHttp(head.status));
    else if (end) this.#finish({ code: "INTERNAL", message: "the server ended the call without a status" });
  }

  onData(chunk: Uint8Array): void {
    if (this.#over) return;
    const fault = this.#reader.feed(chunk, (message) => {
      if (!this.#over) this.#listener.onMessage(message);
    });
    if (fault === "compressed")
      this.#fail({ code: "INTERNAL", message: "the server compressed a message without being asked" });
    if (fault === "too-large")
      this.#fail({ code: "RESOURCE_EXHAUSTED", message: "the server sent a message above the limit" });
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.#finish(readStatus(trailers) ?? { code: "INTERNAL", message: "the server ended the call without a status" });
  }

  onReset(reason: ResetReason): void {
    this.#finish(statusOfReset(reason));
  }

  onWritable(): void {
    if (!this.#over) this.#listener.onWritable();
  }

  #fail(status: GrpcStatus): void {
    if (this.#over) return;
    this.#stream.reset("cancelled");
    this.#finish(status);
  }

  #finish(status: GrpcStatus): void {
    if (this.#over) return;
    this.#over = true;
    timers.disarm(this.#deadline);
    this.#listener.onStatus(status);
  }
}

/** One message there, one back. Resolves with the message, or with the status when it is not OK. */
export function unaryCall(
  connection: ClientConnection,
  path: string,
  message: Uint8Array,
  options: CallOptions,
): Promise<{ kind: "message"; message: Buffer } | { kind: "status"; status: GrpcStatus }> {
  return new Promise((resolve) => {
    let answer: Buffer | undefined;
    const call = new ClientCall(connection, path, options, {
      onMessage: (received) => {
        answer ??= received;
      },
      onWritable() {},
      onStatus: (status) => {
        if (status.code !== "OK") resolve({ kind: "status", status });
        else if (answer) resolve({ kind: "message", message: answer });
        else
          resolve({
            kind: "status",
            status: { code: "INTERNAL", message: "the server answered OK without a message" },
          });
      },
    });
    call.send(message);
    call.end();
  });
}
