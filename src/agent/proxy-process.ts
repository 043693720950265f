// The proxy as the agent's child: its bootstrap, its start, and its start again whenever it ends before its time.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../base/failure.ts";
import { logger } from "../base/log.ts";
import { proxyBootstrap } from "./bootstrap.ts";
import { BoundedLog } from "./bounded-log.ts";
import { Child, type ChildExit, exitCodeOf } from "./child.ts";
import type { Place } from "./place.ts";
import { proxyEnvironment } from "./proxy-environment.ts";
import type { BootstrapPatch, ProxyStart, Sidecar } from "./sidecar.ts";
import type { Watchdog } from "./watchdog.ts";

const log = logger("agent");

/** How long the proxy may take from its start to its first complete configuration. */
const READY_TIMEOUT_MS = 30_000;
const READY_POLL_MS = 20;
const RESTART_MS = 200;

export interface ProxyProcessOptions {
  readonly sidecar: Sidecar;
  /** What the mesh says of its start. */
  readonly said: ProxyStart;
  readonly place: Place;
  /** Where it finds the agent. */
  readonly agentSocket: string;
  readonly watchdog: Watchdog;
  /** The command that starts it with this bootstrap file. */
  command(file: string): readonly string[];
  /** One of its processes ended. */
  onEnded(): void;
}

/** JSON, as the proxy is started with it; and as it would be without patches, where there are some. */
interface Bootstrap {
  readonly text: string;
  readonly unpatched: string | undefined;
}

function originsOf(patches: readonly BootstrapPatch[]): string {
  return [...new Set(patches.map(({ origin }) => origin))].join(", ");
}

export class ProxyProcess {
  readonly #options: ProxyProcessOptions;
  readonly #log: string;
  #bootstrap: Bootstrap = { text: "", unpatched: undefined };
  #boundedLog: BoundedLog | undefined;
  #child: Child | undefined;
  #ready = false;
  #staysDown = false;

  constructor(options: ProxyProcessOptions) {
    this.#options = options;
    this.#log = join(options.sidecar.folder, "proxy.log");
  }

  /** Resolves when it has its first complete configuration. Rejects with a Failure when it cannot get there. */
  async start(): Promise<void> {
    this.#bootstrap = await this.#makeBootstrap();
    this.#startChild();
    this.#boundedLog = new BoundedLog(this.#log);
    await this.#untilReady();
    this.#ready = true;
  }

  /** Of the process that runs now; undefined: none does. */
  get exited(): Promise<ChildExit> | undefined {
    return this.#child?.exited;
  }

  /** From now on its end is the end. */
  stayDown(): void {
    this.#staysDown = true;
  }

  /** SIGTERM, and SIGKILL after `graceMs`. */
  async end(graceMs: number): Promise<void> {
    this.stayDown();
    await this.#child?.end(graceMs);
  }

  close(): void {
    this.#boundedLog?.stop();
  }

  async #makeBootstrap(): Promise<Bootstrap> {
    const { sidecar, said, place, agentSocket } = this.#options;
    const made = proxyBootstrap(sidecar, { agent: agentSocket, controlPlane: place.controlPlane }, said);
    const text = JSON.stringify(made, null, 1);
    const patches = said.bootstrap;
    if (patches.length === 0) return { text, unpatched: undefined };
    try {
      const { patchedBootstrap } = await import("./bootstrap-patch.ts");
      return { text: JSON.stringify(patchedBootstrap(made, patches), null, 1), unpatched: text };
    } catch (error) {
      log.warn("the bootstrap cannot be patched, and stays as it is", { by: originsOf(patches), error });
      return { text, unpatched: undefined };
    }
  }

  #startChild(): void {
    const { sidecar, said, place, command, watchdog } = this.#options;
    const file = join(sidecar.folder, "bootstrap.json");
    writeFileSync(file, this.#bootstrap.text, { mode: 0o600 });
    const child = new Child({
      command: place.proxyCommand(command(file)),
      env: proxyEnvironment(sidecar.workload, said.environment),
      output: { file: this.#log },
      session: "own",
      watchdog,
    });
    this.#child = child;
    void child.exited.then((exit) => this.#onExit(child, exit));
  }

  #onExit(child: Child, exit: ChildExit): void {
    this.#options.onEnded();
    if (this.#child !== child || this.#staysDown) return;
    this.#child = undefined;
    log.error("the proxy ended", { exit: exitCodeOf(exit), log: this.#log });
    if (!this.#ready) {
      this.#startUnpatched();
      return;
    }
    // The application cannot reach the mesh without it: it is started again, and serves as soon as it is configured.
    setTimeout(() => {
      if (!this.#staysDown) this.#startChild();
    }, RESTART_MS);
  }

  #startUnpatched(): void {
    const { unpatched } = this.#bootstrap;
    if (unpatched === undefined) return; // untilReady tells
    const by = originsOf(this.#options.said.bootstrap);
    log.warn("the proxy is started without the patches to its bootstrap", { by });
    this.#bootstrap = { text: unpatched, unpatched: undefined };
    this.#startChild();
  }

  async #untilReady(): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    const { sidecar, place } = this.#options;
    const url = `http://127.0.0.1:${sidecar.ports.admin}/ready`;
    while (performance.now() < deadline) {
      if (!this.#child) throw new Failure("the proxy ended before it was ready", { hint: `its log is ${this.#log}` });
      const ready = await place.fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
        (response) => response.ok,
        () => false,
      );
      if (ready) return;
      await Bun.sleep(READY_POLL_MS);
    }
    throw new Failure(`the proxy has no configuration after ${READY_TIMEOUT_MS / 1_000} s`, {
      hint: `its log is ${this.#log}; \`heddle proxy-status\` shows what the control plane sent`,
    });
  }
}
