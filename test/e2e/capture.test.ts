// Connections captured in network namespaces: an application that was told nothing, behind either proxy.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { Capture } from "../../src/agent/capture.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { resource } from "../../src/kube/resources.ts";
import { eventually, TestMesh } from "../traffic/mesh.ts";
import { type Captured, runCaptured } from "./captured.ts";

setDefaultTimeout(30_000);

const APPLICATION = join(import.meta.dir, "../traffic/application.ts");
const ECHO =
  'Bun.listen({hostname: "127.0.0.1", port: 7070, socket: {data(socket, data) { socket.write("echo:" + data) }}})';

const isRoot = process.platform === "linux" && process.geteuid?.() === 0;
const missing = [
  ...(isRoot ? [] : ["root on Linux"]),
  ...(["ip", "iptables", "curl"] as const).filter((tool) => findComponent(tool) === undefined),
];
const hasEnvoy = findComponent("envoy") !== undefined;
if (isRoot && process.env.CI === "true" && (missing.length > 0 || !hasEnvoy))
  throw new Error(`capture tests need envoy, ${missing.join(", ")}`);
const needs = missing.length === 0 ? "" : ` (needs ${missing.join(", ")})`;

const policy = (mode: string) => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: ${mode}}}
`;

const service = (name: string, port: string) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec: {selector: {app: ${name}}, ports: [${port}]}
`;

const BASE = [
  service("golden-signal", "{name: http, port: 80, targetPort: http}"),
  service("echo", "{name: tcp, port: 7000, targetPort: 7070}"),
  `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: golden-signal, namespace: default}
spec: {host: golden-signal, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
`,
  `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: golden-signal, namespace: default}
spec:
  hosts: [golden-signal]
  http:
  - route:
    - {destination: {host: golden-signal, subset: v1}, weight: 80}
    - {destination: {host: golden-signal, subset: v2}, weight: 20}
`,
  policy("STRICT"),
].join("---");

const namespaces = () => Bun.spawnSync([findComponent("ip")!, "netns", "list"]).stdout.toString();

/** Status and body, or the error's code. */
function outcome(url: string): Promise<string> {
  return fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    async (response) => `${response.status} ${await response.text()}`,
    (error) => String(error.code),
  );
}

