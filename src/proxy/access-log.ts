// Access logs: lines are gathered and written in the background, so that a slow disk or reader never holds up a request.

import { close, openSync, write } from "node:fs";
import { logger } from "../base/log.ts";
import { Alarm, timers } from "../base/timer-wheel.ts";

const log = logger("proxy");

/** Written out when so much has gathered, or after FLUSH_MS. Envoy: 64 KiB, 10 s; people watch logs, so 1 s. */
const FLUSH_CHARACTERS = 64 * 1024;
const FLUSH_MS = 1_000;
/** Beyond this, lines are dropped and counted: memory is for traffic. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

export class AccessLogFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #alarm = new Alarm(() => this.flush());
  #text = "";
  #writing = false;
  #closing = false;
  #dropped = 0;

  /** @throws Error of the file system when the file cannot be opened. */
  constructor(path: string) {
    this.#path = path;
    this.#fd = path === "/dev/stdout" ? 1 : path === "/dev/stderr" ? 2 : openSync(path, "a", 0o640);
  }

  append(line: string): void {
    if (this.#text.length > MAX_CHARACTERS) {
      this.#dropped++;
      return;
    }
    this.#text += line;
    if (this.#text.length > FLUSH_CHARACTERS) this.flush();
    else if (!this.#alarm.armed) timers.arm(this.#alarm, FLUSH_MS);
  }

  flush(): void {
    if (this.#writing || this.#text === "") return;
    const bytes = Buffer.from(this.#text, "latin1");
    this.#text = "";
    this.#writing = true;
    this.#write(bytes, 0);
  }

  #write(bytes: Buffer, from: number): void {
    write(this.#fd, bytes, from, bytes.length - from, null, (error, written) => {
      if (!error && from + written < bytes.length) {
        this.#write(bytes, from + written);
        return;
      }
      this.#writing = false;
      if (error) log.warn("cannot write the access log", { path: this.#path, error });
      if (this.#dropped > 0) log.warn("access log lines were dropped", { path: this.#path, lines: this.#dropped });
      this.#dropped = 0;
      if (this.#text.length > FLUSH_CHARACTERS || this.#closing) this.flush();
      if (this.#closing && !this.#writing) this.#closeFile();
    });
  }

  /** Writes what is left and closes. */
  close(): void {
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
  readonly #files = new Map<string, AccessLogFile>();

  open(path: string): AccessLogFile {
    let file = this.#files.get(path);
    if (!file) {
      file = new AccessLogFile(path);
      this.#files.set(path, file);
    }
    return file;
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }
}
