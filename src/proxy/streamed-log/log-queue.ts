// Entries on their way to a service: gathered, told together, and dropped rather than slow anything down.

import { Alarm, timers } from "../../base/timer-wheel.ts";

/** Beyond this, entries are dropped and counted: memory is for traffic. Envoy drops beyond the size of its buffer. */
const MAX_BYTES = 1024 * 1024;

/** As Envoy counts (`access_logs.grpc_access_log.*`, `access_logs.open_telemetry_access_log.*`). */
export interface LogStats {
  written: number;
  dropped: number;
}

export interface LogChannel {
  /** False: not now. Whoever opens it, or waits for room, calls `flush` of the queue then. */
  canTell(): boolean;
  tell(entries: readonly Uint8Array[]): void;
  /** Nothing follows. */
  close(): void;
  /** Something is on its way to the service, or its answer to it is not here. */
  readonly isBusy: boolean;
}

export interface QueueSettings {
  readonly bufferBytes: number;
  readonly flushMs: number;
}

export class LogQueue {
  readonly stats: LogStats;
  readonly #settings: QueueSettings;
  readonly #channel: LogChannel;
  readonly #alarm = new Alarm(() => this.#onTimer());
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #isClosing = false;

  constructor(settings: QueueSettings, stats: LogStats, channelOf: (queue: LogQueue) => LogChannel) {
    this.#settings = settings;
    this.stats = stats;
    this.#channel = channelOf(this);
  }

  add(entry: Uint8Array): void {
    if (this.#bytes + entry.length > MAX_BYTES) {
      this.stats.dropped++;
      return;
    }
    this.stats.written++;
    this.#waiting.push(entry);
    this.#bytes += entry.length;
    this.onReady();
  }

  /** The channel takes more. */
  onReady(): void {
    if (this.#isClosing || this.#bytes >= this.#settings.bufferBytes) this.flush();
    this.#flushInTime();
  }

  #flushInTime(): void {
    if (!this.#isClosing && this.#bytes > 0 && !this.#alarm.armed) timers.arm(this.#alarm, this.#settings.flushMs);
  }

  /** What cannot be told is tried again. */
  #onTimer(): void {
    this.flush();
    this.#flushInTime();
  }

  flush(): void {
    // Opening may tell all at once.
    if (this.#bytes === 0 || !this.#channel.canTell() || this.#bytes === 0) return;
    const entries = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    this.#channel.tell(entries);
    if (this.#isClosing) this.#channel.close();
  }

  /** What waits is told as soon as the channel takes it, and then the channel is closed. */
  close(): void {
    this.#isClosing = true;
    this.flush();
    timers.disarm(this.#alarm);
    if (this.#bytes === 0) this.#channel.close();
  }

  get isBusy(): boolean {
    return this.#channel.isBusy;
  }
}
