// `heddle proxy-config` of proxies that run: Heddle's and Envoy tell the same in the same columns.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { EXAMPLE, FREE_SIDECAR_PORTS, Heddle, until } from "./heddle.ts";

const LIMIT_MS = 60_000;
const heddle = new Heddle();
const PROXIES = findComponent("envoy") === undefined ? ["heddle"] : ["heddle", "envoy"];
if (process.env.CI === "true" && PROXIES.length < 2) throw new Error("tests of heddle proxy-config need envoy");

const HOST = "golden-signal.default.svc.cluster.local";

function freePort(): string {
  const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const port = String(free.port);
  free.stop(true);
  return port;
}

beforeAll(async () => {
  await heddle.up();
  heddle.runExample("app.ts", "golden-signal", "v1", ["--port", freePort()]);
  for (const proxy of PROXIES) {
    const options = ["--name", `of-${proxy}`, "--version", "v1", "--drain-time", "0s", "--proxy", proxy];
    heddle.start(["run", ...options, ...FREE_SIDECAR_PORTS, "--", "sleep", "600"]);
  }
  await heddle.call(["apply", "-f", join(EXAMPLE, "destinationrule.yaml"), join(EXAMPLE, "virtualservice.yaml")]);
  await until(async () => (await heddle.call(["get", "pods"])).stdout.split(" 1/1 ").length === PROXIES.length + 2);
  for (const proxy of PROXIES)
    await until(async () => (await pc("c", `of-${proxy}-v1`, "--subset", "v1")).stdout.includes(HOST));
}, LIMIT_MS);

afterAll(async () => {
  await heddle.close();
  expect(heddle.leftovers()).toEqual([]);
}, LIMIT_MS);

const pc = (...args: string[]) => heddle.call(["proxy-config", ...args]);

/** Cells of a table's rows by its headings. */
function rowsOf(table: string): readonly Readonly<Record<string, string>>[] {
  const [heading = "", ...lines] = table.trimEnd().split("\n");
  const columns = [...heading.matchAll(/\S+(?: \S+)*\s*/g)].map(({ 0: text, index }) => ({
    name: text.trim(),
    from: index,
    to: index + text.length,
  }));
  return lines.map((line) =>
    Object.fromEntries(
      columns.map(({ name, from, to }, i) => [
        name,
        line.slice(from, i === columns.length - 1 ? undefined : to).trim(),
      ]),
    ),
  );
}