for (const proxy of ["heddle", "envoy"] as readonly ProxyKind[]) {
  const lacks = proxy === "envoy" && !hasEnvoy ? " (needs envoy)" : needs;
  describe.skipIf(lacks !== "")(`captured with ${proxy}${lacks}`, () => {
    let mesh: TestMesh;
    let client: Captured;
    let server: Captured;
    /** The machine's own address on the bridge: a neighbour without a sidecar. */
    let neighbour: string;
    const workloads: Captured[] = [];

    const curl = (url: string) => client.exec("curl", "--silent", "--max-time", "5", url);

    beforeAll(async () => {
      mesh = await TestMesh.start();
      await mesh.apply(BASE);
      const start = async (app: string, version: string, port: [string, number] | undefined, command: string[]) => {
        const workload = await runCaptured(mesh, { app, version, proxy, command, ...(port && { port }) });
        workloads.push(workload);
        return workload;
      };
      const golden = (version: string, port: number) =>
        start("golden-signal", version, ["http", port], [process.execPath, APPLICATION, String(port), version]);
      // Two versions on one port, as in a cluster: each has a network of its own.
      [server, , , client] = await Promise.all([
        golden("v1", 8080),
        golden("v2", 8080),
        start("echo", "v1", ["tcp", 7070], [process.execPath, "-e", ECHO]),
        start("client", "v1", undefined, ["sleep", "300"]),
      ]);
      neighbour = `${client.address.split(".").slice(0, 2).join(".")}.0.1`;
      await eventually(
        () => curl("http://golden-signal/"),
        ({ output }) => output.startsWith("{"),
      );
    }, 60_000);

    afterAll(async () => {
      await Promise.all(workloads.map((workload) => workload.stop()));
      await mesh?.stop();
      for (const { capture } of workloads) expect(existsSync(capture.hostsFile)).toBe(false);
    }, 30_000);

    test("a plain URL leads through mutual TLS to the application", async () => {
      const { output } = await curl("http://golden-signal/some/path");
      const { path, headers } = JSON.parse(output) as { path: string; headers: Record<string, string> };
      expect(path).toBe("/some/path");
      expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://cluster.local/ns/default/sa/client");
      expect(headers["x-forwarded-client-cert"]).toContain("By=spiffe://cluster.local/ns/default/sa/golden-signal");
    });

    test("weights divide captured requests", async () => {
      const urls = Array.from({ length: 300 }, () => "http://golden-signal/");
      const { output } = await client.exec("curl", "--silent", "--max-time", "20", ...urls);
      const names = [...output.matchAll(/"name":"(v\d)"/g)].map(([, name]) => name);
      expect(names.length).toBe(300);
      const share = names.filter((name) => name === "v1").length / 3;
      expect(share).toBeGreaterThan(70);
      expect(share).toBeLessThan(90);
    });

    test("a service has its short name, those with its namespace, and its full one", async () => {
      for (const name of ["golden-signal", "golden-signal.default", "golden-signal.default.svc.cluster.local"]) {
        expect((await curl(`http://${name}/`)).output).toStartWith("{");
      }
    });

    test("names come and go with their services", async () => {
      // Not by asking a resolver: it would go on to ask DNS, which a namespace without a way out waits for.
      const address = async () =>
        /^(\S+) .*\blate\.default\.svc\b/m.exec((await client.exec("cat", "/etc/hosts")).output)?.[1];
      expect(await address()).toBeUndefined();
      await mesh.apply(service("late", "{port: 80}"));
      expect(await eventually(address, (found) => found !== undefined)).toMatch(/^240\.240\.\d+\.\d+$/);
      await mesh.controlPlane.api.delete(resource.services, { namespace: "default", name: "late" });
      expect(await eventually(address, (found) => found === undefined)).toBeUndefined();
    });

    test("bytes find their service by its virtual address", async () => {
      const script = `
        const socket = await Bun.connect({hostname: "echo", port: 7000, socket: {
          data(socket, data) { console.log(data.toString()); process.exit(0) },
          close() { process.exit(2) },
        }});
        socket.write("hello");
        setTimeout(() => process.exit(3), 5000);`;
      const say = () => client.exec(process.execPath, "-e", script);
      const { output } = await eventually(say, ({ code }) => code === 0);
      expect(output.trim()).toBe("echo:hello");
    });

    test("an address outside of the mesh is reached as it was dialled, through the proxy", async () => {
      const outside = Bun.serve({
        hostname: neighbour,
        port: 0,
        fetch: (request, server) =>
          Response.json({ from: server.requestIP(request)?.address, host: request.headers.get("host") }),
      });
      try {
        const { output } = await curl(`http://${neighbour}:${outside.port}/`);
        expect(JSON.parse(output)).toEqual({ from: client.address, host: `${neighbour}:${outside.port}` });
      } finally {
        await outside.stop(true);
      }
      const passed = async () =>
        (await outcome(`http://${client.address}:15020/stats/prometheus`)).includes(
          'destination_service_name="PassthroughCluster"',
        );
      expect(await eventually(passed, (counted) => counted)).toBe(true);
    });

    test("the redirection's own ports cannot be addressed", async () => {
      for (const port of [15_001, 15_006]) {
        expect(["ECONNRESET", "ConnectionRefused", "ECONNREFUSED"]).toContain(
          await outcome(`http://${server.address}:${port}/`),
        );
      }
    });

    test("plaintext from outside is refused under STRICT and taken under PERMISSIVE", async () => {
      const url = `http://${server.address}:8080/from-outside`;
      expect(await outcome(url)).toMatch(/^ECONN/);
      await mesh.apply(policy("PERMISSIVE"));
      const taken = await eventually(
        () => outcome(url),
        (text) => text.startsWith("200"),
      );
      expect(taken).toContain('"path":"/from-outside"');
      expect(taken).not.toContain("x-forwarded-client-cert");
      await mesh.apply(policy("STRICT"));
      await eventually(
        () => outcome(url),
        (text) => !text.startsWith("200"),
      );
      expect(await outcome(url)).toMatch(/^ECONN/);
    });

    test("the agent's port answers at the workload's address", async () => {
      expect(await outcome(`http://${client.address}:15020/healthz/ready`)).toStartWith("200");
      const metrics = await outcome(`http://${client.address}:15020/stats/prometheus`);
      expect(metrics).toContain('istio_requests_total{reporter="source",source_workload="client-v1"');
    });
  });
}

test.skipIf(missing.length > 0)(`what a killed process left behind is taken away by the next one${needs}`, async () => {
  const module = join(import.meta.dir, "../../src/agent/capture.ts");
  const script = `
    const {Capture} = await import(${JSON.stringify(module)});
    const capture = Capture.open({name: "killed", openPorts: []});
    Bun.spawn([...capture.application(["sleep", "300"])]);
    process.kill(process.pid, "SIGKILL");`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "ignore" });
  await child.exited;
  expect(namespaces()).toContain("heddle-killed");
  const capture = Capture.open({ name: "next", openPorts: [] });
  try {
    expect(namespaces()).not.toContain("heddle-killed");
    expect(existsSync("/etc/netns/heddle-killed")).toBe(false);
  } finally {
    capture.close();
  }
  expect(namespaces()).not.toContain("heddle-next");
});
