// A control plane that is killed and started again over the same state is the same control plane.

import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LoadReport } from "../../examples/golden-signal/client.ts";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyStatus } from "../../src/admin/api.ts";
import type { ControlPlaneNote } from "../../src/cli/state-folder.ts";
import { Heddle, type Running, until } from "./heddle.ts";

const heddle = new Heddle();
afterAll(() => heddle.close());

interface Proxy {
  readonly name: string;
  readonly config: { readonly state: string };
}

async function isSynced(name: string): Promise<boolean> {
  const { code, stdout } = await heddle.call(["proxy-status", "-o", "json"]);
  if (code !== 0) return false;
  const proxies = JSON.parse(stdout) as readonly Proxy[];
  return proxies.some((proxy) => proxy.name.startsWith(name) && proxy.config.state === "synced");
}

/** On the ports that its proxies know. */
async function upAgain(heddle: Heddle, { api, dashboard, metrics, discovery }: ControlPlaneNote): Promise<Running> {
  const port = (url: string) => new URL(url.includes("://") ? url : `http://${url}`).port;
  const again = heddle.start([
    "up",
    ...["--api-port", port(api), "--dashboard-port", port(dashboard), "--metrics-port", port(metrics)],
    ...["--discovery-port", String(discovery.port), "-o", "json"],
  ]);
  const isUp = await until(
    () => again.stdout().includes("\n"),
    again.exited.then(() => false),
  );
  if (!isUp) throw new Error(again.stderr());
  return again;
}

/** Every file of the authority: keys, roots, what it remembers. */
function authority(): Readonly<Record<string, string>> {
  const folder = join(heddle.state, "ca");
  const files = readdirSync(folder).filter((name) => name.endsWith(".pem") || name.endsWith(".json"));
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

test("after kill -9 it has the same root and objects, and its proxies come back on their own", async () => {
  const control = await heddle.up();
  const { note } = heddle;
  const sidecar = heddle.runExample("app.ts", "golden-signal", "v1");
  await until(
    () => isSynced("golden-signal"),
    sidecar.exited.then(() => false),
  );
  const service = await heddle.getObject("service", "golden-signal");
  const before = authority();
  expect(Object.keys(before).length).toBeGreaterThan(1);

  control.signal("SIGKILL");
  await control.exited;
  await upAgain(heddle, note);
  await until(() => isSynced("golden-signal"));
  expect(authority()).toEqual(before);
  expect(await heddle.getObject("service", "golden-signal")).toEqual(service!);
  sidecar.signal("SIGTERM");
  expect(await sidecar.exited).toBe(0);
}, 40_000);

test("who watches is told that it is away, and goes on when it is back", async () => {
  const watched = new Heddle();
  try {
    const control = await watched.up();
    const { note } = watched;
    const watch = watched.start(["get", "namespaces", "-w", "-o", "name"]);
    await until(() => watch.stdout().includes("namespace/default"));
    control.signal("SIGKILL");
    await control.exited;
    await until(() => watch.stderr().includes(`the control plane at ${note.api} is away (`));
    await upAgain(watched, note);
    await until(() => watch.stderr().includes(`the control plane at ${note.api} is back`));
    await watched.call(["apply", "-f", "-"], {
      stdin: '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "later"}}',
    });
    await until(() => watch.stdout().includes("namespace/later"));
    expect(watch.stderr().trim().split("\n").length).toBe(2);
  } finally {
    await watched.close();
  }
}, 40_000);

/** Longer than a proxy that is lost may be without a stream before its workload gets no more requests. */
const AWAY_MS = 3_000;
/** And after a restart the same, with the compilations that follow. */
const SETTLING_MS = 4_000;

function last(client: Running): LoadReport | undefined {
  const line = client
    .stdout()
    .split("\n")
    .findLast((line) => line.endsWith("}"));
  return line === undefined ? undefined : (JSON.parse(line) as LoadReport);
}

test.skipIf(findComponent("envoy") === undefined && process.env.CI !== "true")(
  "while it is away and when it is back no request fails, and no proxy is sent anything that it has (needs envoy)",
  async () => {
    const heddle = new Heddle();
    try {
      const control = await heddle.up();
      const { note } = heddle;
      const start = (script: string, name: string, version: string, proxy: string, env = {}) => {
        const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
        const port = String(free.port);
        free.stop(true);
        const options = ["--proxy", proxy, ...(script === "app.ts" ? ["--port", port] : [])];
        return heddle.runExample(script, name, version, options, { LATENCY_MS: "1", ...env });
      };
      start("app.ts", "golden-signal", "v1", "heddle");
      start("app.ts", "golden-signal", "v2", "envoy");
      const proxies = async () => {
        const { code, stdout } = await heddle.call(["proxy-status", "-o", "json"]);
        return code === 0 ? (JSON.parse(stdout) as readonly ProxyStatus[]) : [];
      };
      const areSynced = (count: number) => async () => {
        const synced = (await proxies()).filter(({ config }) => config.state === "synced");
        return synced.length === count;
      };
      await until(areSynced(2));
      await until(async () => (await heddle.call(["get", "pods"])).stdout.split("1/1").length === 3);
      const load = { CONNECTIONS: "2", RATE: "50" };
      const clients = [
        start("client.ts", "caller", "v1", "heddle", load),
        start("client.ts", "caller", "v2", "envoy", load),
      ];
      await until(areSynced(4));
      const haveServed = (count: number) => {
        const goals = clients.map((client) => (last(client)?.requests ?? 0) + count);
        return until(() => clients.every((client, i) => (last(client)?.requests ?? 0) >= goals[i]!));
      };
      await haveServed(100);
      const failed = clients.map((client) => last(client)?.failed);
      const first = await proxies();
      expect(first.every(({ cost }) => cost !== null && cost.resources > 0)).toBe(true);

      control.signal("SIGKILL");
      await control.exited;
      await Bun.sleep(AWAY_MS);
      await haveServed(50);
      await upAgain(heddle, note);
      await until(areSynced(4));
      await Bun.sleep(SETTLING_MS);
      await haveServed(50);

      const again = await proxies();
      expect(again.map(({ name, cost }) => [name, cost?.connections, cost?.resources])).toEqual(
        again.map(({ name }) => [name, 1, 0]),
      );
      expect(clients.map((client) => last(client)?.failed)).toEqual(failed);
    } finally {
      await heddle.close();
    }
  },
  120_000,
);