describe.each(PROXIES)("of %s", (proxy) => {
  const workload = `of-${proxy}-v1`;

  test("clusters", async () => {
    const { stdout, code } = await pc("clusters", workload, "--fqdn", HOST, "--subset", "v2");
    expect(code).toBe(0);
    expect(rowsOf(stdout)).toEqual([
      {
        "SERVICE FQDN": HOST,
        PORT: "80",
        SUBSET: "v2",
        DIRECTION: "outbound",
        TYPE: "EDS",
        "DESTINATION RULE": "golden-signal.default",
      },
    ]);
  });

  test("routes, with the object that they are of", async () => {
    const { stdout } = await pc("r", `default/${workload}`, "--name", "forwardProxy");
    const own = rowsOf(stdout).filter((row) => row["VHOST NAME"] === `forwardProxy/${HOST}:80`);
    expect(own.map((row) => row["VIRTUAL SERVICE"])).toContain("golden-signal.default");
  });

  test("listeners", async () => {
    const { stdout } = await pc("listener", `${workload}.default`);
    const forward = rowsOf(stdout).filter(({ DESTINATION }) => DESTINATION === "Route: forwardProxy");
    expect(forward.map(({ MATCH }) => MATCH)).toEqual(["ALL", "ALL"]);
  });

  test("endpoints, with their health", async () => {
    const { stdout } = await pc("ep", workload, "--cluster", `outbound|80|v1|${HOST}`);
    expect(rowsOf(stdout)).toMatchObject([{ STATUS: "HEALTHY", "OUTLIER CHECK": "OK" }]);
    expect((await pc("ep", workload, "--status", "UNHEALTHY")).stderr).toContain(
      "nothing of that kind with --status UNHEALTHY",
    );
    const [{ ENDPOINT = "" } = {}] = rowsOf(stdout);
    const [address = "", port = ""] = ENDPOINT.split(":");
    const { stdout: found } = await pc("ep", workload, "--address", address, "--port", port, "-o", "short");
    expect(found).toContain(`outbound|80|v1|${HOST}`);
  });

  test("secrets, without their keys", async () => {
    const { stdout } = await pc("secret", workload);
    const certificate = rowsOf(stdout).find((row) => row["RESOURCE NAME"] === "default");
    expect(certificate).toMatchObject({ TYPE: "Cert Chain", STATUS: "ACTIVE", "VALID CERT": "true" });
    expect((await pc("secret", workload, "-o", "json")).stdout).not.toContain("PRIVATE KEY");
  });

  test("the bootstrap, in JSON and YAML", async () => {
    const { stdout } = await pc("bootstrap", workload);
    expect(JSON.parse(stdout).bootstrap.node.metadata.WORKLOAD_NAME).toBe(workload);
    expect((await pc("b", workload, "-o", "yaml")).stdout).toStartWith("bootstrap:\n");
  });

  test("its statistics and clusters", async () => {
    expect((await pc("envoy-stats", workload)).stdout).toMatch(/^cluster\.\S+: \d+$/m);
    const { stats } = JSON.parse((await pc("stats", workload, "-o", "json")).stdout);
    expect(stats.length).toBeGreaterThan(10);
    expect((await pc("es", workload, "-o", "prom")).stdout).toMatch(/^# TYPE envoy_\S+ counter$/m);
    expect((await pc("es", workload, "--type", "clusters")).stdout).toContain("xds-grpc::");
    expect((await pc("es", workload, "--type", "clusters", "-o", "yaml")).stdout).toStartWith("cluster_statuses:\n");
  });

  test("endpoints as they were sent, and extensions, of which there are none", async () => {
    const { stdout } = await pc("eds", workload, "--cluster", `outbound|80||${HOST}`);
    expect(rowsOf(stdout)).toMatchObject([{ STATUS: "HEALTHY", "OUTLIER CHECK": "-" }]);
    expect(await pc("ecds", workload)).toEqual({ code: 0, stdout: "", stderr: "nothing of that kind\n" });
  });

  test("levels of its log, shown and set", async () => {
    const level = proxy === "envoy" ? "warning" : "error";
    const { stdout } = await pc("log", workload, "--level", level);
    expect(stdout).toContain("active loggers:");
    expect((await pc("log", workload)).stdout).toContain(`: ${level}`);
    await pc("log", workload, "--reset");
    expect((await pc("log", workload)).stdout).toMatch(/^active loggers:\n(?: +\S+: warning\n)+$/);
    const levels = new Set(Object.values(JSON.parse((await pc("log", workload, "-o", "json")).stdout).loggers));
    expect([...levels]).toEqual(["warning"]);
    const { code, stderr } = await pc("log", workload, "--level", "nobody:debug");
    expect(stderr).toMatch(/^error: the proxy at \S+ refuses \S+: unknown logger name\n$/);
    expect(code).toBe(64);
  });

  test("all of it, and a dump in the place of the proxy", async () => {
    const { stdout } = await pc("all", workload);
    for (const heading of ["SERVICE FQDN", "ADDRESSES", "VHOST NAME", "ENDPOINT", "RESOURCE NAME"])
      expect(stdout).toContain(heading);
    const { stdout: bootstrap } = await pc("b", workload);
    const { port_value: port } = JSON.parse(bootstrap).bootstrap.admin.address.socket_address;
    const admin = `127.0.0.1:${port}`;
    const dump = await fetch(`http://${admin}/config_dump?include_eds`).then((response) => response.text());
    writeFileSync(join(heddle.folder, "dump.json"), dump);
    const table = (await pc("c", workload)).stdout;
    expect((await pc("c", "--admin", admin)).stdout).toBe(table);
    expect((await pc("c", "-f", "dump.json")).stdout).toBe(table);
    expect((await pc("c", workload, "--proxy-admin-port", String(port))).stdout).toBe(table);
    expect((await pc("c", "--proxy-admin-port", String(port))).stdout).toBe(table);
    writeFileSync(join(heddle.folder, "all.json"), (await pc("all", workload, "-o", "json")).stdout);
    expect((await pc("c", "-f", "all.json")).stdout).toBe(table);
  });
});

test("istioctl's and kubectl's names of workloads, and where their pages are", async () => {
  const bootstrap = (await pc("b", "of-heddle-v1")).stdout;
  for (const names of [["deploy/of-heddle-v1"], ["deployment/of-heddle-v1.default"], ["of-heddle-v1", "-n", "default"]])
    expect((await pc("b", ...names)).stdout).toBe(bootstrap);
  expect((await pc("b", "of-heddle-v1", "-n", "shop")).code).toBe(1);
  expect((await heddle.call(["ps", "deploy/of-heddle-v1"])).stdout).toContain("Clusters Match");
  const { port_value: port } = JSON.parse(bootstrap).bootstrap.admin.address.socket_address;
  const page = await heddle.call(["dashboard", "envoy", "deploy/of-heddle-v1"]);
  expect(page).toEqual({ code: 0, stdout: `http://127.0.0.1:${port}\n`, stderr: "" });
  expect((await heddle.call(["dash"])).stdout).toBe(`${heddle.note.dashboard}\n`);
  expect((await heddle.call(["dashboard", "metrics"])).stdout).toBe(`${heddle.note.metrics}\n`);
  expect(await heddle.call(["dashboard", "kiali"])).toMatchObject({ code: 64 });
  expect(await heddle.call(["dashboard", "proxy"])).toMatchObject({ code: 64 });
});

test("versions, in istioctl's forms", async () => {
  const { stdout } = await heddle.call(["version", "--short"]);
  expect(stdout).toMatch(/^client {10}\S+\ncontrol plane {3}\S+\nproxies .*\(\d+\)\n/);
  expect((await heddle.call(["version", "--remote=false", "--short"])).stdout).toMatch(/^client {10}\S+\n$/);
  expect((await heddle.call(["version", "--remote"])).stdout).toContain("control plane");
  expect((await heddle.call(["version", "-o", "yaml"])).stdout).toMatch(
    /^client: \S+\nbun: \S+\ncontrolPlane: \S+\nproxies:\n/,
  );
});

describe("requests of of-heddle-v1", () => {
  /** Sends one after the other until `holds`. */
  async function calledUntil(holds: () => boolean | Promise<boolean>): Promise<void> {
    const { stdout } = await pc("l", "of-heddle-v1", "--type", "HTTP");
    const forward = rowsOf(stdout).find(
      ({ DESTINATION, ADDRESSES }) => DESTINATION === "Route: forwardProxy" && ADDRESSES === "127.0.0.1",
    );
    const proxy = `http://127.0.0.1:${forward?.PORT}`;
    await until(async () => {
      await fetch(`http://${HOST}/`, { proxy }).then((response) => response.text());
      return holds();
    });
  }

  test("are tapped by the workload's name", async () => {
    const tap = heddle.start(["tap", "of-heddle-v1", "--count", "1", "--method", "get", "-o", "json"]);
    await calledUntil(() => tap.stdout().includes("\n"));
    expect(await tap.exited).toBe(0);
    const { request } = JSON.parse(tap.stdout()).http_buffered_trace;
    expect(request.headers).toContainEqual({ key: ":authority", value: HOST });
  });

  test.each([
    ["a workload and an address", ["of-heddle-v1", "--admin", "127.0.0.1:1"], 64, "exclude each other"],
    ["nobody of that name", ["of-heddl-v1"], 1, "try: of-heddle-v1"],
    ["nobody of that namespace", ["of-heddle-v1", "-n", "shop"], 1, "no proxy of of-heddle-v1 was started here"],
    ["a status that is none", ["of-heddle-v1", "--status", "sick"], 64, "try: --status 503, 5xx or 400-499"],
    [
      "an address where nobody is",
      ["--admin", "127.0.0.1:1"],
      1,
      "no proxy answers at 127.0.0.1:1: connection refused",
    ],
    ["an Envoy", ["of-envoy-v1"], 1, "has no tap"],
  ] as const)("are not tapped: %s", async (_, args, exit, said) => {
    const { code, stderr } = await heddle.call(["tap", ...args]);
    expect(stderr).toContain(said);
    expect(code).toBe(exit);
  });

  test("tell heddle diff whom a policy would shut out, and a Service without its address changes nothing", async () => {
    const rules = (account: string) =>
      `rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/${account}]}}]}]`;
    const guard = (account: string) =>
      `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: guard}\nspec: {selector: {matchLabels: {app: golden-signal}}, ${rules(account)}}\n`;
    const service =
      "apiVersion: v1\nkind: Service\nmetadata: {name: golden-signal}\nspec: {ports: [{name: http, port: 80, targetPort: http}], selector: {app: golden-signal}}\n";
    const diff = (text: string) => {
      writeFileSync(join(heddle.folder, "change.yaml"), text);
      return heddle.call(["diff", "-f", "change.yaml", "-o", "json"]);
    };
    await calledUntil(async () => JSON.parse((await diff(service)).stdout).observedCallers > 0);
    const shutOut = await diff(guard("of-envoy"));
    expect(shutOut.code).toBe(79);
    expect(JSON.parse(shutOut.stdout).callers).toMatchObject([
      {
        namespace: "default",
        workload: "of-heddle-v1",
        service: HOST,
        requests: [{ effect: "loses access", after: { outcome: "reject", status: 403, authz: { decision: "deny" } } }],
      },
    ]);
    expect(JSON.parse((await diff(guard("of-heddle"))).stdout).callers).toEqual([]);
    expect(JSON.parse((await diff(service)).stdout)).toMatchObject({ proxies: [], callers: [] });
  });
});

test("two proxies of one mesh trust the same authorities", async () => {
  const { code, stdout } = await pc("rootca-compare", "of-heddle-v1", "of-envoy-v1");
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: "of-heddle-v1 and of-envoy-v1 trust the same authorities: each takes the other's certificate\n",
  });
});

