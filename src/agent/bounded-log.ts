// Keeps the proxy's log from filling the disk: what grew too long becomes the predecessor, of which there is one.

import { closeSync, copyFileSync, fstatSync, openSync, readSync, statSync, truncateSync, writeSync } from "node:fs";
import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";

const log = logger("agent");

/** A proxy that is asked for 1,000 requests a second writes a quarter of a MiB a second. */
export const MAX_LOG_BYTES = 16 * 1024 * 1024;
const LOOK_MS = 2_000;
const CHUNK_BYTES = 64 * 1024;

/**
 * The proxy writes into the file itself, and goes on doing so when this process is gone: no line waits in a pipe for somebody to read it.
 * So the file cannot be moved away from under it: Envoy opens `/dev/stdout`, which leads to the file wherever that was moved. It is copied
 * and made empty, as logrotate's copytruncate does; writers append, so the next line stands at the beginning. What is written in the
 * microseconds between the last read and the emptying is lost, once in MAX_LOG_BYTES.
 */
export class BoundedLog {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(path: string, maxBytes = MAX_LOG_BYTES) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Never throws: a log that cannot be bounded is told of, and the workload goes on. */
  look(): void {
    try {
      if (statSync(this.#path).size > this.#maxBytes) this.#turn();
    } catch (thrown) {
      log.warn("the proxy's log cannot be kept short", { path: this.#path, reason: Failure.from(thrown).message });
    }
  }

  #turn(): void {
    const predecessor = `${this.#path}.1`;
    copyFileSync(this.#path, predecessor);
    const from = openSync(this.#path, "r");
    const to = openSync(predecessor, "a", 0o600);
    try {
      // Copying took a while, in which the proxy wrote on.
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      let at = fstatSync(to).size;
      for (let read = readSync(from, chunk, 0, CHUNK_BYTES, at); read > 0; ) {
        at += writeSync(to, chunk, 0, read);
        read = readSync(from, chunk, 0, CHUNK_BYTES, at);
      }
      truncateSync(this.#path);
    } finally {
      closeSync(from);
      closeSync(to);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
