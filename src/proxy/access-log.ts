// Access logs: lines are gathered and written in the background, so that a slow disk or reader never holds up a request.

import { close, fstatSync, openSync, write } from "node:fs";
import { logger } from "../base/log.ts";
import { Alarm, timers } from "../base/timer-wheel.ts";
import type { LineFormat } from "../table/format/line-format.ts";
import { isLogged, type LogFilter } from "../table/log-filter.ts";
import type { AccessRecord } from "./access-record.ts";
import type { FormatSource } from "./format-value.ts";
import { LogBuffer } from "./log-buffer.ts";
import { putLine } from "./log-line.ts";

const log = logger("proxy");

/** Written out when so much has gathered, or after the time. Envoy: 64 KiB, 10 s; people watch logs, so 1 s. */
export interface LogFlush {
  readonly bytes: number;
  readonly ms: number;
}

const FLUSH: LogFlush = { bytes: 64 * 1024, ms: 1_000 };
/** Beyond this, lines are dropped and counted: memory is for traffic. */
const MAX_BYTES = 4 * 1024 * 1024;

/** What a pipe takes in one piece, whoever else writes to it (PIPE_BUF of Linux); a file that appends takes any length so. */
const PIPE_BYTES = 4_096;
const NEWLINE = 0x0a;

/** Two buffers take turns: one gathers lines while the other is written. */
export class AccessLogFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #isPipe: boolean;
  readonly #closed = Promise.withResolvers<void>();
  readonly #limits: LogFlush;
  readonly #alarm = new Alarm(() => this.flush());
  readonly #initialBytes: number;
  readonly #buffer: LogBuffer;
  #spare: Buffer | undefined = undefined;
  #writing = false;
  #closing = false;
  #dropped = 0;

  /** @throws Error of the file system when the file cannot be opened. */
  constructor(path: string, flush: LogFlush = FLUSH) {
    this.#path = path;
    this.#limits = flush;
    // Room behind the mark for the line that crosses it: a buffer grows only while the file is slower than the traffic.
    this.#initialBytes = Math.min(MAX_BYTES, Math.max(FLUSH.bytes, 2 * flush.bytes));
    this.#buffer = new LogBuffer(this.#initialBytes, MAX_BYTES);
    this.#fd = path === "/dev/stdout" ? 1 : path === "/dev/stderr" ? 2 : openSync(path, "a", 0o640);
    this.#isPipe = fstatSync(this.#fd).isFIFO();
  }

  /** Adds what `format` says of `source`, or drops it as a whole. */
  append(format: LineFormat, source: FormatSource): void {
    // A stream may end after the file has: its descriptor may be somebody's connection by then.
    if (this.#closing) return;
    putLine(this.#buffer, format, source);
    if (!this.#buffer.commit()) {
      this.#dropped++;
      return;
    }
    this.#flushInTime();
  }

  #flushInTime(): void {
    if (this.#buffer.length > this.#limits.bytes) this.flush();
    else if (this.#buffer.length > 0 && !this.#alarm.armed) timers.arm(this.#alarm, this.#limits.ms);
  }

  flush(): void {
    if (this.#writing || this.#buffer.length === 0) return;
    const { bytes, length } = this.#buffer;
    this.#buffer.reset(this.#spare);
    this.#spare = undefined;
    this.#writing = true;
    this.#write(bytes, 0, length);
  }

  #write(bytes: Buffer, from: number, to: number): void {
    write(this.#fd, bytes, from, this.#pieceEnd(bytes, from, to) - from, null, (error, written) => {
      if (!error && from + written < to) {
        this.#write(bytes, from + written, to);
        return;
      }
      this.#writing = false;
      if (bytes.length === this.#initialBytes) this.#spare = bytes;
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

  /** Several workers share a pipe: no line of one may stand in the middle of another's. */
  #pieceEnd(bytes: Buffer, from: number, to: number): number {
    if (!this.#isPipe || to - from <= PIPE_BYTES) return to;
    const newline = bytes.lastIndexOf(NEWLINE, from + PIPE_BYTES - 1);
    return newline < from ? to : newline + 1;
  }

  /** Writes what is left and closes; resolves when that is done. */
  close(): Promise<void> {
    if (this.#closing) return this.#closed.promise;
    this.#closing = true;
    timers.disarm(this.#alarm);
    this.flush();
    if (!this.#writing) this.#closeFile();
    return this.#closed.promise;
  }

  #closeFile(): void {
    if (this.#fd > 2) close(this.#fd, () => this.#closed.resolve());
    else this.#closed.resolve();
  }
}

/** A log of a listener: where it goes, and of what it tells. */
export interface BoundLog {
  readonly sink: LogSink;
  readonly filter: LogFilter | undefined;
}

export interface LogSink {
  /** Its entries have the proxy's own certificate. */
  readonly tellsCertificates: boolean;
  write(record: AccessRecord): void;
}

export class FileSink implements LogSink {
  readonly tellsCertificates = false;
  readonly #file: AccessLogFile;
  readonly #format: LineFormat;

  constructor(file: AccessLogFile, format: LineFormat) {
    this.#file = file;
    this.#format = format;
  }

  write(record: AccessRecord): void {
    this.#file.append(this.#format, record);
  }
}

export function writeLogs(logs: readonly BoundLog[], record: AccessRecord): void {
  for (let i = 0; i < logs.length; i++) {
    const { sink, filter } = logs[i]!;
    if (filter === undefined || isLogged(filter, record, Math.random)) sink.write(record);
  }
}

/** The open logs by path: several listeners write to one file. */
export class AccessLogs {
  /** Until when a line waits for others. */
  flushMs = FLUSH.ms;
  flushBytes = FLUSH.bytes;
  readonly #files = new Map<string, AccessLogFile>();

  open(path: string): AccessLogFile {
    let file = this.#files.get(path);
    if (!file) {
      file = new AccessLogFile(path, { ms: this.flushMs, bytes: Math.min(this.flushBytes, MAX_BYTES / 2) });
      this.#files.set(path, file);
    }
    return file;
  }

  /** Resolves when every line is written. */
  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    await Promise.all(files.map((file) => file.close()));
  }
}
