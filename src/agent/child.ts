// A process that the agent started and answers for: its end is told once, and it can be asked to end and then made to.

import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import { Failure } from "../base/failure.ts";
import type { Watchdog } from "./watchdog.ts";

export interface ChildExit {
  readonly code: number;
  readonly signal: NodeJS.Signals | undefined;
}

/** Exit code of a shell for a process that a signal ended: 128 and the signal's number. */
export function exitCodeOf({ code, signal }: ChildExit): number {
  return signal === undefined ? code : 128 + (constants.signals[signal] ?? 0);
}

export interface ChildOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `inherit`, or the path of a file that gets standard output and error. */
  readonly output: "inherit" | { readonly file: string };
  /**
   * `own`: signals of the terminal, such as Ctrl-C, do not reach it. The application's is `shared`, because it may read from the
   * terminal; its proxy must live until the application has ended.
   */
  readonly session: "own" | "shared";
  readonly watchdog: Watchdog;
}

export class Child {
  readonly exited: Promise<ChildExit>;
  readonly #process: Bun.Subprocess;

  /** @throws Failure when there is no such program. */
  constructor({ command, env, output, session, watchdog }: ChildOptions) {
    requireProgram(command[0] ?? "", env.PATH);
    const watched = watchdog.enrol(command);
    // One descriptor that appends: two would write over each other, and a proxy that is started again over why the last one ended.
    const file = output === "inherit" ? undefined : openSync(output.file, "a", 0o600);
    const sink = file ?? ("inherit" as const);
    try {
      this.#process = Bun.spawn(watched.command, {
        env: { ...env },
        stdio: [output === "inherit" ? "inherit" : "ignore", sink, sink, watched.fd],
        detached: session === "own",
      });
    } catch (cause) {
      throw new Failure(`cannot start ${command[0]}: ${Failure.from(cause).message}`, { cause });
    } finally {
      if (file !== undefined) closeSync(file);
    }
    this.exited = this.#process.exited.then(() => {
      watchdog.release(this.pid);
      const { exitCode, signalCode } = this.#process;
      return { code: exitCode ?? 0, signal: typeof signalCode === "string" ? signalCode : undefined };
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** SIGTERM, and SIGKILL after `graceMs`. */
  async end(graceMs: number): Promise<ChildExit> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}

/** What starts it would complain in its stead, with an exit code of its own. */
function requireProgram(program: string, path: string | undefined): void {
  if (Bun.which(program, { PATH: path ?? process.env.PATH ?? "" })) return;
  throw new Failure(`cannot start ${program}: no such program`, {
    hint: "is the program installed, on the PATH, and executable?",
  });
}
