// What a stream's sending direction is to the sender: its window, what waits for it, and how it is to end.

import type { HeaderList } from "../headers.ts";
import type { StreamBytes } from "../stream.ts";
import { ByteQueue } from "./byte-queue.ts";

/** What of a stream could not be sent at once. Most streams never have one. */
export class Backlog {
  readonly queue = new ByteQueue();
  /** The owner said `end`: END_STREAM follows the last byte, with `trailers` if there are any. */
  ending = false;
  trailers: HeaderList | undefined = undefined;
  /** Bytes that waited when the stream's reader was last looked at; -1 before. */
  leftAtLook = -1;
  /** `write` said false: `onRoom` is owed. */
  waiting = false;
  /** In the sender's list of streams that have something to send and a window for it. */
  listed = false;
  next: SendHalf | undefined = undefined;
}

export abstract class SendHalf implements StreamBytes {
  /** 0 while a request waits for the peer's first SETTINGS. */
  id: number;
  /** What the peer lets this stream send; negative after it shrank its initial window (RFC 9113 6.9.2). */
  window: number;
  backlog: Backlog | undefined = undefined;
  wireSent = 0;
  wireReceived = 0;
  headerSent = 0;
  headerReceived = 0;

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
