// A control plane that is killed and started again over the same state is the same control plane.

import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Heddle, until } from "./heddle.ts";

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

/** Every file of the authority: keys, roots, what it remembers. */
function authority(): Readonly<Record<string, string>> {
  const folder = join(heddle.state, "ca");
  const files = readdirSync(folder).filter((name) => name.endsWith(".pem") || name.endsWith(".json"));
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

test("after kill -9 it has the same root and objects, and its proxies come back on their own", async () => {
  const control = await heddle.up();
  const { api, dashboard, metrics, discovery } = heddle.note;
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
  await until(() => isSynced("golden-signal"));
  expect(authority()).toEqual(before);
  expect(await heddle.getObject("service", "golden-signal")).toEqual(service!);
  sidecar.signal("SIGTERM");
  expect(await sidecar.exited).toBe(0);
}, 40_000);
