// What becomes of objects, as people see it: kubectl reads the conditions and waits for them, proxies that refuse are quoted, and what a proxy runs is
// held against what it is to run.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { EXAMPLE, FREE_SIDECAR_PORTS, Heddle, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const heddle = new Heddle();
const kubectl = findComponent("kubectl");
const hasEnvoy = findComponent("envoy") !== undefined;
const PROXIES = hasEnvoy ? ["heddle", "envoy"] : ["heddle"];
if (process.env.CI === "true" && !(hasEnvoy && kubectl)) throw new Error("tests of statuses need envoy and kubectl");

const FOLDER_RULE = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: of-the-folder, namespace: default }
spec:
  host: golden-signal
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
`;

/** No Envoy has such a filter, which Envoy alone can say. */
const REFUSED = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: nowhere, namespace: default }
spec:
  configPatches:
    - applyTo: HTTP_FILTER
      match: { context: SIDECAR_OUTBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } } }
      patch: { operation: INSERT_FIRST, value: { name: nowhere, typed_config: { "@type": type.googleapis.com/com.example.Nowhere } } }
`;

/** Hides every service but its own; nothing of any resource comes from it alone. */
const SIDECAR = `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: narrow, namespace: default }
spec: { workloadSelector: { labels: { app: of-heddle } }, egress: [{ hosts: ["./*"] }] }
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: quiet, namespace: default }
spec: { selector: { matchLabels: { app: of-heddle } }, accessLogging: [{ disabled: true }] }
`;

beforeAll(async () => {
  const folder = join(heddle.folder, "config");
  mkdirSync(folder);
  writeFileSync(join(folder, "rule.yaml"), FOLDER_RULE);
  await heddle.up(["--config", folder]);
  heddle.runExample("app.ts", "golden-signal", "v1", ["--port", freePort()]);
  for (const proxy of PROXIES) {
    const options = ["--name", `of-${proxy}`, "--version", "v1", "--drain-time", "0s", "--proxy", proxy];
    heddle.start(["run", ...options, ...FREE_SIDECAR_PORTS, "--", "sleep", "600"]);
  }
  for (const proxy of PROXIES) await until(async () => /SYNCED/.test(await statusLine(`of-${proxy}-v1`)));
  await until(async () => /SYNCED/.test(await statusLine("golden-signal-v1")));
}, LIMIT_MS);

