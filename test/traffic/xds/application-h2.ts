// The HTTP/2 side of an application, prior knowledge: gRPC and what else comes as streams.

import type { Socket } from "bun";
import { Http2ServerConnection } from "../../../src/http/h2/server-connection.ts";
import { DEFAULT_LIMITS } from "../../../src/http/limits.ts";
import { type RequestHead, type ResetReason, ResponseHead, type ServerStream } from "../../../src/http/stream.ts";
import { type Answer, answerOf, type Behaviour, type Codec, type Owner, type Received } from "./behaviour.ts";
import { type Field, fieldsOfList, listOfFields } from "./wire.ts";

const RESET: Readonly<Record<"internal" | "refused" | "cancel", ResetReason>> = {
  internal: "reset",
  refused: "refused",
  cancel: "cancelled",
};

export class Http2Application implements Codec {
  readonly #application: Owner;
  readonly #socket: Socket<unknown>;
  readonly #index: number;
  readonly #connection: Http2ServerConnection;

  constructor(application: Owner, socket: Socket<unknown>, index: number) {
    this.#application = application;
    this.#socket = socket;
    this.#index = index;
    const transport = {
      write: (bytes: Uint8Array, start = 0, length = bytes.length - start) => socket.write(bytes, start, length),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      end: () => socket.end(),
      terminate: () => socket.terminate(),
    };
    const listener = {
      onRequest: (stream: ServerStream, head: RequestHead, end: boolean) => this.#begin(stream, head, end),
      onRefused() {},
      onClosed() {},
    };
    this.#connection = new Http2ServerConnection(transport, listener, DEFAULT_LIMITS, "http");
  }

  onData(chunk: Buffer): void {
    this.#connection.receive(chunk);
  }

  onEnd(): void {
    this.#connection.ended();
  }

  onClose(): void {
    this.#connection.closed();
  }

  flush(): void {
    this.#connection.drained();
  }

  /** The behaviour is chosen when the request is whole, as on HTTP/1.1. */
  #begin(stream: ServerStream, head: RequestHead, end: boolean): void {
    const chunks: Buffer[] = [];
    const call = { over: false, taken: false };
    const finish = () => {
      if (call.taken && !call.over) this.#application.answered();
      call.over = true;
    };
    const take = (trailers: readonly Field[]) => {
      call.taken = true;
      const { method, path, authority } = head;
      const headers = fieldsOfList(head.headers);
      const received: Received = {
        app: this.#application.name,
        protocol: "HTTP/2",
        method,
        path,
        authority,
        headers,
        body: Buffer.concat(chunks),
        trailers,
        connection: this.#index,
      };
      const behaviour = this.#application.take(received);
      void this.#behave(stream, behaviour, received, call).then(() => behaviour.kind !== "hang" && finish());
    };
    stream.listener = {
      onData: (chunk) => chunks.push(Buffer.from(chunk)),
      onEnd: (trailers) => take(fieldsOfList(trailers ?? [])),
      onReset: finish,
      onWritable() {},
    };
    if (end) take([]);
  }

  async #behave(stream: ServerStream, behaviour: Behaviour, request: Received, call: { over: boolean }): Promise<void> {
    switch (behaviour.kind) {
      case "hang":
        return;
      case "reset":
        stream.reset(RESET[behaviour.code ?? "internal"]);
        return;
      case "close":
        this.#socket.end();
        return;
      case "raw":
        throw new Error("raw bytes are for HTTP/1.1");
      default:
        await this.#answer(stream, answerOf(behaviour, request)!, call);
    }
  }

  async #answer(stream: ServerStream, answer: Answer, call: { over: boolean }): Promise<void> {
    if (answer.delayMs > 0) await Bun.sleep(answer.delayMs);
    if (call.over) return;
    for (const status of answer.inform) stream.inform(status, []);
    const length = answer.parts.length === 1 && answer.trailers.length === 0 ? answer.parts[0]!.length : -1;
    const trailersOnly =
      answer.parts.every((part) => part.length === 0) && answer.trailers.length === 0 && answer.ending === "end";
    stream.respond(
      new ResponseHead(answer.status, listOfFields(answer.headers), trailersOnly ? -1 : length),
      trailersOnly,
    );
    if (trailersOnly) return;
    for (const part of answer.parts) {
      if (call.over) return;
      if (part.length > 0) stream.write(part);
      if (answer.partDelayMs > 0) await Bun.sleep(answer.partDelayMs);
    }
    if (call.over) return;
    if (answer.ending === "reset") stream.reset("reset");
    else if (answer.ending === "close") this.#socket.end();
    else stream.end(answer.trailers.length > 0 ? listOfFields(answer.trailers) : undefined);
  }
}
