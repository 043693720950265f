// Access logs: lines are gathered and written in the background, so that a slow disk or reader never holds up a request.

import { close, openSync, write } from "node:fs";
import { logger } from "../base/log.ts";
import { Alarm, timers } from "../base/timer-wheel.ts";
import type { Format } from "../table/format.ts";
import { type FormatSource, partValue } from "./format-value.ts";

const log = logger("proxy");

/** Written out when so much has gathered, or after FLUSH_MS. Envoy: 64 KiB, 10 s; people watch logs, so 1 s. */
const FLUSH_BYTES = 64 * 1024;
const FLUSH_MS = 1_000;
/** Room behind the mark for the line that crosses it: a buffer grows only while the file is slower than the traffic. */
const BUFFER_BYTES = 2 * FLUSH_BYTES;
/** Beyond this, lines are dropped and counted: memory is for traffic. */
const MAX_BYTES = 4 * 1024 * 1024;
const EMPTY = Buffer.alloc(0);

/** One byte a character, its low eight bits: what the codecs read from the wire as latin-1 goes out as it came in. */
function putLatin1(bytes: Uint8Array, start: number, text: string): number {
  let at = start;
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  return at;
}

/**
 * Lines are put into a buffer part by part, 49 of them in Istio's format: as a string, they would be a rope that is flattened
 * afterwards, which costs twice as much. Two buffers take turns: one gathers while the other is written.
 */
export class AccessLogFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #flushMs: number;
  readonly #alarm = new Alarm(() => this.flush());
  #bytes: Buffer = EMPTY;
  #length = 0;
  #spare: Buffer | undefined = undefined;
  #writing = false;
  #closing = false;
  #dropped = 0;

  /** @throws Error of the file system when the file cannot be opened. */
  constructor(path: string, flushMs: number = FLUSH_MS) {
    this.#path = path;
    this.#flushMs = flushMs;
    this.#fd = path === "/dev/stdout" ? 1 : path === "/dev/stderr" ? 2 : openSync(path, "a", 0o640);
  }

  /** Adds what `format` says of `source`, or drops it as a whole. */
  append(format: Format, source: FormatSource): void {
    // A stream may end after the file has: its descriptor may be somebody's connection by then.
    if (this.#closing) return;
    let at = this.#length;
    for (let i = 0; i < format.length; i++) {
      const text = partValue(format[i]!, source);
      if (at + text.length > this.#bytes.length && !this.#grow(at, text.length)) {
        this.#dropped++;
        return;
      }
      at = putLatin1(this.#bytes, at, text);
    }
    this.#length = at;
    this.#flushInTime();
  }

  /** Makes room for `count` bytes behind the first `used`; false beyond the limit. */
  #grow(used: number, count: number): boolean {
    if (used + count > MAX_BYTES) return false;
    const size = Math.min(MAX_BYTES, Math.max(BUFFER_BYTES, 2 * (used + count)));
    const larger = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(larger, 0, 0, used);
    this.#bytes = larger;
    return true;
  }

  #flushInTime(): void {
    if (this.#length > FLUSH_BYTES) this.flush();
    else if (this.#length > 0 && !this.#alarm.armed) timers.arm(this.#alarm, this.#flushMs);
  }

  flush(): void {
    if (this.#writing || this.#length === 0) return;
    const bytes = this.#bytes;
    const length = this.#length;
    this.#bytes = this.#spare ?? EMPTY;
    this.#spare = undefined;
    this.#length = 0;
    this.#writing = true;
    this.#write(bytes, 0, length);
  }

  #write(bytes: Buffer, from: number, to: number): void {
    write(this.#fd, bytes, from, to - from, null, (error, written) => {
      if (!error && from + written < to) {
        this.#write(bytes, from + written, to);
        return;
      }
      this.#writing = false;
      if (bytes.length === BUFFER_BYTES) this.#spare = bytes;
      if (error) log.warn("cannot write the access log", { path: this.#path, error });
      if (this.#dropped > 0) log.warn("access log lines were dropped", { path: this.#path, lines: this.#dropped });
      this.#dropped = 0;
      if (!this.#closing) {
        this.#flushInTime();
        return;
      }
      this.flush();
      if (!this.#writing) this.#closeFile();
    });
  }

  /** Writes what is left and closes. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    timers.disarm(this.#alarm);
    this.flush();
    if (!this.#writing) this.#closeFile();
  }

  #closeFile(): void {
    if (this.#fd > 2) close(this.#fd, () => {});
  }
}

/** The open logs by path: several listeners write to one file. */
export class AccessLogs {
  /** How long a line may wait for others. */
  flushMs = FLUSH_MS;
  readonly #files = new Map<string, AccessLogFile>();

  open(path: string): AccessLogFile {
    let file = this.#files.get(path);
    if (!file) {
      file = new AccessLogFile(path, this.flushMs);
      this.#files.set(path, file);
    }
    return file;
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }
}
