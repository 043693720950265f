// Ports of sidecars that share a host: the usual one when it is free, else any. Sidecars that start at the same moment must not choose the
// same, and a port is bound long after it was chosen (by the proxy, when its configuration comes), so a choice is written down.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Draws from the system before giving up on a free and unclaimed port. */
const ATTEMPTS = 64;

function isFree(port: number, host: string): number | undefined {
  try {
    const server = Bun.listen({ hostname: host, port, socket: { data() {} } });
    const bound = server.port;
    server.stop(true);
    return bound;
  } catch {
    return undefined; // taken, or not ours to take
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return thrown instanceof Error && "code" in thrown && thrown.code === "EPERM"; // another user's
  }
}

/** Choices of this process, in a folder that all sidecars of the host share. */
export class PortBook {
  readonly #folder: string;
  readonly #host: string;
  readonly #claimed: number[] = [];

  constructor(folder: string, host: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#folder = folder;
    this.#host = host;
  }

  /** A port that is free and that no living process has chosen: `preferred` if possible, 0 for any. */
  choose(preferred: number): number {
    const free = isFree(preferred, this.#host);
    if (free !== undefined && this.#claim(free)) return free;
    for (let i = 0; i < ATTEMPTS; i++) {
      const port = isFree(0, this.#host);
      if (port !== undefined && this.#claim(port)) return port;
    }
    throw new Error(`no free port on ${this.#host}`);
  }

  #claim(port: number | undefined): boolean {
    if (port === undefined) return false;
    const file = join(this.#folder, String(port));
    for (let i = 0; i < 2; i++) {
      try {
        writeFileSync(file, String(process.pid), { flag: "wx", mode: 0o600 });
        this.#claimed.push(port);
        return true;
      } catch {
        if (this.#isHeld(file)) return false;
        rmSync(file, { force: true }); // of a process that was killed
      }
    }
    return false;
  }

  #isHeld(file: string): boolean {
    try {
      const pid = Number(readFileSync(file, "utf8"));
      return pid > 0 && isAlive(pid);
    } catch {
      return false;
    }
  }

  /** Gives the choices back. */
  release(): void {
    for (const port of this.#claimed.splice(0)) rmSync(join(this.#folder, String(port)), { force: true });
  }
}
