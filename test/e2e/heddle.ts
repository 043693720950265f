// The program as its users have it: real processes in a state folder of their own, on free ports, and nothing of them left afterwards.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { LIFELINE_VARIABLE } from "../../src/cli/lifeline.ts";
import type { ControlPlaneNote } from "../../src/cli/state-folder.ts";

export const ROOT = dirname(dirname(import.meta.dir));
export const EXAMPLE = join(ROOT, "examples", "golden-signal");
const SOURCE: readonly string[] = [process.execPath, join(ROOT, "src", "main.ts")];

export const FREE_PORTS: readonly string[] = ["api", "discovery", "metrics", "dashboard"].flatMap((port) => [
  `--${port}-port`,
  "0",
]);
/** Ports of a sidecar: those that people use belong to them while tests run. */
export const FREE_SIDECAR_PORTS: readonly string[] = ["mesh", "inbound", "forward-proxy", "status", "admin"].flatMap(
  (port) => [`--${port}-port`, "0"],
);

const POLL_MS = 25;
const END_GRACE_MS = 10_000;
const UNTIL_MS = 30_000;

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exited: Promise<number>;
  signal(signal: NodeJS.Signals): void;
}

export interface Terminal {
  /** What stands on it so far. */
  readonly output: () => string;
  readonly exited: Promise<number>;
  type(keys: string): void;
}

export type Environment = Readonly<Record<string, string>>;

export class Heddle {
  readonly folder = mkdtempSync(join(tmpdir(), "heddle-e2e-"));
  readonly #command: readonly string[];
  readonly #running: Bun.Subprocess[] = [];

  /** `command`: the program, from its sources unless named. */
  constructor(command: readonly string[] = SOURCE) {
    this.#command = command;
  }

  get state(): string {
    return join(this.folder, "state");
  }

  get note(): ControlPlaneNote {
    return JSON.parse(readFileSync(join(this.state, "control-plane.json"), "utf8")) as ControlPlaneNote;
  }

  #environment(extra: Environment): Record<string, string | undefined> {
    const { HEDDLE_SERVER: _, HEDDLE_TOKEN: __, NO_COLOR: ___, ...inherited } = process.env;
    return { ...inherited, HEDDLE_STATE: this.state, ...extra };
  }

  /** One command to its end. */
  async call(
    args: readonly string[],
    options: { readonly stdin?: string; readonly env?: Environment } = {},
  ): Promise<Result> {
    const child = Bun.spawn([...this.#command, ...args], {
      cwd: this.folder,
      env: this.#environment(options.env ?? {}),
      stdin: Buffer.from(options.stdin ?? ""),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { code, stdout, stderr };
  }

  /** A command that stays. It ends with this process, too. */
  start(args: readonly string[], env: Environment = {}): Running {
    const child = Bun.spawn([...this.#command, ...args], {
      cwd: this.folder,
      env: { ...this.#environment(env), [LIFELINE_VARIABLE]: "3" },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    this.#running.push(child);
    return {
      pid: child.pid,
      stdout: collect(child.stdout),
      stderr: collect(child.stderr),
      exited: child.exited,
      signal: (signal) => child.kill(signal),
    };
  }

  /** A command that stays, in the foreground of a terminal of its own. */
  inTerminal(args: readonly string[]): Terminal {
    const decoder = new TextDecoder();
    let text = "";
    const child = Bun.spawn([...this.#command, ...args], {
      cwd: this.folder,
      env: this.#environment({}),
      terminal: {
        data(_, bytes) {
          text += decoder.decode(bytes, { stream: true });
        },
      },
    });
    this.#running.push(child);
    return { output: () => text, type: (keys) => void child.terminal?.write(keys), exited: child.exited };
  }

  /** The control plane on free ports; resolves when it serves. */
  async up(args: readonly string[] = []): Promise<Running> {
    const running = this.start(["up", ...FREE_PORTS, "-o", "json", ...args]);
    const isUp = await until(
      () => running.stdout().includes("\n"),
      running.exited.then(() => false),
    );
    if (!isUp) throw new Error(`heddle up ended: ${running.stderr()}`);
    return running;
  }

  /** golden-signal in one version, or any other script of the example; resolves at once. */
  runExample(
    script: string,
    name: string,
    version: string,
    args: readonly string[] = [],
    env: Environment = {},
  ): Running {
    const program = [process.execPath, join(EXAMPLE, script)];
    const options = ["--name", name, "--version", version, "--drain-time", "1s", ...FREE_SIDECAR_PORTS, ...args];
    return this.start(["run", ...options, "--", ...program], { VERSION: version, ...env });
  }

  async getObject(kind: string, name: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { code, stdout } = await this.call(["get", kind, name, "-o", "json"]);
    return code === 0 ? (JSON.parse(stdout) as Readonly<Record<string, unknown>>) : undefined;
  }

  /** Ends what runs, newest first, and removes the folder. */
  async close(): Promise<void> {
    for (const child of this.#running.reverse()) {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), END_GRACE_MS);
      await child.exited;
      clearTimeout(timer);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Command lines of processes that were started for this folder and live. */
  leftovers(): readonly string[] {
    return processesWith(`HEDDLE_STATE=${this.state}`);
  }
}

/** Command lines of processes whose environment holds `text`. Linux alone tells. */
export function processesWith(text: string): readonly string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "latin1").includes(text)) return [];
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ")}`];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

/** Resolves with true once `holds`, or with what `otherwise` gives when that comes first. Rejects after half a minute. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  otherwise: Promise<boolean> = new Promise(() => {}),
): Promise<boolean> {
  let other: boolean | undefined;
  void otherwise.then((value) => {
    other = value;
  });
  const deadline = performance.now() + UNTIL_MS;
  while (performance.now() < deadline) {
    if (await holds()) return true;
    if (other !== undefined) return other;
    await Bun.sleep(POLL_MS);
  }
  throw new Error(`waited ${UNTIL_MS / 1_000} s in vain until ${holds}`);
}

function collect(stream: ReadableStream<Uint8Array>): () => string {
  const decoder = new TextDecoder();
  let text = "";
  void (async () => {
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  })();
  return () => text;
}
