// Sockets in another network namespace than the process: a socket stays where it was made, so a thread need only step in to make it.

import { dlopen, FFIType } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { Failure } from "../base/failure.ts";

const CLONE_NEWNET = 0x4000_0000;

function openLibc() {
  return dlopen("libc.so.6", { setns: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } }).symbols;
}

let libc: ReturnType<typeof openLibc> | undefined;
/** Where this thread belongs. */
let home: number | undefined;

export class NetworkNamespace {
  readonly #name: string;
  readonly #fd: number;

  /** A namespace that `ip netns add` has made. @throws Failure when it is not there. */
  constructor(name: string) {
    this.#name = name;
    libc ??= openLibc();
    try {
      home ??= openSync("/proc/thread-self/ns/net", "r");
      this.#fd = openSync(`/run/netns/${name}`, "r");
    } catch (cause) {
      throw new Failure(`cannot open network namespace ${name}: ${Failure.from(cause).message}`, { cause });
    }
  }

  /**
   * Does `work` with this thread in the namespace. Only what it does before it returns counts: `Bun.listen`, `Bun.serve` and
   * `Bun.connect` to an IP address make their sockets at once; `fetch` makes them on a thread of its own, which stays outside.
   */
  enter<T>(work: () => T): T {
    if (libc?.setns(this.#fd, CLONE_NEWNET) !== 0) throw new Failure(`cannot enter network namespace ${this.#name}`);
    try {
      return work();
    } finally {
      // In the wrong namespace, everything that this process does next would go to the wrong network.
      if (libc.setns(home!, CLONE_NEWNET) !== 0) process.abort();
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
