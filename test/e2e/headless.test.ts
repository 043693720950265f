// A headless service, captured: who dials one of its endpoints reaches that one, and over mutual TLS.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { eventually, TestMesh } from "../traffic/mesh.ts";
import { type Captured, runCaptured } from "./captured.ts";

setDefaultTimeout(30_000);

const isRoot = process.platform === "linux" && process.geteuid?.() === 0;
const missing = [
  ...(isRoot ? [] : ["root on Linux"]),
  ...(["ip", "iptables"] as const).filter((tool) => findComponent(tool) === undefined),
];
const hasEnvoy = findComponent("envoy") !== undefined;
if (isRoot && process.env.CI === "true" && (missing.length > 0 || !hasEnvoy))
  throw new Error(`headless tests need envoy, ${missing.join(", ")}`);

const BASE = `
apiVersion: v1
kind: Service
metadata: {name: db, namespace: default}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: tcp, port: 5432, targetPort: 15432}, {name: http, port: 80, targetPort: 18080}]}
---
apiVersion: v1
kind: Service
metadata: {name: peers, namespace: default}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: http, port: 81, targetPort: 18081}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: peers, namespace: default}
spec: {host: peers, subsets: [{name: first, labels: {version: "0"}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: peers, namespace: default}
spec:
  hosts: [peers]
  http:
  - match: [{uri: {prefix: /first}}]
    route: [{destination: {host: peers, subset: first}, headers: {response: {set: {x-by: first}}}}]
  - route: [{destination: {host: peers}}]
---
apiVersion: v1
kind: Service
metadata: {name: data, namespace: default}
spec: {type: ExternalName, externalName: db.default.svc.cluster.local}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: default}
spec: {mtls: {mode: STRICT}}
`;

/** Says its name before it is asked anything, and to requests. */
const server = (name: string) => [
  process.execPath,
  "-e",
  `Bun.listen({hostname: "127.0.0.1", port: 15432, socket: {open(socket) { socket.end("${name}\\n") }, data() {}}});
   for (const port of [18080, 18081]) Bun.serve({hostname: "127.0.0.1", port, fetch: () => new Response("${name}\\n")})`,
];

/** Prints what the server at that place says, or why it says nothing. */
const ASK = `
const socket = require("node:net").connect(Number(process.argv[2]), process.argv[1]);
socket.setTimeout(5000, () => socket.destroy(new Error("silent")));
socket.on("error", ({ message }) => console.log(message));
socket.pipe(process.stdout);
`;

/** Prints what the server at that place answers to a request for that host. */
const REQUEST = `
const [host, port, named, path = "/"] = process.argv.slice(1);
const options = { host, port: Number(port), path, headers: { host: named }, timeout: 5000 };
require("node:http").get(options, (response) => (process.stdout.write(response.headers["x-by"] ?? ""), response.pipe(process.stdout))).on("error", ({ message }) => console.log(message));
`;

for (const proxy of ["heddle", "envoy"] as readonly ProxyKind[]) {
  const lacks = [...missing, ...(proxy === "envoy" && !hasEnvoy ? ["envoy"] : [])];
  const needs = lacks.length === 0 ? "" : ` (needs ${lacks.join(", ")})`;
  describe.skipIf(needs !== "")(`a headless service captured with ${proxy}${needs}`, () => {
    let mesh: TestMesh;
    let client: Captured;
    let members: readonly (readonly [name: string, member: Captured])[];
    const workloads: Captured[] = [];

    const ask = async (host: string, port: number) =>
      (await client.exec(process.execPath, "-e", ASK, host, String(port))).output.trim();

    beforeAll(async () => {
      mesh = await TestMesh.start();
      await mesh.apply(BASE);
      const start = async (app: string, version: string, command: readonly string[]) => {
        const port = app === "db" ? { port: ["tcp", 15432] as const, hostname: `db-${version}` } : {};
        const workload = await runCaptured(mesh, { app, version, proxy, command, ...port });
        workloads.push(workload);
        return workload;
      };
      const [db0, db1, caller] = await Promise.all([
        start("db", "0", server("db-0")),
        start("db", "1", server("db-1")),
        start("client", "v1", ["sleep", "300"]),
      ]);
      members = [
        ["db-0", db0],
        ["db-1", db1],
      ];
      client = caller;
    }, 60_000);

    afterAll(async () => {
      await Promise.all(workloads.map((workload) => workload.stop()));
      await mesh?.stop();
    }, 30_000);

    test("each endpoint is reached by its address, at its own port and at the service's, though plaintext is refused", async () => {
      for (const [name, { address }] of members)
        for (const port of [15432, 5432]) {
          const said = () => ask(address, port);
          expect([address, port, await eventually(said, (answer) => answer === name)]).toEqual([address, port, name]);
        }
    });

    test("its name stands for its endpoints", async () => {
      const said = () => ask("db", 15432);
      expect(await eventually(said, (answer) => answer.startsWith("db-"))).toMatch(/^db-[01]$/);
    });

    test("an endpoint is called by its own name, by bytes and by requests", async () => {
      for (const [name] of members) {
        const bytes = () => ask(`${name}.db`, 5432);
        expect(await eventually(bytes, (answer) => answer === name)).toBe(name);
        const url = `http://${name}.db.default.svc.cluster.local/`;
        const request = async () =>
          (
            await client.exec(process.execPath, "-e", `console.log(await (await fetch("${url}")).text())`)
          ).output.trim();
        for (let i = 0; i < 4; i++) expect(await eventually(request, (answer) => answer === name)).toBe(name);
      }
    });

    test("a request goes to the endpoint that was dialled, whose name nobody knows, and which names the service", async () => {
      for (const [name, { address }] of members)
        for (const [port, host] of [
          [81, "peers:81"],
          [81, "peers.default.svc.cluster.local:81"],
          [18081, "peers"],
          [81, "elsewhere.example.com"],
        ] as const) {
          const said = async () =>
            (await client.exec(process.execPath, "-e", REQUEST, address, String(port), host)).output.trim();
          // A balancer would alternate.
          for (let i = 0; i < 3; i++)
            expect([host, await eventually(said, (answer) => answer.startsWith("db-"))]).toEqual([host, name]);
        }
    });

    test("a route to a subset leads to the endpoint that was dialled, too, whatever its labels", async () => {
      for (const [name, { address }] of members) {
        const said = async () =>
          (await client.exec(process.execPath, "-e", REQUEST, address, "81", "peers", "/first")).output.trim();
        for (let i = 0; i < 3; i++)
          expect(await eventually(said, (answer) => answer === `first${name}`)).toBe(`first${name}`);
      }
    });

    test("a name that stands for it leads to its endpoints, too", async () => {
      for (const name of ["data", "data.default.svc.cluster.local"]) {
        const said = () => ask(name, 5432);
        expect(await eventually(said, (answer) => answer.startsWith("db-"))).toMatch(/^db-[01]$/);
      }
    });
  });
}
