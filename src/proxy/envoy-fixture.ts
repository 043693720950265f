// Real Envoy with the listeners and clusters of a test, to see what it does with the very same configuration.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Message, socketAddress } from "./proxy-fixture.ts";

const START_MS = 10_000;

async function poll<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const until = performance.now() + START_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > until) throw new Error(`not within ${START_MS} ms: ${what}`);
    await Bun.sleep(20);
  }
}

interface ListenerStatus {
  readonly name: string;
  readonly local_address: { readonly socket_address: { readonly port_value: number } };
}

export class TestEnvoy {
  readonly #folder = mkdtempSync(join(tmpdir(), "heddle-envoy-test-"));
  readonly #process: Bun.Subprocess;

  /** `own`: further fields of the bootstrap. */
  constructor(program: string, resources: Message, own: Message = {}) {
    const bootstrap = join(this.#folder, "bootstrap.json");
    const node = { id: "test", cluster: "test" };
    writeFileSync(
      bootstrap,
      JSON.stringify({ node, admin: { address: socketAddress(0) }, static_resources: resources, ...own }),
    );
    const flags = ["--concurrency", "1", "--disable-hot-restart", "-l", "error", "--file-flush-interval-msec", "20"];
    this.#process = Bun.spawn([program, "-c", bootstrap, "--admin-address-path", this.#adminPath, ...flags], {
      stdout: "ignore",
      stderr: "inherit",
    });
  }

  get #adminPath(): string {
    return join(this.#folder, "admin");
  }

  /** What the admin interface answers. */
  async admin(path: string, init: RequestInit = {}): Promise<string> {
    const address = await poll("Envoy's admin address", () =>
      existsSync(this.#adminPath) ? readFileSync(this.#adminPath, "utf8") || undefined : undefined,
    );
    return (await fetch(`http://${address}${path}`, init)).text();
  }

  /** The port of the only listener, once it is open. */
  async port(): Promise<number> {
    return poll("Envoy's listener", async () => {
      const text = await this.admin("/listeners?format=json").catch(() => "{}");
      const { listener_statuses: listeners } = JSON.parse(text) as { listener_statuses?: readonly ListenerStatus[] };
      return listeners?.[0]?.local_address.socket_address.port_value || undefined;
    });
  }

  async close(): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
