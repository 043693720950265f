// What every client of an exchange notes, until it is over one way or the other.

import { type Exchange, exchangeText } from "../plan.ts";
import { type Body, bodyOf, type Sink, send, slowDown, Verifier } from "./body.ts";
import type { End, Outcome } from "./told.ts";

/** Slow ones take two seconds; what takes this long hangs. */
const HANGS_MS = 25_000;

export function isFramed({ protocol }: Exchange): boolean {
  return protocol === "grpc-unary" || protocol === "grpc-stream";
}

export function headersOf(exchange: Exchange): Record<string, string> {
  return { "x-soak": exchangeText(exchange), "x-soak-id": exchange.id };
}

interface Source {
  pause(): unknown;
  resume(): unknown;
  readonly destroyed: boolean;
}

/** An exchange under way. `abandon` resets it from the client's side. */
export class Attending {
  readonly exchange: Exchange;
  readonly over: Promise<Outcome>;
  readonly upload: Body;
  status = 0;
  grpcStatus = -1;
  localPort = 0;
  reused = false;
  readonly #verifier: Verifier;
  readonly #abandon: () => void;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #timer: NodeJS.Timeout;
  #end: End | undefined;

  constructor(exchange: Exchange, abandon: () => void) {
    this.exchange = exchange;
    this.upload = bodyOf(exchange.seed, exchange.up, isFramed(exchange));
    this.#verifier = new Verifier(bodyOf(exchange.seed + 1, exchange.down, isFramed(exchange)));
    this.#abandon = abandon;
    let resolve: (outcome: Outcome) => void = () => {};
    this.over = new Promise((resolved) => {
      resolve = resolved;
    });
    this.#resolve = resolve;
    this.#timer = setTimeout(() => {
      this.end("hung", `${this.#verifier.received} of ${exchange.down} bytes, status ${this.status}`);
      abandon();
    }, HANGS_MS);
  }

  /** Sends the client's body. Resolves with whether all of it went. */
  async uploads(sink: Sink): Promise<boolean> {
    const { exchange } = this;
    const sent = await send(sink, this.upload, exchange.pace === "slow-writer");
    if (exchange.givesUp === 0) this.#giveUp();
    return sent && this.#end === undefined;
  }

  receives(chunk: Buffer, source: Source): void {
    if (this.#end !== undefined) return;
    // The body of another status is the proxy's own.
    if (this.status !== 200) return;
    this.#verifier.take(chunk);
    const { givesUp, pace } = this.exchange;
    if (givesUp !== undefined && givesUp > 0 && this.#verifier.received >= givesUp) this.#giveUp();
    else if (pace === "slow-reader") slowDown(source);
  }

  #giveUp(): void {
    this.end("gave-up", "");
    this.#abandon();
  }

  /** All of the answer came, as its framing tells. */
  completes(): void {
    if (this.status !== 200 || this.grpcStatus > 0) this.end("answered", "");
    else if (isFramed(this.exchange) && this.grpcStatus < 0) this.end("cut", "clean");
    else if (this.#verifier.isWhole) this.end("whole", "");
    else this.end("cut", "clean");
  }

  /** It ended otherwise. */
  breaks(detail: string): void {
    this.end(this.status === 0 ? "unanswered" : this.status === 200 ? "cut" : "answered", detail);
  }

  end(end: End, detail: string): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    clearTimeout(this.#timer);
    const { exchange } = this;
    this.#resolve({
      id: exchange.id,
      protocol: exchange.protocol,
      method: exchange.method,
      end,
      status: this.status,
      grpcStatus: this.grpcStatus,
      fault: this.#verifier.fault,
      reused: this.reused,
      localPort: this.localPort,
      received: this.#verifier.received,
      detail,
      planned: exchange.reset !== undefined ? "reset" : exchange.givesUp !== undefined ? "gives-up" : undefined,
      resetFirst: exchange.reset === 0,
      endedAt: Date.now(),
    });
  }
}
