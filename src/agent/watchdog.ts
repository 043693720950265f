// Ends the children of an agent that was killed, which can do nothing more itself. It is a shell that reads from a socket pair: the
// kernel closes the agent's end when the agent is gone, however it went. PR_SET_PDEATHSIG would need code between fork and exec, is lost
// when a program changes its user, and is Linux's alone.

import { closeSync, writeSync } from "node:fs";
import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";

const log = logger("agent");

/** What a child may take to end by itself, before the next one is asked. */
const GRACE_S = 5;

/**
 * Lines are `+ PID` and `- PID`. The newest child ends first: the application, which may still need its proxy. Ctrl-C in the agent's
 * terminal is not for the watchdog.
 */
const WATCH = `trap '' INT TERM HUP QUIT
pids=
while read -r sign pid; do
  if [ "$sign" = + ]; then pids="$pid $pids"; continue; fi
  kept=
  for each in $pids; do [ "$each" = "$pid" ] || kept="$kept $each"; done
  pids=$kept
done <&3
for pid in $pids; do
  kill -TERM "$pid" || continue
  waited=0
  while kill -0 "$pid" && [ $waited -lt ${GRACE_S}0 ]; do sleep 0.1; waited=$((waited + 1)); done
  kill -KILL "$pid"
done 2>/dev/null`;

/** A child says its process id itself, before it becomes the program: however early the agent is killed, the watchdog knows of it. */
const ENROL = `echo "+ $$" >&3; exec "$@" 3>&-`;

export class Watchdog {
  #fd: number | undefined;

  /** @throws Failure when there is no shell. */
  constructor() {
    try {
      const shell = Bun.spawn(["/bin/sh", "-c", WATCH], {
        env: { PATH: process.env.PATH },
        stdio: ["ignore", "ignore", "ignore", "pipe"],
        detached: true,
      });
      shell.unref();
      const fd = shell.stdio[3];
      this.#fd = typeof fd === "number" ? fd : undefined;
    } catch (thrown) {
      throw new Failure(`cannot start /bin/sh: ${Failure.from(thrown).message}`, { cause: thrown });
    }
  }

  /** The command of a program that is watched, and what it must inherit as its descriptor 3. */
  enrol(command: readonly string[]): { readonly command: string[]; readonly fd: number } {
    if (this.#fd === undefined) throw new Failure("the watchdog has been stopped: nothing is started any more");
    return { command: ["/bin/sh", "-c", ENROL, "sh", ...command], fd: this.#fd };
  }

  /** It has ended: its number may be another process's from now on. */
  release(pid: number): void {
    if (this.#fd === undefined) return;
    try {
      writeSync(this.#fd, `- ${pid}\n`);
    } catch (error) {
      log.warn("the watchdog is gone: children would outlive this process if it were killed", { error });
    }
  }

  /** What is still watched is ended. */
  stop(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
