// Large route configurations are checked in a process of their own: what is decoded to be checked is garbage, and collecting hundreds of
// megabytes of it would hold up the event loop. The loop keeps bytes, and compiles what requests ask for.

import { closeSync, writeSync } from "node:fs";
import { runInIdleClass } from "../base/idle-class.ts";
import { logger } from "../base/log.ts";
import type { Steps } from "../base/steps.ts";
import { createSharedMemory } from "../net/shared-memory.ts";
import type { CheckedRoutes } from "../table/accept/resource.ts";
import type { Rejection } from "../table/accept/scope.ts";
import type { NamedHost } from "../table/deferred-virtual-host.ts";

const log = logger("proxy");

/**
 * Requests come first, also where all of the proxy has one core; but a busy machine must not keep it from its configuration for ever. 36 MB
 * are 2 s of CPU, and a tenth of a busy core makes 20 of them. After that the event loop does it itself.
 */
const TIMEOUT_MS = 60_000;
/** Copied at once: 0.1 ms. */
const CHUNK_BYTES = 256 * 1024;

/** A descriptor from which `bytes` are read, copied in steps. */
function* inSharedMemory(bytes: Uint8Array): Steps<number> {
  const fd = createSharedMemory(bytes.length);
  try {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      writeSync(fd, bytes, at, Math.min(CHUNK_BYTES, bytes.length - at), at);
      yield;
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

function* readAnswer(output: string): Steps<CheckedRoutes> {
  const [first = "", ...rest] = output.split("\n");
  const rejections = JSON.parse(first) as readonly Rejection[];
  const hosts: NamedHost[] = [];
  for (const line of rest) {
    hosts.push(...(JSON.parse(line) as readonly NamedHost[]));
    yield;
  }
  return { rejections, hosts };
}

export class RouteChecker {
  readonly #self: readonly string[];

  /** `self`: how this program starts itself. */
  constructor(self: readonly string[]) {
    this.#self = self;
  }

  /** Undefined, and a line in the log, where nothing was found out. */
  *check(name: string, bytes: Uint8Array): Steps<CheckedRoutes | undefined> {
    let child: Bun.Subprocess<number, "pipe", "inherit"> | undefined;
    try {
      const fd = yield* inSharedMemory(bytes);
      child = this.#start(name, fd);
      let output = "";
      yield child.stdout.text().then((text) => {
        output = text;
      });
      return yield* readAnswer(output);
    } catch (error) {
      log.warn("routes are checked by the event loop", {
        name,
        error: error instanceof Error ? error : String(error),
      });
      return undefined;
    } finally {
      child?.kill("SIGKILL"); // also when nobody waits for it any more
    }
  }

  #start(name: string, fd: number): Bun.Subprocess<number, "pipe", "inherit"> {
    try {
      const command = [...this.#self, "__check-routes", name];
      const child = Bun.spawn(command, {
        stdin: fd,
        stdout: "pipe",
        stderr: "inherit",
        timeout: TIMEOUT_MS,
        killSignal: "SIGKILL",
      });
      runInIdleClass(child.pid);
      return child;
    } finally {
      closeSync(fd);
    }
  }
}
