// Counts what a peer makes a connection do for nothing, and says when it is too much (CVE-2019-9511 to 9518, CVE-2023-44487,
// CVE-2024-30255, CVE-2025-8671). Every answer "false" ends the connection with ENHANCE_YOUR_CALM.

import type { HttpLimits } from "../limits.ts";

const ANSWERS_PER_DATA = 10; // Envoy's max_inbound_window_update_frames_per_data_frame_sent
const ANSWERS_PER_STREAM = 2;
const MAX_CREDIT = 10_000;

export class FloodGuard {
  readonly #limits: HttpLimits;
  #controls = 0;
  #secondBegan = 0;
  #credit = 0;
  #empties = 0;
  #finished = 0;
  #premature = 0;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
  }

  /** A frame that asks for work and carries no message: SETTINGS, PRIORITY, GOAWAY, unknown types. */
  control(): boolean {
    const now = performance.now();
    if (now - this.#secondBegan >= 1_000) {
      this.#secondBegan = now;
      this.#controls = 0;
    }
    return ++this.#controls <= this.#limits.maxControlFramesPerSecond;
  }

  /**
   * WINDOW_UPDATE, PING, or RST_STREAM of a stream that is gone. DATA that was sent and streams that ended well earn the peer a number
   * of them: a fast download is answered by more updates than any fixed rate allows, gRPC for Go measures the round trip with a PING
   * for each, and a reset may cross the end of its stream.
   */
  answer(): boolean {
    if (this.#credit === 0) return this.control();
    this.#credit--;
    return true;
  }

  /** A DATA frame left for the peer. */
  sentData(): void {
    this.#credit = Math.min(MAX_CREDIT, this.#credit + ANSWERS_PER_DATA);
  }

  /** A DATA, HEADERS or CONTINUATION frame came; `empty`: without payload, and not the end of anything. */
  messageFrame(empty: boolean): boolean {
    if (!empty) {
      this.#empties = 0;
      return true;
    }
    return ++this.#empties <= this.#limits.maxConsecutiveEmptyFrames;
  }

  /** A stream is over; `premature`: reset, by the peer or because of what it sent, before it was answered. */
  streamFinished(premature: boolean): boolean {
    const limit = this.#limits.maxPrematureResets;
    this.#finished++;
    if (premature) {
      this.#premature++;
      if (this.#premature > limit && this.#premature * 2 > this.#finished) return false;
    } else {
      this.#credit = Math.min(MAX_CREDIT, this.#credit + ANSWERS_PER_STREAM);
    }
    // Old merits fade, else a million good streams would pay for half a million resets.
    if (this.#finished >= limit * 4) {
      this.#finished /= 2;
      this.#premature /= 2;
    }
    return true;
  }
}
