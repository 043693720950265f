// A program on another machine than the control plane's: it joins with an address and a token, and what happens when the cable is pulled.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { EXAMPLE, FREE_SIDECAR_PORTS, Heddle, ROOT, until } from "./heddle.ts";
import { Machines } from "./machines.ts";

const LIMIT_MS = 120_000;
const MAIN = join(ROOT, "src", "main.ts");
const PORT = "8080";
/** Of the upstream on each machine. The two share a folder for temporary files, and so the book of ports that are taken. */
const LOCAL_PORTS = ["9191", "9192"] as const;

const isRoot = process.platform === "linux" && process.geteuid?.() === 0;
const missing = [
  ...(isRoot ? [] : ["root on Linux"]),
  ...(["ip", "curl", "envoy"] as const).filter((tool) => findComponent(tool) === undefined),
];
if (isRoot && process.env.CI === "true" && missing.length > 0)
  throw new Error(`tests of two machines need ${missing.join(", ")}`);
const needs = missing.length === 0 ? "" : ` (needs ${missing.join(", ")})`;
const on = test.skipIf(missing.length > 0);

let machines: Machines;
let control: Heddle;
let elsewhere: Heddle;

beforeAll(async () => {
  if (missing.length > 0) return;
  machines = new Machines();
  const [first, second] = machines.machines;
  control = new Heddle(first.command([process.execPath, MAIN]));
  elsewhere = new Heddle(second.command([process.execPath, MAIN]));
  await control.up(["--host", first.address]);
  expect((await control.call(["apply", "-f", join(EXAMPLE, "peerauthentication.yaml")])).code).toBe(0);
}, LIMIT_MS);

afterAll(async () => {
  if (missing.length > 0) return;
  await elsewhere.close();
  await control.close();
  machines.close();
  expect([...control.leftovers(), ...elsewhere.leftovers()]).toEqual([]);
}, LIMIT_MS);

function where(): string {
  const { host, port } = control.note.discovery;
  return `${host}:${port}`;
}

async function tokenFor(...args: readonly string[]): Promise<string> {
  const { stdout } = await control.call(["token", ...args]);
  return stdout.trim();
}

async function readyOf(name: string): Promise<boolean> {
  const { stdout } = await control.call(["get", "pods"]);
  return new RegExp(`^${name}-\\S+ +1/1`, "m").test(stdout);
}

/** What `curl` on one of the machines gets from a local port of the program there. */
async function get(machine: 0 | 1, path: string): Promise<string> {
  const url = `http://127.0.0.1:${LOCAL_PORTS[machine]}${path}`;
  const command = machines.machines[machine].command([
    findComponent("curl")!,
    "-s",
    "-m",
    "5",
    "-w",
    "%{http_code}",
    url,
  ]);
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "ignore" });
  return new Response(child.stdout).text();
}

on(
  `a token says what to do on the other machine${needs}`,
  async () => {
    const { stdout, stderr } = await control.call(["token", "--service-account", "golden-signal"]);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(stderr).toContain(`heddle run --control-plane ${where()} --name golden-signal --port PORT -- COMMAND`);
    expect(stderr).not.toContain("alone");
  },
  LIMIT_MS,
);

on(
  `an expired token, one for another identity, and none are refused; nothing is registered${needs}`,
  async () => {
    const args = (name: string) => [
      "run",
      "--name",
      name,
      "--control-plane",
      where(),
      ...FREE_SIDECAR_PORTS,
      "--",
      "true",
    ];
    const short = await tokenFor("--ttl", "1s");
    await until(() => Date.now() > expiryOf(short));
    const expired = await elsewhere.call(args("late"), { env: { HEDDLE_TOKEN: short } });
    expect(expired.code).toBe(1);
    expect(expired.stderr).toContain("the join token expired at");
    const other = await tokenFor("--service-account", "golden-signal");
    const foreign = await elsewhere.call(args("thief"), { env: { HEDDLE_TOKEN: other } });
    expect(foreign.code).toBe(1);
    expect(foreign.stderr).toContain("not for spiffe://cluster.local/ns/default/sa/thief");
    expect((await elsewhere.call(args("nobody"))).code).toBe(64);
    expect((await control.call(["get", "pods", "-o", "name"])).stdout).toBe("");
  },
  LIMIT_MS,
);

for (const proxy of ["heddle", "envoy"] satisfies readonly ProxyKind[]) {
  on(
    `${proxy}: requests go both ways between the machines, under STRICT mutual TLS${needs}`,
    async () => {
      const example = [process.execPath, join(EXAMPLE, "app.ts")];
      const options = ["--proxy", proxy, "--drain-time", "0s", ...FREE_SIDECAR_PORTS, "--port", PORT];
      const far = elsewhere.start(
        [
          ...["run", "--name", "far", "--version", "v1", "--control-plane", where(), ...options],
          ...["--upstream", `${LOCAL_PORTS[1]}=near:80`, "--", ...example],
        ],
        { HEDDLE_TOKEN: await tokenFor("--service-account", "far"), VERSION: "far" },
      );
      const near = control.start(
        ["run", "--name", "near", ...options, "--upstream", `${LOCAL_PORTS[0]}=far:80`, "--", ...example],
        { VERSION: "near" },
      );
      await until(async () => (await readyOf("far")) && (await readyOf("near")));
      await until(async () => (await get(0, "/")).endsWith("200"));
      await until(async () => (await get(1, "/")).endsWith("200"));
      expect(await get(0, "/")).toContain("far");
      expect(await get(1, "/")).toContain("near");
      for (const running of [far, near]) {
        running.signal("SIGTERM");
        await running.exited;
      }
      expect((await control.call(["get", "pods", "-o", "name"])).stdout).toBe("");
    },
    LIMIT_MS,
  );
}

on(
  `a machine that vanished is taken out, and comes back when it is there again${needs}`,
  async () => {
    const far = elsewhere.start(
      [
        "run",
        "--name",
        "lost",
        "--control-plane",
        where(),
        "--drain-time",
        "0s",
        ...FREE_SIDECAR_PORTS,
        "--",
        "sleep",
        "600",
      ],
      { HEDDLE_TOKEN: await tokenFor() },
    );
    await until(() => readyOf("lost"));
    machines.cable("down");
    await until(async () => !(await readyOf("lost")));
    const { stdout } = await control.call(["get", "pods", "-o", "json"]);
    expect(stdout).toContain('"LeaseExpired"');
    machines.cable("up");
    await until(() => readyOf("lost"));
    far.signal("SIGTERM");
    await far.exited;
  },
  LIMIT_MS,
);

function expiryOf(token: string): number {
  const { exp } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
    readonly exp: number;
  };
  return exp * 1_000;
}
