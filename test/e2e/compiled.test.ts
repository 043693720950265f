// The one compiled file: the same program without checkout, Bun or node_modules.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Heddle, ROOT, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), "heddle-compiled-"));
const file = join(folder, "heddle");
const heddle = new Heddle([file]);

beforeAll(async () => {
  const child = Bun.spawn([process.execPath, join(ROOT, "scripts", "build.ts"), "--outfile", file], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const errors = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(errors);
}, LIMIT_MS);

afterAll(async () => {
  await heddle.close();
  rmSync(folder, { recursive: true });
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

test(
  "knows its version, its commands and what is wrong with a file",
  async () => {
    const { version } = (await import("../../package.json")).default;
    expect((await heddle.call(["version", "--client"])).stdout).toStartWith(`client          ${version} (Bun `);
    const json = await heddle.call(["version", "--client", "-o", "json"]);
    expect(JSON.parse(json.stdout)).toEqual({ client: version, bun: Bun.version, controlPlane: null, proxies: {} });
    expect((await heddle.call(["--help"])).stdout).toContain("proxy-status");
    const bad = await heddle.call(["apply", "-f", "-"], { stdin: "kind: VirtualService" });
    expect(bad.code).toBe(65);
    expect(bad.stderr).toContain("standard input:1:1: object has no apiVersion");
    const bench = await heddle.call(["bench", "mesh"]);
    expect(bench.code).toBe(1);
    expect(bench.stderr).toContain("bench runs from a checkout only");
  },
  LIMIT_MS,
);

test(
  "serves the dashboard, and runs a program with a sidecar that is itself again",
  async () => {
    await heddle.up();
    const { dashboard } = heddle.note;
    const page = await (await fetch(`${dashboard}/`)).text();
    const [, script = ""] = /<script[^>]+src="([^"]+)"/.exec(page) ?? [];
    expect(script).toStartWith("/assets/");
    expect((await fetch(`${dashboard}${script}`)).headers.get("content-type")).toContain("text/javascript");

    const args = ["--name", "web", "--mesh-port", "0", "--admin-port", "0", "--status-port", "0"];
    const running = heddle.start(["run", ...args, "--drain-time", "0s", "--", "sleep", "60"]);
    await until(async () => (await heddle.call(["proxy-status"])).stdout.includes("SYNCED"));
    const proxies = heddle.leftovers().filter((line) => line.includes(`${file} proxy `));
    if (process.platform === "linux") expect(proxies.length).toBe(1);
    running.signal("SIGTERM");
    expect(await running.exited).toBe(143);
  },
  LIMIT_MS,
);
