// Where a case runs: a temporary folder, free ports, two cores, and every process that was started, so that all of it goes away.

import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { type ComponentName, findComponent } from "../scripts/components.ts";
import { Failure } from "../src/base/failure.ts";
import { allowedCpus } from "./proc.ts";

/** A process has this long to end by itself, and its access log to be written. */
const TERM_MS = 1_000;
const POLL_MS = 2;
const READY_TIMEOUT_MS = 10_000;

/** `both`: what must spread over them. */
type Core = "client" | "proxy" | "both";

export interface StartOptions {
  readonly core: Core;
  readonly environment?: Readonly<Record<string, string>>;
  /** File that takes the standard output, appended. Otherwise it joins the errors in `<name>.output`. */
  readonly output?: string;
  /** Descriptors that the process may have open; else as many as this one. */
  readonly descriptors?: number;
}

export interface OutputOptions {
  /**
   * Among those that share its core. `first`: who watches the clock, and would count its own waiting for the core as the proxy's (needs
   * root, else nothing changes). `last`: who disturbs, with what the others leave.
   */
  readonly precedence?: "first" | "last";
  /** Then SIGTERM tells it to end. */
  readonly until?: Promise<unknown>;
}

const PRECEDENCE = { first: ["nice", "-n", "-10"], last: ["chrt", "--idle", "0"] } as const;

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { keepalive: false });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), "heddle-bench-"));
  readonly cores: Readonly<Record<Core, string>>;
  readonly #processes = new Set<Subprocess>();

  constructor() {
    const [first = 0, second = first] = allowedCpus();
    this.cores = { client: String(first), proxy: String(second), both: `${first},${second}` };
  }

  /** @throws Failure when the program is not installed. */
  program(name: ComponentName): string {
    const path = findComponent(name);
    if (path === undefined) throw new Failure(`${name} is not installed and could not be installed here`);
    return path;
  }

  /** Off the proxies' core, with every thread. */
  pinThisProcess(): void {
    Bun.spawnSync(["taskset", "-a", "-c", "-p", this.cores.client, String(process.pid)]);
  }

  /**
   * Meanwhile this process, with every thread, has what others leave of its core: the control plane that it plays would have a machine of
   * its own, and must not be what delays the load. Needs root to come back, else nothing changes.
   */
  async standBack<T>(work: () => Promise<T>): Promise<T> {
    const become = (policy: "--idle" | "--other") =>
      process.getuid?.() === 0 && Bun.spawnSync(["chrt", "-a", policy, "-p", "0", String(process.pid)]);
    become("--idle");
    try {
      return await work();
    } finally {
      become("--other");
    }
  }

  subfolder(name: string): string {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Ports that nobody has now. All are held before the first is given back, so that no two are the same. */
  ports(count: number): number[] {
    const held = Array.from({ length: count }, () =>
      Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } }),
    );
    const ports = held.map(({ port }) => port);
    for (const listener of held) listener.stop(true);
    return ports;
  }

  /** Pinned to its core, and killed by the kernel should this process die without a chance to clean up. */
  #command(core: Core, command: readonly string[]): string[] {
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", this.cores[core], ...command];
  }

  start(
    name: string,
    command: readonly string[],
    { core, environment = {}, output, descriptors }: StartOptions,
  ): Subprocess {
    const messages = openSync(join(this.folder, `${name}.output`), "a");
    const stdout = output === undefined ? messages : openSync(output, "a");
    try {
      const env = { ...process.env, ...environment };
      const limited = descriptors === undefined ? command : ["prlimit", `--nofile=${descriptors}`, ...command];
      const child = Bun.spawn(this.#command(core, limited), { stdin: "ignore", stdout, stderr: messages, env });
      this.#processes.add(child);
      return child;
    } finally {
      for (const descriptor of new Set([messages, stdout])) closeSync(descriptor);
    }
  }

  /** Runs a program on the client's core to its end and gives what it printed. */
  async output(
    command: readonly string[],
    core: Core = "client",
    { precedence, until }: OutputOptions = {},
  ): Promise<string> {
    const preceding = precedence === undefined ? command : [...PRECEDENCE[precedence], ...command];
    const child = Bun.spawn(this.#command(core, preceding), { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    this.#processes.add(child);
    void until?.finally(() => child.kill("SIGTERM"));
    const [output, errors, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    this.#processes.delete(child);
    if (code !== 0) throw new Failure(`${command[0]} failed with ${code}: ${(errors || output).trim()}`);
    return output;
  }

  /**
   * Waits until GET `url` answers 200.
   * @throws Failure with what the process printed, when it ended or 10 s have gone.
   */
  async ready(name: string, child: Subprocess, url: string): Promise<void> {
    const startedAt = performance.now();
    while (performance.now() - startedAt < READY_TIMEOUT_MS && child.exitCode === null) {
      if (await answers(url)) return;
      await Bun.sleep(POLL_MS);
    }
    const printed = await Bun.file(join(this.folder, `${name}.output`)).text();
    throw new Failure(`${name} did not become ready: ${printed.trim().slice(-2_000) || "it printed nothing"}`);
  }

  async stop(children: Iterable<Subprocess>): Promise<void> {
    await Promise.all(
      [...children].map(async (child) => {
        child.kill("SIGTERM");
        await Promise.race([child.exited, Bun.sleep(TERM_MS)]);
        child.kill("SIGKILL");
        await child.exited;
        this.#processes.delete(child);
      }),
    );
  }

  /** At once, for the end and for Ctrl-C. */
  close(): void {
    for (const child of this.#processes) child.kill("SIGKILL");
    this.#processes.clear();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
