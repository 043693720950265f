// One tap of several workers: their traces one after the other, each whole, until there are as many as were asked for or the time is over.
// A worker that comes meanwhile is watched as well. Who reads slowly holds up the workers' taps, which drop what does not fit, and not memory.

import { text } from "../admin/answer.ts";
import type { TapOrder } from "../admin/tap-order.ts";

/** A trace is indented: its last line is the only one that begins with its brace. */
const END_OF_TRACE = "\n}\n";
/** Two bodies of 64 KiB, escaped, and their headers, fit many times. */
const MAX_TRACE_CHARACTERS = 4 * 1_048_576;
const LOOK_MS = 250;

/** A worker, as far as taps go. */
export interface Tapped {
  /** The answer to the same request as the client's, and no answer any more once `signal` says so. */
  tap(signal: AbortSignal): Promise<Response>;
}

/** The traces in a stream of text, whole. */
async function* traces(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of body) {
    held += decoder.decode(chunk, { stream: true });
    for (let end = held.indexOf(END_OF_TRACE); end !== -1; end = held.indexOf(END_OF_TRACE)) {
      yield held.slice(0, end + END_OF_TRACE.length).trimStart();
      held = held.slice(end + END_OF_TRACE.length);
    }
    if (held.length > MAX_TRACE_CHARACTERS) return;
  }
}

class MergedTap {
  readonly #order: Pick<TapOrder, "maxCount" | "durationMs">;
  readonly #workers: () => readonly Tapped[];
  readonly #attached = new Set<Tapped>();
  readonly #end = new AbortController();
  readonly #encoder = new TextEncoder();
  readonly #timers: readonly Timer[];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #room = Promise.withResolvers<void>();
  #told = 0;

  constructor(order: Pick<TapOrder, "maxCount" | "durationMs">, workers: () => readonly Tapped[]) {
    this.#order = order;
    this.#workers = workers;
    this.#timers = [
      setTimeout(() => this.#close(), order.durationMs),
      setInterval(() => {
        for (const worker of this.#workers()) if (!this.#attached.has(worker)) void this.#attach(worker);
      }, LOOK_MS),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** The answer of the first worker that refuses; undefined: all of them are watched. */
  async begin(): Promise<Response | undefined> {
    const answers = await Promise.all(this.#workers().map((worker) => this.#attach(worker)));
    const refusal = answers.find((answer) => answer !== undefined && !answer.ok);
    if (refusal) this.#close();
    return refusal;
  }

  /** The worker's refusal, if it is one. A worker that does not answer is gone, and the one in its place is asked at the next look. */
  async #attach(worker: Tapped): Promise<Response | undefined> {
    this.#attached.add(worker);
    const answer = await worker.tap(this.#end.signal).catch(() => undefined);
    if (!answer) {
      this.#attached.delete(worker);
      return undefined;
    }
    if (!answer.ok || !answer.body) return answer;
    void this.#pass(answer.body).catch(() => {}); // the worker, or the client, has gone
    return undefined;
  }

  async #pass(body: ReadableStream<Uint8Array>): Promise<void> {
    for await (const trace of traces(body)) {
      while (!this.#end.signal.aborted && (this.#controller?.desiredSize ?? 0) <= 0) await this.#room.promise;
      if (this.#end.signal.aborted) return;
      this.#controller?.enqueue(this.#encoder.encode(trace));
      if (++this.#told >= this.#order.maxCount) this.#close();
    }
  }

  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        controller.enqueue(this.#encoder.encode("\n")); // the client is to know that it watches
      },
      pull: () => this.#resume(),
      cancel: () => this.#close(),
    });
  }

  #resume(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }

  #close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#end.abort();
    this.#resume();
    const controller = this.#controller;
    this.#controller = undefined;
    try {
      controller?.close();
    } catch {
      // The client went first.
    }
  }
}

/** `workers`: those that serve at the time. */
export async function mergedTap(
  order: Pick<TapOrder, "maxCount" | "durationMs">,
  workers: () => readonly Tapped[],
): Promise<Response> {
  if (workers().length === 0) return text("no worker serves\n", 503);
  const tap = new MergedTap(order, workers);
  const refusal = await tap.begin();
  if (refusal) return text(await refusal.text(), refusal.status);
  return new Response(tap.stream(), {
    headers: { "content-type": "application/json", "x-content-type-options": "nosniff" },
  });
}
