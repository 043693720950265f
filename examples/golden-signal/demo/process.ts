// A process of the demo. It holds one end of a pipe, so that it ends when the demo is gone, however the demo went.

import { LIFELINE_VARIABLE } from "../../../src/cli/lifeline.ts";

/** Lines of standard error that are kept to say why a process failed. */
const KEPT_LINES = 20;
/** `stdio[3]`: its other end stays with us. */
const LIFELINE_FD = 3;

export interface ProcessOptions {
  /** As people know it. */
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Lines of standard output. */
  readonly onLine?: (line: string) => void;
}

export class DemoProcess {
  readonly name: string;
  readonly exited: Promise<number>;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #errors: string[] = [];
  #ended = false;

  constructor({ name, command, env, onLine = () => {} }: ProcessOptions) {
    this.name = name;
    this.#process = Bun.spawn([...command], {
      env: { ...env, [LIFELINE_VARIABLE]: String(LIFELINE_FD) },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    void eachLine(this.#process.stdout, onLine);
    void eachLine(this.#process.stderr, (line) => {
      this.#errors.push(line);
      if (this.#errors.length > KEPT_LINES) this.#errors.shift();
    });
    this.exited = this.#process.exited;
    void this.exited.then(() => {
      this.#ended = true;
    });
  }

  get running(): boolean {
    return !this.#ended;
  }

  /** The end of what it said on standard error. */
  get lastErrors(): string {
    return this.#errors.join("\n");
  }

  /** SIGTERM, and SIGKILL after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    if (this.#ended) return;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), graceMs);
    await this.exited;
    clearTimeout(timer);
  }
}

async function eachLine(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
}
