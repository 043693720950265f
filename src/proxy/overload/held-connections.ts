// Connections that came while none were to be accepted: nothing of them is read, as if they were still in the kernel's backlog, which
// the runtime cannot leave them in.

import type { ByteStream } from "../../net/byte-stream.ts";

/** As long as Linux's queue (net.core.somaxconn). */
const MAX_HELD = 4_096;

interface Held {
  readonly stream: ByteStream;
  /** What came before the stream was paused. */
  readonly chunks: Buffer[];
  ended: boolean;
  readonly accept: () => void;
}

export class HeldConnections {
  readonly #held = new Set<Held>();

  /** `accept` sets the stream's listener, when the time comes. Beyond the bound, the stream is closed. */
  hold(stream: ByteStream, accept: () => void): void {
    if (this.#held.size >= MAX_HELD) {
      stream.terminate();
      return;
    }
    const held: Held = { stream, chunks: [], ended: false, accept };
    this.#held.add(held);
    stream.listener = {
      receive: (chunk) => void held.chunks.push(Buffer.from(chunk)),
      drained() {},
      ended: () => {
        held.ended = true;
      },
      closed: () => void this.#held.delete(held),
    };
    stream.pause();
  }

  release(): void {
    const all = [...this.#held];
    this.#held.clear();
    for (const { stream, chunks, ended, accept } of all) {
      stream.resume();
      accept();
      for (const chunk of chunks) stream.listener.receive(chunk);
      if (ended) stream.listener.ended();
    }
  }
}
