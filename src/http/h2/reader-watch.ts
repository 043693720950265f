// Looks after streams whose owner is done with them while the peer has yet to make room for the rest (Envoy: stream_flush_timeout). Nobody
// else keeps time for them: who opens no window would have the connection hold them for ever.

import { Deadline, timers } from "../../base/timer-wheel.ts";
import type { HttpLimits } from "../limits.ts";
import type { Http2Stream } from "./stream.ts";

export class ReaderWatch extends Deadline {
  readonly #streams: () => readonly Http2Stream[];
  readonly #limits: HttpLimits;

  constructor(streams: () => readonly Http2Stream[], limits: HttpLimits) {
    super();
    this.#streams = streams;
    this.#limits = limits;
  }

  begin(): void {
    if (!this.armed) timers.arm(this, this.#limits.flushTimeoutMs);
  }

  stop(): void {
    timers.disarm(this);
  }

  /** Resets those that took nothing since the last look. */
  onDeadline(): void {
    let waiting = false;
    for (const stream of this.#streams()) {
      const { backlog } = stream;
      if (!backlog?.ending) continue;
      const left = backlog.queue.length;
      if (left === backlog.leftAtLook) stream.reset("timeout");
      else waiting = true;
      backlog.leftAtLook = left;
    }
    if (waiting) this.begin();
  }
}