describe("bad input", () => {
  test.each([
    ["a workload that was not started here", ["c", "of-heddl-v1"], 1, "try: of-heddle-v1"],
    ["a type that is none", ["clutsers", "of-heddle-v1"], 64, "try: clusters"],
    ["nobody", ["c"], 64, "whose configuration?"],
    ["two of which one would do", ["c", "of-heddle-v1", "of-envoy-v1"], 64, "one workload is enough"],
    ["one of two", ["rootca-compare", "of-heddle-v1"], 64, "which two are compared?"],
    ["statistics of a file", ["stats", "-f", "no-dump.json"], 64, "statistics are a running proxy's"],
    ["statistics of listeners", ["stats", "of-heddle-v1", "--type", "http"], 64, "--type is none of server, clusters"],
    [
      "clusters as Prometheus has none",
      ["es", "of-heddle-v1", "--type", "clusters", "-o", "prom"],
      64,
      "no --output prom",
    ],
    ["routes as Prometheus has none", ["r", "of-heddle-v1", "-o", "prom"], 64, "--output prom is of statistics"],
    ["two", ["c", "of-heddle-v1", "-f", "x.json"], 64, "exclude each other"],
    ["an address where nobody is", ["c", "--admin", "127.0.0.1:1"], 1, "no proxy answers at 127.0.0.1:1"],
    ["a file that is no dump", ["c", "-f", "no-dump.json"], 65, "is no configuration of a proxy"],
    ["a level that is none", ["log", "of-heddle-v1", "--level", "loud"], 64, "--level is none of trace, debug"],
    ["a level of nothing", ["log", "of-heddle-v1", "--level", "http:debug,info"], 64, "--level of what?"],
    ["a level and none", ["log", "of-heddle-v1", "--level", "info", "-r"], 64, "exclude each other"],
    ["an address that is none", ["c", "--admin", "localhost"], 64, "try: --admin 127.0.0.1:15000"],
    [
      "a filter of another type",
      ["ep", "of-heddle-v1", "--fqdn", "web"],
      64,
      "try: --port, --address, --cluster, --status",
    ],
    ["a filter of the bootstrap", ["b", "of-heddle-v1", "--port", "80"], 64, "--port chooses rows of tables"],
    ["a port that is none", ["c", "of-heddle-v1", "--port", "http"], 64, "--port is not a port"],
    [
      "a protocol that is none",
      ["l", "of-heddle-v1", "--type", "udp"],
      64,
      "--type is none of HTTP, TCP, server, clusters",
    ],
    ["a health that none has", ["ep", "of-heddle-v1", "--status", "UNHEALTY"], 64, "try: --status UNHEALTHY"],
    ["statistics' type of listeners", ["l", "of-heddle-v1", "--type", "server"], 64, "--type is none of HTTP, TCP"],
    ["levels of a file", ["log", "-f", "no-dump.json"], 64, "a running proxy's"],
  ] as const)("%s", async (_, args, exit, said) => {
    writeFileSync(join(heddle.folder, "no-dump.json"), "{}");
    const { code, stderr } = await pc(...args);
    expect(stderr).toContain(said);
    expect(code).toBe(exit);
  });
});
