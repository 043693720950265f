// One direction of a request at the external server whose body goes there as it comes, while the server sends back what it makes of it, in
// other pieces and when it likes (Envoy: FULL_DUPLEX_STREAMED). Nothing that the server was told is kept, and no time is set for its answers.

import type { HeaderList } from "../../../http/headers.ts";
import type {
  CommonResponse,
  HeaderMutation,
} from "../../../xds/gen/envoy/service/ext_proc/v3/external_processor_pb.ts";
import type { BodySink } from "../filter.ts";
import type { DirectionOwner, ProcessedDirection, Side } from "./direction.ts";
import { applyMutation, headerMap, PlainFields } from "./mutation.ts";
import type { ProcessorMessage } from "./processor-call.ts";

/**
 * - `idle`: the head has not come; what of the body has is kept.
 * - `headers`: the server has not answered to the head, which waits; of the body it is told already.
 * - `streaming`: the head has gone on, or was not told.
 * - `passing`: the server has nothing to say.
 * - `dropping`: the server has said the end.
 */
type State = "idle" | "headers" | "streaming" | "passing" | "dropping";

const NOTHING = Buffer.alloc(0);

export class DuplexDirection implements ProcessedDirection {
  readonly #owner: DirectionOwner;
  readonly #side: Side;
  readonly #next: BodySink;
  #state: State;
  #chunks: Buffer[] = [];
  #ended = false;
  #trailers: HeaderList | undefined;
  #serverIsWritable = true;

  /** `passing`: should the head never come here, nothing is kept. */
  constructor(owner: DirectionOwner, side: Side, next: BodySink, state: "idle" | "passing") {
    this.#owner = owner;
    this.#side = side;
    this.#next = next;
    this.#state = state;
  }

  begin(headOnly: boolean): boolean {
    const { mode, fields, cases } = this.#side;
    if (!headOnly) this.#side.contentLength = -1;
    if (!mode.headers) {
      this.#state = headOnly ? "passing" : "streaming";
      this.#tellKept();
      return false;
    }
    this.#state = "headers";
    const headers = headerMap(fields, this.#side.contentLength, this.#owner.table);
    this.#tell({ request: { case: cases.headers, value: { headers, endOfStream: headOnly } } });
    this.#tellKept();
    return true;
  }

  onHeaders(answer: CommonResponse | undefined): boolean {
    if (this.#state !== "headers") return false;
    if (!applyMutation(this.#side.fields, answer?.headerMutation, this.#owner.table.rules)) return false;
    this.#side.headersProcessed(answer);
    this.#state = "streaming";
    this.#side.release(undefined);
    return true;
  }

  // ── to the server ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  data(chunk: Uint8Array): boolean {
    switch (this.#state) {
      case "passing":
        return this.#next.data(chunk);
      case "dropping":
        return true;
      case "idle":
        this.#chunks.push(Buffer.from(chunk));
        return true;
      default:
        this.#tellBody(chunk, false);
        return this.#serverIsWritable;
    }
  }

  end(trailers: HeaderList | undefined): void {
    this.#ended = true;
    this.#trailers = trailers;
    if (this.#state === "passing") this.#next.end(trailers);
    else if (this.#state !== "idle" && this.#state !== "dropping") this.#tellEnd();
  }

  #tellKept(): void {
    for (const chunk of this.#chunks.splice(0)) this.#tellBody(chunk, false);
    if (this.#ended) this.#tellEnd();
  }

  #tellBody(chunk: Uint8Array, endOfStream: boolean): void {
    const value = { body: Buffer.from(chunk), endOfStream };
    this.#tell({ request: { case: this.#side.cases.body, value } });
  }

  #tellEnd(): void {
    if (this.#trailers === undefined) {
      this.#tellBody(NOTHING, true);
      return;
    }
    const value = { trailers: headerMap(new PlainFields(this.#trailers), -1, this.#owner.table) };
    this.#tell({ request: { case: this.#side.cases.trailers, value } });
  }

  #tell(message: ProcessorMessage): void {
    this.#serverIsWritable = this.#owner.tell(message);
  }

  onServerWritable(): void {
    if (this.#serverIsWritable) return;
    this.#serverIsWritable = true;
    this.#side.resume();
  }

  // ── from the server ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  onBody(answer: CommonResponse | undefined): boolean {
    const by = answer?.bodyMutation?.mutation;
    if (this.#state !== "streaming" || by?.case !== "streamedResponse") return false;
    const { body, endOfStream } = by.value;
    // At once: whoever waits with it until more is to be told may have missed that there is room again, and the server may send no more.
    if (body.length > 0 && !this.#next.data(body) && !this.#ended) this.#side.pause();
    if (endOfStream) this.#finish(undefined);
    return true;
  }

  onTrailers(mutation: HeaderMutation | undefined): boolean {
    const trailers = this.#trailers;
    if (this.#state !== "streaming" || trailers === undefined) return false;
    if (!applyMutation(new PlainFields(trailers), mutation, this.#owner.table.rules)) return false;
    this.#finish(trailers);
    return true;
  }

  #finish(trailers: HeaderList | undefined): void {
    this.#state = "dropping";
    this.#next.end(trailers);
  }

  extend(): void {}

  /** What the server was told and has not sent back is lost, as on Envoy. */
  letGo(): void {
    if (this.#state === "dropping" || this.#state === "passing") return;
    const waits = this.#state === "headers";
    this.#state = "passing";
    if (waits) this.#side.release(undefined);
    for (const chunk of this.#chunks.splice(0)) this.#next.data(chunk);
    if (this.#ended) this.#finish(this.#trailers);
    else this.onServerWritable();
  }

  stop(): void {
    this.#state = "dropping";
    this.#chunks = [];
  }
}
