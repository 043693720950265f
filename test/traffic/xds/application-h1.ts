// The HTTP/1.1 side of an application. The suite's own reader, so that the code under test is not its own witness.

import type { Socket } from "bun";
import { type Answer, answerOf, type Behaviour, type Codec, type Owner, type Received } from "./behaviour.ts";
import { type Field, fieldOf, formatChunked, formatHead, MessageReader, type WireMessage } from "./wire.ts";

function receivedOf(app: string, connection: number, message: WireMessage): Received {
  const [method = "", path = ""] = message.startLine.split(" ");
  const { fields: headers, body, trailers } = message;
  const authority = fieldOf(headers, "host") ?? "";
  return { app, protocol: "HTTP/1.1", method, path, authority, headers, body, trailers, connection };
}

/** One request at a time, as HTTP/1.1 has it. */
export class Http1Application implements Codec {
  readonly #application: Owner;
  readonly #socket: Socket<unknown>;
  readonly #index: number;
  readonly #reader = new MessageReader();
  #unsent = Buffer.alloc(0);
  #busy = false;
  #hangs = false;
  #closed = false;
  #closing = false;

  constructor(application: Owner, socket: Socket<unknown>, index: number) {
    this.#application = application;
    this.#socket = socket;
    this.#index = index;
  }

  onData(chunk: Buffer): void {
    this.#reader.push(chunk);
    this.#next();
  }

  onEnd(): void {
    // Whoever hangs would keep the connection half open for ever.
    if (!this.#busy || this.#hangs) this.#socket.end();
    this.#closing = true;
  }

  onClose(): void {
    this.#closed = true;
    if (this.#busy) this.#application.answered();
    this.#busy = false;
  }

  flush(): void {
    while (this.#unsent.length > 0) {
      const taken = this.#socket.write(this.#unsent);
      if (taken <= 0) return;
      this.#unsent = this.#unsent.subarray(taken);
    }
    if (this.#closing && !this.#busy) this.#socket.end();
  }

  #send(data: string | Buffer): void {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    this.#unsent = Buffer.concat([this.#unsent, bytes]);
    this.flush();
  }

  #next(): void {
    while (!this.#busy && !this.#closed) {
      const message = this.#reader.nextRequest();
      if (!message) return;
      this.#busy = true;
      const request = receivedOf(this.#application.name, this.#index, message);
      void this.#behave(this.#application.take(request), request);
    }
  }

  async #behave(behaviour: Behaviour, request: Received): Promise<void> {
    switch (behaviour.kind) {
      case "hang":
        this.#hangs = true;
        return;
      case "reset":
        this.#socket.terminate();
        return;
      case "close":
        this.#over(true);
        return;
      case "raw":
        this.#send(behaviour.bytes);
        this.#over(behaviour.close ?? false);
        return;
      default:
        await this.#answer(answerOf(behaviour, request)!, request.method);
    }
  }

  async #answer(answer: Answer, method: string): Promise<void> {
    if (answer.delayMs > 0) await Bun.sleep(answer.delayMs);
    for (const status of answer.inform) this.#send(formatHead(`HTTP/1.1 ${status} Informational`, []));
    const bodiless = method === "HEAD" || answer.status === 204 || answer.status === 304;
    const whole = answer.parts.length === 1 && answer.trailers.length === 0 && answer.ending === "end";
    const framing: Field[] =
      answer.status === 204
        ? []
        : whole
          ? [["content-length", String(answer.parts[0]!.length)]]
          : [["transfer-encoding", "chunked"]];
    this.#send(formatHead(`HTTP/1.1 ${answer.status} Lab`, [...answer.headers, ...framing]));
    if (bodiless) {
      this.#over(false);
      return;
    }
    if (whole) this.#send(answer.parts[0]!);
    else await this.#sendParts(answer);
    if (answer.ending === "reset") this.#socket.terminate();
    else this.#over(answer.ending === "close");
  }

  async #sendParts({ parts, partDelayMs, trailers, ending }: Answer): Promise<void> {
    for (const part of parts) {
      if (part.length > 0) this.#send(formatChunked([part], []).subarray(0, -5)); // without the last chunk
      if (partDelayMs > 0) await Bun.sleep(partDelayMs);
    }
    if (ending === "end") this.#send(formatChunked([], trailers));
    else await Bun.sleep(10); // what was sent is to arrive before the end does
  }

  #over(close: boolean): void {
    if (this.#busy) this.#application.answered();
    this.#busy = false;
    if (this.#closed) return;
    this.#closing ||= close;
    if (this.#closing) this.flush();
    else this.#next();
  }
}
