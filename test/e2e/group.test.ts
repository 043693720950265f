// A program that joins the mesh by a WorkloadGroup: entered as its template says, asked how it is, and gone when it ends or is killed.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { FREE_SIDECAR_PORTS, Heddle, type Running, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const heddle = new Heddle();
const PROXIES: readonly ProxyKind[] = findComponent("envoy") === undefined ? ["heddle"] : ["heddle", "envoy"];
if (process.env.CI === "true" && PROXIES.length < 2) throw new Error("tests of heddle run need envoy");

beforeAll(() => heddle.up(), LIMIT_MS);
afterAll(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

/** Its health is what it was told last at /health/…; it says who its caller is. */
const APPLICATION = `let status = 200;
Bun.serve({ hostname: "127.0.0.1", port: Number(process.env.PORT), fetch: (request) => {
  const [, word, value] = new URL(request.url).pathname.split("/");
  if (word === "told") return new Response("# TYPE app_total counter\\napp_total 7\\n");
  if (word !== "health") return new Response(request.headers.get("x-forwarded-client-cert") ?? "plaintext");
  if (value) status = Number(value);
  return new Response("", { status });
}});`;

function freePort(): number {
  const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = free;
  free.stop(true);
  return port;
}

function objects(name: string, port: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: {name: ${name}, namespace: default}
spec:
  metadata:
    labels: {app: ${name}}
    annotations: {prometheus.io/scrape: "true", prometheus.io/port: "${port}", prometheus.io/path: /told}
  template: {serviceAccount: ${name}, locality: eu/a}
  probe: {httpGet: {port: ${port}, path: /health}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 80}]}`;
}

interface Entry {
  readonly metadata: { readonly name: string; readonly annotations: Readonly<Record<string, string>> };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
  };
}

async function entries(group: string): Promise<readonly Entry[]> {
  const { stdout } = await heddle.call(["get", "workloadentries", "-o", "json"]);
  const { items = [] } = JSON.parse(stdout || "{}") as { readonly items?: readonly Entry[] };
  return items.filter(({ metadata }) => metadata.name.startsWith(`${group}-`));
}

/** Of the group's only workload. */
async function condition(group: string): Promise<string> {
  const [entry] = await entries(group);
  const [found] = entry?.status?.conditions ?? [];
  return found ? `${found.type} ${found.status} ${found.reason ?? ""}`.trim() : "";
}

for (const proxy of PROXIES) {
  test(
    `${proxy}: is entered, probed, called with its caller's identity, and taken away`,
    async () => {
      const name = `vms-${proxy}`;
      const [port, upstream] = [freePort(), freePort()];
      const program = join(heddle.folder, `${name}.ts`);
      writeFileSync(program, APPLICATION);
      const applied = await heddle.call(["apply", "-f", "-"], { stdin: objects(name, port) });
      expect(applied.code).toBe(0);
      const running: Running = heddle.start([
        ...["run", "--group", `default/${name}`, "--port", String(port), "--proxy", proxy, "--drain-time", "0s"],
        ...[...FREE_SIDECAR_PORTS, "--", process.execPath, program],
      ]);
      const caller = heddle.start([
        ...["run", "--name", `caller-${proxy}`, "--upstream", `${upstream}=${name}:80`, "--drain-time", "0s"],
        ...[...FREE_SIDECAR_PORTS, "--", "sleep", "300"],
      ]);
      const ask = (url: string) =>
        fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
          async (response) => (response.status === 200 ? await response.text() : String(response.status)),
          () => "nobody",
        );
      const called = () => ask(`http://127.0.0.1:${upstream}/`);
      await until(async () => (await called()).includes(`/sa/caller-${proxy}`));
      expect(await condition(name)).toBe("Healthy True");
      // Its agent's place is for Prometheus, and its own for the agent.
      const [{ metadata } = { metadata: { name: "", annotations: {} } }] = await entries(name);
      const { "prometheus.io/port": status, "prometheus.io/path": path } = metadata.annotations;
      expect([path, metadata.annotations["heddle.dev/application-metrics"]]).toEqual([
        "/stats/prometheus",
        `${port}/told`,
      ]);
      const told = await ask(`http://127.0.0.1:${status}${path}`);
      expect(told).toContain("app_total 7\n");
      expect(told).toContain("istio_agent_scrapes_total");

      await ask(`http://127.0.0.1:${port}/health/500`);
      await until(async () => (await condition(name)) === "Healthy False ProbeFailed");
      await until(async () => (await called()) === "503");
      await ask(`http://127.0.0.1:${port}/health/200`);
      await until(async () => (await called()).includes("/sa/caller"));

      running.signal("SIGTERM");
      await running.exited;
      expect(await entries(name)).toEqual([]);
      caller.signal("SIGTERM");
      await caller.exited;
    },
    LIMIT_MS,
  );
}

test(
  "without the group, or as another account, it does not come in",
  async () => {
    const run = (...options: readonly string[]) =>
      heddle.call(["run", ...options, "--drain-time", "0s", ...FREE_SIDECAR_PORTS, "--", "true"]);
    const missing = await run("--group", "default/nowhere");
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("there is no WorkloadGroup default/nowhere");
    expect((await heddle.call(["apply", "-f", "-"], { stdin: objects("owned", 80) })).code).toBe(0);
    const thief = await run("--group", "owned", "--service-account", "thief");
    expect(thief.stderr).toContain("run as service account owned, not thief");
    const wrong = await run("--group", "a/b/c");
    expect(wrong.code).toBe(64);
    expect(wrong.stderr).toContain("--group is not the name of a WorkloadGroup");
    expect(await entries("owned")).toEqual([]);
  },
  LIMIT_MS,
);
