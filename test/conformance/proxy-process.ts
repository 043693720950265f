// Heddle's proxy as a process with a static configuration: what the conformance suites run against.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Message } from "../../src/proxy/proxy-fixture.ts";
import { closedPort } from "../../src/proxy/raw-peer-fixture.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const START_MS = 10_000;
const POLL_MS = 25;

interface ListenerStatus {
  readonly name: string;
  readonly local_address: { readonly socket_address: { readonly port_value: number } };
}

export class ProxyProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), "heddle-conformance-"));
  readonly #child: Bun.Subprocess;
  readonly #admin: string;
  #ports: ReadonlyMap<string, number> = new Map();

  private constructor(resources: Message) {
    const admin = closedPort();
    const bootstrap = join(this.#folder, "bootstrap.json");
    const address = { socket_address: { address: "127.0.0.1", port_value: admin } };
    const node = { id: "conformance", cluster: "conformance" };
    writeFileSync(bootstrap, JSON.stringify({ node, admin: { address }, static_resources: resources }));
    this.#admin = `http://127.0.0.1:${admin}`;
    const command = [process.execPath, MAIN, "proxy", "--drain-time", "0s", "-c", bootstrap];
    this.#child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "inherit" });
  }

  /** Resolves once every listener is open. */
  static async start(resources: Message): Promise<ProxyProcess> {
    const proxy = new ProxyProcess(resources);
    const deadline = performance.now() + START_MS;
    while (!(await proxy.#isReady())) {
      if (performance.now() > deadline || proxy.#child.exitCode !== null) throw new Error("the proxy did not start");
      await Bun.sleep(POLL_MS);
    }
    const { listener_statuses: statuses } = (await (await proxy.#ask("/listeners?format=json")).json()) as {
      listener_statuses: readonly ListenerStatus[];
    };
    proxy.#ports = new Map(statuses.map(({ name, local_address: at }) => [name, at.socket_address.port_value]));
    return proxy;
  }

  #ask(path: string): Promise<Response> {
    return fetch(`${this.#admin}${path}`, { signal: AbortSignal.timeout(1_000) });
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await this.#ask("/ready")).ok;
    } catch {
      return false;
    }
  }

  /** The port of a listener. */
  port(listener: string): number {
    return this.#ports.get(listener) ?? 0;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
