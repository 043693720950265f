// The way of a response to its client (Envoy: the encoding half of FilterManager): through the filters, the stages that they put in front
// of the client, the codec.

import { GRPC_STATUS } from "../base/grpc-code.ts";
import { statusOfHttp } from "../grpc/status.ts";
import type { HeaderList } from "../http/headers.ts";
import type { ResponseHead, ServerStream } from "../http/stream.ts";
import { NO_MUTATION } from "../table/header-mutation.ts";
import type { Downstream } from "./downstream.ts";
import { PASSED } from "./filter/chain.ts";
import type { BodySink, FilteredRequest } from "./filter/filter.ts";
import type { GrpcCall } from "./grpc-call.ts";
import { mutateResponse } from "./header-operations.ts";
import { localReply } from "./local-reply.ts";
import { prepareResponse } from "./response-headers.ts";
import type { TapRecorder } from "./tap.ts";
import type { TracedRequest } from "./tracing/request-trace.ts";

/** Whose response it is. */
export interface RespondedRequest extends FilteredRequest, TracedRequest {
  readonly connection: Downstream;
  /** Undefined: it is no call of gRPC. */
  readonly grpc: GrpcCall | undefined;
  /** Another response goes to the client than the router may still bring. */
  endForwarding(): void;
  /** The response went out to its end. */
  onResponseOver(): void;
}

/** The head of a response that a filter keeps from the client, and the filter that is next. */
interface HeldHead {
  readonly head: ResponseHead;
  readonly end: boolean;
  readonly next: number;
}

/**
 * - `none`: there is no response yet.
 * - `under-way`: its head went to the client unless a filter holds it.
 * - `over`: nothing is said any more.
 */
type State = "none" | "under-way" | "over";

export class ClientResponse implements BodySink {
  readonly #request: RespondedRequest;
  readonly #stream: ServerStream;
  /** Undefined while nobody watches. */
  readonly #tap: TapRecorder | undefined;
  #state: State = "none";
  #held: HeldHead | undefined = undefined;
  /** The first of the filters' stages; undefined: there are none. */
  #stages: BodySink | undefined = undefined;

  constructor(request: RespondedRequest, stream: ServerStream, tap: TapRecorder | undefined) {
    this.#request = request;
    this.#stream = stream;
    this.#tap = tap;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** The client has heard of it. */
  get isCommitted(): boolean {
    return this.#request.record.response !== undefined && this.#held === undefined;
  }

  // ── its head ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `end`: it is all. */
  begin(head: ResponseHead, end: boolean): void {
    this.#state = "under-way";
    this.#request.record.response = head;
    this.#filter(head, end, 0);
  }

  #filter(head: ResponseHead, end: boolean, from: number): void {
    const request = this.#request;
    const next = request.connection.http.filters.onResponse(request, head, end, from);
    if (next === PASSED) this.#sendHead(head, end);
    else this.#held = { head, end, next };
  }

  /** The filter that holds the head lets it go on. `withBody`: one follows, whether it had one or not. */
  continue(withBody: boolean): void {
    const held = this.#held;
    if (!held || this.#state !== "under-way") return;
    this.#held = undefined;
    this.#filter(held.head, held.end && !withBody, held.next);
  }

  #sendHead(head: ResponseHead, end: boolean): void {
    const { record, connection, grpc } = this.#request;
    record.answered();
    if (end) grpc?.readStatus(head.headers);
    connection.http.tracing?.onResponse(head, this.#request);
    prepareResponse(head, this.#request.head, connection);
    this.#tap?.answered(head.status, head.headers);
    this.#stream.respond(head, end);
    if (end) this.#finish();
  }

  // ── its body ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  data(chunk: Uint8Array): boolean {
    if (this.#state !== "under-way") return true;
    return this.#stages ? this.#stages.data(chunk) : this.#sendData(chunk);
  }

  end(trailers: HeaderList | undefined): void {
    if (this.#state !== "under-way") return;
    if (this.#stages) this.#stages.end(trailers);
    else this.#sendEnd(trailers);
  }

  /** Puts a stage before the client; the last one put is the first to see the body. */
  wrap(wrap: (next: BodySink) => BodySink): void {
    const next = this.#stages ?? {
      data: (chunk: Uint8Array) => this.#sendData(chunk),
      end: (trailers: HeaderList | undefined) => this.#sendEnd(trailers),
    };
    this.#stages = wrap(next);
  }

  #sendData(chunk: Uint8Array): boolean {
    if (this.#state !== "under-way") return true;
    const { record, grpc } = this.#request;
    record.bytesSent += chunk.length;
    this.#tap?.responseBody.take(chunk);
    grpc?.responses.feed(chunk);
    return this.#stream.write(chunk);
  }

  #sendEnd(trailers: HeaderList | undefined): void {
    if (this.#state !== "under-way") return;
    const { record, grpc } = this.#request;
    record.trailers = trailers;
    if (trailers) grpc?.readStatus(trailers);
    this.#stream.end(trailers);
    this.#finish();
  }

  #finish(): void {
    this.#request.record.isWhole = true;
    this.#request.onResponseOver();
  }

  /** Nothing is said any more. */
  close(): void {
    this.#state = "over";
  }

  /** The request goes elsewhere, and its filters will put their stages anew. */
  forgetStages(): void {
    this.#stages = undefined;
  }

  // ── of the proxy's own ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Answers in place of an upstream. */
  reply(status: number, body: string | Uint8Array, headers: HeaderList, grpcStatus: number | undefined): void {
    const { record, grpc, route, head: request } = this.#request;
    const speaksGrpc = grpc !== undefined && (status !== 200 || grpcStatus !== undefined);
    if (speaksGrpc) grpc.status = grpcStatus ?? GRPC_STATUS[statusOfHttp(status).code];
    const told = speaksGrpc ? grpc.status : undefined;
    const { head, bytes } = localReply(status, body, headers, told, request.method === "HEAD");
    record.response = head; // what the operators of header operations say
    if (route && route.headers !== NO_MUTATION) mutateResponse(head.headers, route.headers, record);
    if (this.#held) this.#replaceHeld(head, bytes === undefined);
    else this.begin(head, bytes === undefined);
    if (this.#held) this.#request.endForwarding(); // what it may still bring comes too late
    if (bytes === undefined || this.#state !== "under-way") return;
    this.data(bytes);
    this.end(undefined);
  }

  /** The filters have seen a response already; the client gets this one in its place. */
  #replaceHeld(head: ResponseHead, end: boolean): void {
    this.#request.endForwarding();
    this.#held = undefined;
    this.#stages = undefined;
    this.#sendHead(head, end);
  }

  // ── a tunnel ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The client was told so with this head; its bytes go past us. */
  tunnelOpened(head: ResponseHead): void {
    this.#state = "under-way";
    this.#request.record.response = head;
    this.#tap?.answered(head.status, head.headers);
  }
}
