// What one stream of a client makes the proxy hold (Envoy: BufferMemoryAccount).

import type { ServerStream } from "../../http/stream.ts";
import { Exchange } from "../exchange.ts";

export class StreamAccount {
  readonly #stream: ServerStream;
  /** Of the request that is held to be sent again, and of the response that its client has not taken. */
  readonly bytes: number;

  constructor(stream: ServerStream) {
    this.#stream = stream;
    const { listener } = stream;
    this.bytes = stream.buffered + (listener instanceof Exchange ? listener.heldBytes : 0);
  }

  /** Its exchange may be over, and the stream waits for its client alone. */
  reset(): void {
    const { listener } = this.#stream;
    if (listener instanceof Exchange) listener.cutOff("OM", "overload");
    this.#stream.reset("reset");
  }
}
