// A check by HTTP (Envoy: ProdHttpHealthCheckerImpl).

import { type HeaderList, removeHeader, setHeader } from "../../../http/headers.ts";
import { type ClientConnection, RequestHead, type ResponseHead, type ResponseListener } from "../../../http/stream.ts";
import type { CheckHeader, HealthCheck, HttpProbe } from "../../../table/health-check.ts";
import { CheckConnection } from "./check-connection.ts";
import type { CheckTarget, Prober } from "./prober.ts";
import { type Outcome, UNREACHABLE } from "./transition.ts";
import { judgeResponse } from "./verdict.ts";

export function addHeaders(headers: HeaderList, added: readonly CheckHeader[]): void {
  for (const { name, value, overwrite } of added) {
    if (overwrite) setHeader(headers, name, value);
    else headers.push(name, value);
  }
}

/** The answer to one check. */
class Answer implements ResponseListener {
  readonly #probe: HttpProbe;
  readonly #onOver: (outcome: Outcome) => void;
  #head: ResponseHead | undefined;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(probe: HttpProbe, onOver: (outcome: Outcome) => void) {
    this.#probe = probe;
    this.#onOver = onOver;
  }

  onInform(): void {}
  onWritable(): void {}

  onResponse(head: ResponseHead, end: boolean): void {
    this.#head = head;
    if (end) this.onEnd();
  }

  /** More than the buffer is read and forgotten. */
  onData(chunk: Uint8Array): void {
    const { receive, bufferBytes } = this.#probe;
    if (receive.length === 0 || (bufferBytes > 0 && this.#length >= bufferBytes)) return;
    const kept = bufferBytes > 0 ? chunk.subarray(0, bufferBytes - this.#length) : chunk;
    this.#chunks.push(Buffer.from(kept));
    this.#length += kept.length;
  }

  onEnd(): void {
    const { status, headers } = this.#head!;
    this.#onOver(judgeResponse(this.#probe, status, headers, Buffer.concat(this.#chunks)));
  }

  onReset(): void {
    this.#onOver(UNREACHABLE);
  }
}

export class HttpProber implements Prober {
  readonly #target: CheckTarget;
  readonly #check: HealthCheck;
  readonly #probe: HttpProbe;
  readonly #connection: CheckConnection;
  #running: Answer | undefined;

  constructor(target: CheckTarget, check: HealthCheck, probe: HttpProbe) {
    this.#target = target;
    this.#check = check;
    this.#probe = probe;
    this.#connection = new CheckConnection(target, probe.protocol, check.alpn);
  }

  begin(done: (outcome: Outcome) => void): void {
    this.#connection.use(
      (connection) => this.#ask(connection, done),
      () => done(UNREACHABLE),
    );
  }

  #ask(connection: ClientConnection, done: (outcome: Outcome) => void): void {
    const { send } = this.#probe;
    const answer = new Answer(this.#probe, (outcome) => {
      if (this.#running !== answer) return;
      this.#running = undefined;
      if (!this.#check.reusesConnection) this.#connection.release();
      done(outcome);
    });
    this.#running = answer;
    const stream = connection.request(this.#head(), send === undefined, answer);
    if (send === undefined) return;
    stream.write(send);
    stream.end();
  }

  #head(): RequestHead {
    const { method, path, host, protocol, headers: added, removedHeaders, send } = this.#probe;
    const { authority, scheme } = this.#target;
    const headers: HeaderList = ["user-agent", "Envoy/HC"];
    if (send) headers.push("content-length", String(send.length));
    addHeaders(headers, added);
    for (const name of removedHeaders) removeHeader(headers, name);
    const version = protocol === "http2" ? "HTTP/2" : "HTTP/1.1";
    return new RequestHead(method, scheme, host || authority, path, headers, version, send?.length ?? -1, undefined);
  }

  close(): void {
    this.#running = undefined;
    this.#connection.close();
  }
}
