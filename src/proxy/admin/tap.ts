// `/tap`: exchanges as they end, in envoy.data.tap.v3.TraceWrapper's JSON, one after the other while the client listens. What a slow client
// does not take is dropped and counted: memory is for traffic.

import { logger } from "../../base/log.ts";
import type { HeaderList } from "../../http/headers.ts";
import type { Tap, TappedBody, TappedExchange } from "../tap.ts";
import { text } from "./answer.ts";
import type { AdminState } from "./state.ts";
import { orderOfQuery, orderOfRequest, type TapOrder, type TapOrderResult } from "./tap-order.ts";
import { wants } from "./tap-predicate.ts";
import { redactedValue } from "./tap-redaction.ts";

const log = logger("admin");

/** People who watch at once; each makes every request pay. */
const MAX_TAPS = 4;
/** What waits for a client that reads slowly. */
const MAX_QUEUED_BYTES = 1_048_576;
const MAX_REQUEST_BYTES = 65_536;

function fields(headers: HeaderList, redacted: ReadonlySet<string>): object[] {
  const list: object[] = [];
  for (let i = 0; i < headers.length; i += 2)
    list.push({ key: headers[i], value: redactedValue(headers[i]!, headers[i + 1]!, redacted) });
  return list;
}

function bodyJson({ chunks, truncated }: TappedBody, limit: number, asString: boolean): object {
  const all = Buffer.concat(chunks);
  const bytes = all.subarray(0, limit);
  const content = asString ? { as_string: bytes.toString("utf8") } : { as_bytes: bytes.toString("base64") };
  return { ...(bytes.length > 0 ? content : {}), ...(truncated || all.length > limit ? { truncated: true } : {}) };
}

function endpoint(address: string, port: number): object {
  return { socket_address: { address, port_value: port } };
}

export function traceJson(exchange: TappedExchange, order: TapOrder): object {
  const { redacted, bodyAsString } = order;
  const { facts } = exchange;
  const message = (headers: HeaderList, body: object, trailers: HeaderList, atMs: number) => ({
    headers: fields(headers, redacted),
    ...(Object.keys(body).length > 0 ? { body } : {}),
    ...(trailers.length > 0 ? { trailers: fields(trailers, redacted) } : {}),
    ...(atMs > 0 ? { headers_received_time: new Date(atMs).toISOString() } : {}),
  });
  const { requestHeaders, requestBody, requestTrailers, requestMs } = exchange;
  const { responseHeaders, responseBody, responseTrailers, responseMs } = exchange;
  return {
    http_buffered_trace: {
      request: message(
        requestHeaders,
        bodyJson(requestBody, order.requestBytes, bodyAsString),
        requestTrailers,
        requestMs,
      ),
      response: message(
        responseHeaders,
        bodyJson(responseBody, order.responseBytes, bodyAsString),
        responseTrailers,
        responseMs,
      ),
      downstream_connection: {
        local_address: endpoint(facts.localAddress, facts.localPort),
        remote_address: endpoint(facts.remoteAddress, facts.remotePort),
      },
    },
  };
}

/** One client that watches. */
class Watcher implements Tap {
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly #order: TapOrder;
  readonly #state: AdminState;
  readonly #encoder = new TextEncoder();
  readonly #timer: Timer;
  readonly stream: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #told = 0;
  #dropped = 0;

  constructor(state: AdminState, order: TapOrder) {
    this.#state = state;
    this.#order = order;
    this.requestBytes = order.requestBytes;
    this.responseBytes = order.responseBytes;
    this.#timer = setTimeout(() => this.#end(), order.durationMs);
    this.#timer.unref();
    const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      this.#controller = controller;
      controller.enqueue(this.#encoder.encode("\n")); // the head goes with the first bytes: the client is to know that it watches
    };
    this.stream = new ReadableStream(
      { start, cancel: () => this.#end() },
      { highWaterMark: MAX_QUEUED_BYTES, size: (chunk) => chunk?.byteLength ?? 0 },
    );
    state.configuration.taps.add(this);
  }

  offer(exchange: TappedExchange): void {
    const controller = this.#controller;
    if (!controller || !wants(this.#order.predicate, exchange)) return;
    if ((controller.desiredSize ?? 0) <= 0) {
      this.#dropped++;
      return;
    }
    controller.enqueue(this.#encoder.encode(`${JSON.stringify(traceJson(exchange, this.#order), null, 1)}\n`));
    if (++this.#told >= this.#order.maxCount) this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#state.configuration.taps.remove(this);
    if (this.#dropped > 0) log.warn("a tap's client was too slow: traces were dropped", { dropped: this.#dropped });
    const controller = this.#controller;
    this.#controller = undefined;
    try {
      controller?.close();
    } catch {
      // The client went first.
    }
  }
}

async function readDocument(request: Request): Promise<unknown> {
  const body = await request.text();
  if (body.length > MAX_REQUEST_BYTES) throw new Error(`longer than ${MAX_REQUEST_BYTES} bytes`);
  return body.trimStart().startsWith("{") ? JSON.parse(body) : (await import("yaml")).parse(body, { maxAliasCount: 0 });
}

/** What a request for a tap asks for. Reads its body. */
export async function readTapOrder(query: URLSearchParams, request: Request): Promise<TapOrderResult> {
  if (request.method !== "POST") return orderOfQuery(query);
  try {
    return orderOfRequest(await readDocument(request));
  } catch (thrown) {
    const reason = `the body cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    return { kind: "refused", reason };
  }
}

export async function tap(state: AdminState, query: URLSearchParams, request: Request): Promise<Response> {
  if (state.configuration.taps.count >= MAX_TAPS) return text(`${MAX_TAPS} taps are open already\n`, 429);
  const result = await readTapOrder(query, request);
  if (result.kind === "refused") return text(`${result.reason}\n`, 400);
  return new Response(new Watcher(state, result.order).stream, {
    headers: { "content-type": "application/json", "x-content-type-options": "nosniff" },
  });
}
