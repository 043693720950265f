// Requests and responses recorded for whoever watches (Envoy: the tap filter), here on the exchange itself: with nobody watching, a request
// pays one comparison.

import type { HeaderList } from "../http/headers.ts";
import type { RequestHead } from "../http/stream.ts";
import type { DownstreamFacts } from "./connection-facts.ts";

export interface TappedBody {
  readonly chunks: readonly Uint8Array[];
  readonly truncated: boolean;
}

/** Name and value in turns; the request's with its pseudo-headers, as it came; the response's with `:status`, as it went. */
export interface TappedExchange {
  readonly requestHeaders: HeaderList;
  readonly requestBody: TappedBody;
  readonly requestTrailers: HeaderList;
  /** Milliseconds since 1970. */
  readonly requestMs: number;
  readonly responseHeaders: HeaderList;
  readonly responseBody: TappedBody;
  readonly responseTrailers: HeaderList;
  readonly responseMs: number;
  /** 0 without a response. */
  readonly status: number;
  readonly facts: DownstreamFacts;
}

/** Somebody who watches. */
export interface Tap {
  /** Of each body, the request's and the response's. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  offer(exchange: TappedExchange): void;
}

class BodyRecorder implements TappedBody {
  readonly chunks: Uint8Array[] = [];
  truncated = false;
  #room: number;

  constructor(room: number) {
    this.#room = room;
  }

  take(chunk: Uint8Array): void {
    if (chunk.length > this.#room) this.truncated = true;
    if (this.#room === 0) return;
    // A copy, which `slice` of a Buffer is not: the memory of what was read is given back.
    const kept = Buffer.from(chunk.subarray(0, this.#room));
    this.#room -= kept.length;
    this.chunks.push(kept);
  }
}

/** One exchange that somebody may want: made when it begins, because its head changes on the way. */
export class TapRecorder {
  readonly requestBody: BodyRecorder;
  readonly responseBody: BodyRecorder;
  readonly #requestHeaders: HeaderList;
  readonly #requestMs = Date.now();
  readonly #facts: DownstreamFacts;
  #responseHeaders: HeaderList = [];
  #responseMs = 0;
  #status = 0;

  constructor(head: RequestHead, facts: DownstreamFacts, requestBytes: number, responseBytes: number) {
    const { method, path, authority, scheme, headers } = head;
    this.#requestHeaders = [":method", method, ":path", path, ":authority", authority, ":scheme", scheme, ...headers];
    this.#facts = facts;
    this.requestBody = new BodyRecorder(requestBytes);
    this.responseBody = new BodyRecorder(responseBytes);
  }

  answered(status: number, headers: HeaderList): void {
    this.#status = status;
    this.#responseMs = Date.now();
    this.#responseHeaders = [":status", String(status), ...headers];
  }

  over(requestTrailers: HeaderList | undefined, responseTrailers: HeaderList | undefined): TappedExchange {
    return {
      requestHeaders: this.#requestHeaders,
      requestBody: this.requestBody,
      requestTrailers: requestTrailers ?? [],
      requestMs: this.#requestMs,
      responseHeaders: this.#responseHeaders,
      responseBody: this.responseBody,
      responseTrailers: responseTrailers ?? [],
      responseMs: this.#responseMs,
      status: this.#status,
      facts: this.#facts,
    };
  }
}

/** Everybody who watches this proxy. */
export class Taps {
  #taps: readonly Tap[] = [];

  get count(): number {
    return this.#taps.length;
  }

  add(tap: Tap): void {
    this.#taps = [...this.#taps, tap];
  }

  remove(tap: Tap): void {
    this.#taps = this.#taps.filter((other) => other !== tap);
  }

  /** Undefined while nobody watches. */
  begin(head: RequestHead, facts: DownstreamFacts): TapRecorder | undefined {
    if (this.#taps.length === 0) return undefined;
    const requestBytes = Math.max(...this.#taps.map((tap) => tap.requestBytes));
    const responseBytes = Math.max(...this.#taps.map((tap) => tap.responseBytes));
    return new TapRecorder(head, facts, requestBytes, responseBytes);
  }

  offer(exchange: TappedExchange): void {
    for (const tap of this.#taps) tap.offer(exchange);
  }
}
