// Sends a request on when it is whole, and refuses it when it is too long (envoy.filters.http.buffer).

import type { HeaderList } from "../../http/headers.ts";
import type { BufferFilter } from "../../table/filter/buffer.ts";
import type { BodySink, BoundFilter, FilteredRequest, Verdict } from "./filter.ts";

class WholeBody implements BodySink {
  readonly #request: FilteredRequest;
  readonly #next: BodySink;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  state: "gathering" | "whole" | "refused" = "gathering";
  /** The filter waits for it. */
  isAwaited = false;

  constructor(request: FilteredRequest, next: BodySink, maxBytes: number) {
    this.#request = request;
    this.#next = next;
    this.#maxBytes = maxBytes;
  }

  data(chunk: Uint8Array): boolean {
    if (this.state !== "gathering") return true;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      this.state = "refused";
      this.#chunks = [];
      this.#request.reply(413, "Payload Too Large", "request_payload_too_large");
    } else this.#chunks.push(Buffer.from(chunk));
    return true;
  }

  end(trailers: HeaderList | undefined): void {
    if (this.state !== "gathering") return;
    this.state = "whole";
    const { head } = this.#request;
    if (head.contentLength < 0 && trailers === undefined) head.contentLength = this.#bytes;
    for (const chunk of this.#chunks) this.#next.data(chunk);
    this.#chunks = [];
    this.#next.end(trailers);
    if (this.isAwaited) this.#request.continueRequest();
  }
}

export class BufferRequest implements BoundFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly #table: BufferFilter;

  constructor(name: string, disabled: boolean, table: BufferFilter) {
    this.name = name;
    this.disabled = disabled;
    this.#table = table;
  }

  onRequest(request: FilteredRequest): Verdict {
    if (request.isHeadOnly) return "continue";
    const own = request.routeFilters.get(this.name);
    const { maxBytes } = own?.kind === "buffer" ? own : this.#table;
    const body = request.wrapRequestBody((next) => new WholeBody(request, next, maxBytes));
    if (body.state === "refused") return "answered";
    if (body.state === "whole") return "continue";
    body.isAwaited = true;
    return "waiting";
  }
}
