// What a stream's sending direction is to the sender: its window, what waits for it, and how it is to end.

import type { HeaderList } from "../headers.ts";
import type { ByteQueue } from "./byte-queue.ts";

export abstract class SendHalf {
  /** 0 while a request waits for the peer's first SETTINGS. */
  id: number;
  /** What the peer lets this stream send; negative after it shrank its initial window (RFC 9113 6.9.2). */
  window: number;
  /** What could not be written yet; made when it is first needed. */
  queue: ByteQueue | undefined = undefined;
  /** END_STREAM follows the last byte of the queue, with `trailers` if there are any. */
  ending = false;
  trailers: HeaderList | undefined = undefined;
  /** `write` said false: `onRoom` is owed. */
  waiting = false;
  /** In the sender's list of those that have something to send and a window for it. */
  listed = false;
  nextListed: SendHalf | undefined = undefined;

  constructor(id: number, window: number) {
    this.id = id;
    this.window = window;
  }

  /** Nothing may be sent any more. */
  abstract get sendingOver(): boolean;
  /** The queue is below the mark again. */
  abstract onRoom(): void;
  /** END_STREAM is on its way. */
  abstract onEndSent(): void;
}