afterAll(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

function freePort(): string {
  const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const port = String(free.port);
  free.stop(true);
  return port;
}

async function statusLine(name: string, ...args: string[]): Promise<string> {
  const { stdout } = await heddle.call(["ps", ...args]);
  return stdout.split("\n").find((line) => new RegExp(`^${name}-\\w+\\.default `).test(line)) ?? "";
}

function file(content: string): string {
  const path = join(heddle.folder, `${Bun.hash(content).toString(36)}.yaml`);
  writeFileSync(path, content);
  return path;
}

async function k(...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH ?? "", HOME: heddle.folder };
  const child = Bun.spawn([kubectl!, "--server", heddle.note.api, ...args], { env, stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`kubectl ${args.join(" ")}: ${err}`);
  return out;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

async function conditionOf(kind: string, name: string, type: string): Promise<Condition & { generation: number }> {
  const { metadata, status } = JSON.parse(await k("get", kind, name, "-o", "json"));
  const found = status?.conditions?.find((condition: Condition) => condition.type === type);
  return { ...found, generation: metadata.generation };
}

describe.skipIf(!kubectl)("kubectl", () => {
  test(
    "shows the conditions, waits for them, and their generation moves with an edit",
    async () => {
      await k("apply", "-f", join(EXAMPLE, "virtualservice.yaml"));
      expect(await k("wait", "--for=condition=Programmed", "vs/golden-signal", "--timeout=30s")).toContain(
        "condition met",
      );
      const yaml = await k("get", "vs", "golden-signal", "-o", "yaml");
      for (const type of ["Accepted", "Programmed", "Reconciled", "Conflicted"])
        expect(yaml).toContain(`type: ${type}`);
      const before = await conditionOf("vs", "golden-signal", "Programmed");
      expect(before.observedGeneration).toBe(before.generation);
      const edit = '{"spec":{"hosts":["golden-signal","other"]}}';
      await k("patch", "vs", "golden-signal", "--type=merge", "-p", edit);
      await until(async () => {
        const { generation, observedGeneration, status } = await conditionOf("vs", "golden-signal", "Programmed");
        return generation === before.generation + 1 && observedGeneration === generation && status === "True";
      });
    },
    LIMIT_MS,
  );

  test(
    "hears of an edit a few times, and of what it says itself never again",
    async () => {
      const env = { PATH: process.env.PATH ?? "", HOME: heddle.folder };
      const args = ["get", "vs", "golden-signal", "--watch-only", "-o", "name"];
      const watch = Bun.spawn([kubectl!, "--server", heddle.note.api, ...args], { env, stdout: "pipe" });
      let events = "";
      void (async () => {
        const decoder = new TextDecoder();
        for await (const chunk of watch.stdout) events += decoder.decode(chunk);
      })();
      const heard = () => events.split("\n").length - 1;
      // Until the watch is open, edits are made that it may miss.
      let count = 0;
      await until(async () => {
        await k("annotate", "vs", "golden-signal", "--overwrite", `seen=${count++}`);
        return heard() > 0;
      });
      await k("patch", "vs", "golden-signal", "--type=merge", "-p", '{"spec":{"hosts":["golden-signal","third"]}}');
      await until(async () => {
        const { generation, observedGeneration, status } = await conditionOf("vs", "golden-signal", "Programmed");
        return observedGeneration === generation && status === "True";
      });
      const settled = heard();
      // The annotations, the edit, and what is said of it: pending on its way, and programmed.
      expect(settled).toBeLessThanOrEqual(count + 8);
      // Another object's status is written meanwhile: nothing of it comes back.
      await k("apply", "-f", join(EXAMPLE, "peerauthentication.yaml"));
      await k("wait", "--for=condition=Programmed", "peerauthentication/default", "--timeout=30s");
      expect(heard()).toBeLessThanOrEqual(settled + 1);
      watch.kill();
      await watch.exited;
    },
    LIMIT_MS,
  );

  test.skipIf(!hasEnvoy)(
    "is told in the proxy's words of what it refuses",
    async () => {
      await k("apply", "-f", file(REFUSED));
      await until(async () => (await conditionOf("envoyfilter", "nowhere", "Programmed")).reason === "Refused");
      const { status, message } = await conditionOf("envoyfilter", "nowhere", "Programmed");
      expect(status).toBe("False");
      expect(message).toMatch(/^0 of 1 proxy; default\/of-envoy-v1-\w+ refused lds /);
      expect(message).toContain("com.example.Nowhere");
      const wide = await statusLine("of-envoy-v1", "-o", "wide");
      expect(wide).toContain("ERROR");
      const { stdout, code } = await heddle.call(["ps", "of-envoy-v1"]);
      expect(stdout).toContain("Clusters Match");
      expect(stdout).toContain("Listeners Don't Match");
      expect(stdout).toContain("com.example.Nowhere");
      expect(code).toBe(79);
      await k("delete", "envoyfilter", "nowhere");
      await until(async () => (await heddle.call(["ps", "of-envoy-v1"])).code === 0);
    },
    LIMIT_MS,
  );
});

test(
  "what no resource shows is programmed where it holds",
  async () => {
    await heddle.call(["apply", "-f", file(SIDECAR)]);
    for (const [kind, name] of [
      ["sidecar", "narrow"],
      ["telemetry", "quiet"],
    ] as const)
      await until(async () => {
        const { status } = (await heddle.getObject(kind, name)) as { status?: { conditions?: readonly Condition[] } };
        return (
          status?.conditions?.some(({ type, message }) => type === "Programmed" && message === "1 of 1 proxy") ?? false
        );
      });
    expect((await heddle.call(["delete", "-f", file(SIDECAR)])).code).toBe(0);
  },
  LIMIT_MS,
);

test(
  "objects of the watched folder are shown with what is said of them",
  async () => {
    const { stdout } = await heddle.call(["get", "destinationrules"]);
    expect(stdout).toMatch(/^of-the-folder /m);
    const object = (await heddle.getObject("dr", "of-the-folder")) as {
      status: { conditions: readonly Condition[] };
    };
    expect(object.status.conditions).toMatchObject([
      { type: "Accepted", status: "True" },
      { type: "Programmed", status: "True", reason: "Programmed" },
      { type: "Reconciled" },
      { type: "Conflicted", status: "False" },
    ]);
    expect((await heddle.call(["get", "dr", "nobody"])).code).toBe(1);
  },
  LIMIT_MS,
);

describe("proxy-status", () => {
  test(
    "a server runs what it is to have",
    async () => {
      await until(async () => (await heddle.call(["ps", "golden-signal-v1"])).code === 0);
    },
    LIMIT_MS,
  );

  test.each(PROXIES)(
    "%s runs what it is to have, or says what it does not",
    async (proxy) => {
      const name = `of-${proxy}-v1`;
      expect(await statusLine(name)).toMatch(
        new RegExp(`^${name}-\\w+\\.default +\\S+ +\\S+ +${proxy} \\S+ +\\d \\(CDS,LDS,EDS`),
      );
      await until(async () => (await heddle.call(["ps", name])).code === 0);
      const { stdout } = await heddle.call(["ps", name]);
      expect(stdout.trimEnd().split("\n")).toEqual(
        ["Clusters", "Listeners", "Routes", "Virtual hosts", "Endpoints"].map((what) => `${what} Match`),
      );
      const { stdout: bootstrap } = await heddle.call(["pc", "bootstrap", name]);
      const { port_value: port } = JSON.parse(bootstrap).bootstrap.admin.address.socket_address;
      const dump = await fetch(`http://127.0.0.1:${port}/config_dump?include_eds`).then((response) => response.text());
      writeFileSync(join(heddle.folder, `${proxy}.json`), dump);
      expect((await heddle.call(["ps", "-f", `${proxy}.json`])).code).toBe(0);
      const bare = await fetch(`http://127.0.0.1:${port}/config_dump`).then((response) => response.text());
      writeFileSync(join(heddle.folder, `${proxy}-bare.json`), bare);
      const refused = await heddle.call(["ps", "-f", `${proxy}-bare.json`]);
      expect(refused).toMatchObject({ code: 65, stderr: expect.stringContaining("config_dump?include_eds") });
      const other = dump.replaceAll("golden-signal.default.svc", "golden-signal.elsewhere.svc");
      writeFileSync(join(heddle.folder, `${proxy}-other.json`), other);
      const { code, stdout: said } = await heddle.call(["ps", name, "-f", `${proxy}-other.json`, "-o", "json"]);
      expect(code).toBe(79);
      const [clusters] = JSON.parse(said);
      expect(clusters.title).toBe("Clusters");
      expect(clusters.differences.map(({ kind }: { kind: string }) => kind).sort()).toContain("missing");
    },
    LIMIT_MS,
  );

  test(
    "refuses what it does not know",
    async () => {
      expect(await heddle.call(["ps", "of-heddl-v1"])).toMatchObject({ code: 1 });
      expect((await heddle.call(["ps", "of-heddl-v1"])).stderr).toContain("try: of-heddle-v1");
      writeFileSync(join(heddle.folder, "nothing.json"), "{}");
      expect(await heddle.call(["ps", "-f", "nothing.json"])).toMatchObject({ code: 65 });
      expect((await heddle.call(["ps", "quark"])).stderr).toContain("try: one of default/");
      expect(JSON.parse((await heddle.call(["ps", "-o", "json"])).stdout)[0].types.cds).toBe("SYNCED");
      expect((await heddle.call(["ps", "-o", "yaml"])).stdout).toContain("types:");
      const [verbose] = (await heddle.call(["ps", "-v", "1"])).stdout.split("\n");
      expect(verbose).toMatch(/ CDS +LDS +EDS +RDS +ECDS /);
      expect((await heddle.call(["ps", "-v", "2"])).code).toBe(64);
    },
    LIMIT_MS,
  );
});

test(
  "describe tells of the running mesh, with what is said of each object",
  async () => {
    const { stdout, code } = await heddle.call(["x", "describe", "workload", "golden-signal-v1"]);
    expect(code).toBe(0);
    expect(stdout).toContain("this proxy has acknowledged all that it is to have");
    expect(stdout).toContain("DestinationRule default/of-the-folder: Programmed: ");
    expect(stdout).toContain("IST0173 DestinationRule default/of-the-folder");
    const json = JSON.parse((await heddle.call(["describe", "svc", "golden-signal", "-o", "json"])).stdout);
    expect(json.ports[0].endpoints).toMatchObject([
      { workload: expect.stringMatching(/^default\/golden-signal-v1-\w+$/), subsets: ["v1"] },
    ]);
    expect((await heddle.call(["describe", "pod", "golden-signal-v3"])).code).toBe(1);
    expect((await heddle.call(["explain", "--from", "golden-signal-v3", "http://golden-signal/"])).code).toBe(1);
  },
  LIMIT_MS,
);
