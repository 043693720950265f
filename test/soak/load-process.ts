// The load's process, as the soak speaks with it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FromLoad, LoadReport, Ports, ToLoad } from "./load/told.ts";

async function build(folder: string): Promise<string> {
  const entrypoints = [join(import.meta.dir, "load/main.ts")];
  const { success, logs } = await Bun.build({ entrypoints, outdir: folder, target: "node", naming: "load.mjs" });
  if (!success) throw new AggregateError(logs, "the load does not build");
  return join(folder, "load.mjs");
}

export class LoadProcess {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<FromLoad>;
  readonly #report: string;
  ports!: Ports;

  private constructor(program: string, report: string) {
    this.#report = report;
    this.#child = Bun.spawn(["node", program, report], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#lines = linesOf(this.#child.stdout);
  }

  static async start(folder: string): Promise<LoadProcess> {
    const load = new LoadProcess(await build(folder), join(folder, "report.json"));
    const first = await load.#next();
    if (first.kind !== "ports") throw new Error(`the load begins with ${first.kind}`);
    load.ports = first.ports;
    return load;
  }

  async #next(): Promise<FromLoad> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the load has ended");
    return value;
  }

  tell(order: ToLoad): void {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
    this.#child.stdin.flush();
  }

  /** Resolves when all of its exchanges are over, with what was seen of them. */
  async over(): Promise<LoadReport> {
    const last = await this.#next();
    if (last.kind !== "over") throw new Error(`the load says ${last.kind}`);
    return JSON.parse(readFileSync(this.#report, "utf8")) as LoadReport;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<FromLoad> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of stream) {
    held += decoder.decode(chunk, { stream: true });
    for (let end = held.indexOf("\n"); end >= 0; end = held.indexOf("\n")) {
      yield JSON.parse(held.slice(0, end)) as FromLoad;
      held = held.slice(end + 1);
    }
  }
}
