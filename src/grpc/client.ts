// A call, as the client end holds it: any of the four kinds, because a unary call is a stream of one message each way.

import { Rest } from "../base/rest.ts";
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
import { formatTimeout } from "./deadline.ts";
import { frameMessage, MessageReader } from "./message.ts";
import { type GrpcStatus, isGrpc, readStatus, statusOfHttp } from "./status.ts";

/** 64 MiB: a full RouteConfiguration of a large mesh is 36 MB. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/**
 * Of a long message so much is taken at a time. To read and to copy it, into memory that has not been touched before, takes a good part of a
 * millisecond; 36 MB as fast as they come are a tenth of a second in which requests only wait.
 */
const PACE_BYTES = 128 * 1024;
const PACE_REST_MS = 1;

export interface CallListener {
  onMessage(message: Buffer): void;
  /** Below the high-water mark again, after `send` returned false. */
  onWritable(): void;
  /** Once, last. */
  onStatus(status: GrpcStatus): void;
}

export interface CallOptions {
  readonly authority: string;
  /** `https` over TLS; `http` when it is left out. */
  readonly scheme?: "http" | "https";
  readonly metadata?: HeaderList;
  /** Milliseconds until the call is given up, told to the server too; 0 or nothing is none. */
  readonly timeoutMs?: number;
  readonly maxMessageBytes?: number;
}

const NO_STATUS: GrpcStatus = { code: "INTERNAL", message: "the server ended the call without a status" };

function statusOfReset(reason: ResetReason): GrpcStatus {
  switch (reason) {
    case "cancelled":
      return { code: "CANCELLED", message: "the server cancelled the call" };
    case "refused":
      return { code: "UNAVAILABLE", message: "the server refused the stream" };
    case "closed":
      return { code: "UNAVAILABLE", message: "the connection was closed" };
    case "limit":
      return { code: "RESOURCE_EXHAUSTED", message: "the response passed a limit" };
    default:
      return { code: "INTERNAL", message: `the stream was reset: ${reason}` };
  }
}

export class ClientCall implements ResponseListener {
  readonly #stream: ClientStream;
  readonly #listener: CallListener;
  readonly #reader: MessageReader;
  readonly #deadline = new Alarm(() => this.#fail({ code: "DEADLINE_EXCEEDED", message: "the deadline passed" }));
  readonly #rest = new Rest(() => this.#rested());
  /** Of a long message, since the last rest. */
  #unrested = 0;
  #resting = false;
  /** By the owner. */
  #paused = false;
  #ended = false;
  #over = false;

  /** Begins the call on a connection that has room for it. */
  constructor(connection: ClientConnection, path: string, options: CallOptions, listener: CallListener) {
    const timeoutMs = options.timeoutMs ?? 0;
    const headers = ["te", "trailers", "content-type", "application/grpc", "user-agent", "heddle"];
    if (timeoutMs > 0) headers.push("grpc-timeout", formatTimeout(timeoutMs));
    if (options.metadata) headers.push(...options.metadata);
    this.#listener = listener;
    this.#reader = new MessageReader(options.maxMessageBytes ?? MAX_MESSAGE_BYTES);
    this.#stream = connection.request(
      new RequestHead("POST", options.scheme ?? "http", options.authority, path, headers, "HTTP/2", -1, undefined),
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
    if (this.#over || this.#ended) return;
    this.#ended = true;
    this.#stream.end();
  }

  /** Gives the call up; the listener hears CANCELLED. */
  cancel(): void {
    this.#fail({ code: "CANCELLED", message: "cancelled by the caller" });
  }

  /** Stops and restarts `onMessage`: the server is held back by flow control. */
  pause(): void {
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#resting) this.#stream.resume();
  }

  /** The server is held back by flow control meanwhile: what it may send all the same is a window at most. */
  #pace(bytes: number): void {
    this.#unrested += bytes;
    if (this.#resting || this.#unrested < PACE_BYTES) return;
    this.#unrested = 0;
    this.#resting = true;
    this.#stream.pause();
    this.#rest.begin(PACE_REST_MS);
  }

  #rested(): void {
    this.#resting = false;
    if (!this.#paused) this.#stream.resume();
  }

  onInform(): void {}

  onResponse(head: ResponseHead, end: boolean): void {
    if (end) this.#end(head.headers, head.status);
    else if (head.status !== 200) this.#fail(statusOfHttp(head.status));
    else if (!isGrpc(head.headers)) this.#fail({ code: "UNKNOWN", message: "the server's answer is not gRPC" });
  }

  onData(chunk: Uint8Array): void {
    if (this.#over) return;
    const fault = this.#reader.feed(chunk, (message) => {
      if (!this.#over) this.#listener.onMessage(message);
    });
    if (fault === "compressed") {
      this.#fail({ code: "INTERNAL", message: "the server compressed a message without being asked" });
    } else if (fault === "too-large") {
      this.#fail({ code: "RESOURCE_EXHAUSTED", message: "the server sent a message above the limit" });
    } else if (this.#reader.isInLong) this.#pace(chunk.length);
  }

  onEnd(trailers: HeaderList | undefined): void {
    this.#end(trailers, 200);
  }

  /** The server is done; `fields` are trailers, or the head of a response that has nothing else. */
  #end(fields: HeaderList | undefined, httpStatus: number): void {
    const status = readStatus(fields) ?? (httpStatus === 200 ? NO_STATUS : statusOfHttp(httpStatus));
    const isCut = status.code === "OK" && !this.#reader.isAtBoundary;
    if (!this.#ended) this.#stream.reset("cancelled"); // it takes no more messages
    this.#finish(isCut ? { code: "INTERNAL", message: "the server ended the call inside a message" } : status);
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

export type UnaryAnswer =
  | { readonly kind: "message"; readonly message: Buffer }
  | { readonly kind: "status"; readonly status: GrpcStatus };

/** One message there, one back. Resolves with the message, or with the status when it is not OK; never rejects. */
export function unaryCall(
  connection: ClientConnection,
  path: string,
  message: Uint8Array,
  options: CallOptions,
): Promise<UnaryAnswer> {
  return new Promise((resolve) => {
    const messages: Buffer[] = [];
    const call = new ClientCall(connection, path, options, {
      onMessage: (received) => messages.push(received),
      onWritable() {},
      onStatus: (status) => resolve(answerOf(messages, status)),
    });
    call.send(message);
    call.end();
  });
}

function answerOf(messages: readonly Buffer[], status: GrpcStatus): UnaryAnswer {
  if (status.code !== "OK") return { kind: "status", status };
  const [message] = messages;
  if (message !== undefined && messages.length === 1) return { kind: "message", message };
  return {
    kind: "status",
    status: { code: "INTERNAL", message: `the server answered OK with ${messages.length} messages, expected one` },
  };
}
