// An application that was told nothing, behind either proxy. Runs where capture.test.ts starts it: on a machine of its own.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { resource } from "../../src/kube/resources.ts";
import { eventually, TestMesh } from "../traffic/mesh.ts";
import { type Captured, runCaptured } from "./captured.ts";
import { MACHINE_ADDRESS, OTHER_HOST, startOtherHost } from "./own-machine.ts";

setDefaultTimeout(30_000);

const APPLICATION = join(import.meta.dir, "../traffic/application.ts");
/** 7071 and 7072 are no Service's: they are reached at the workload's own address. */
const ECHO = `
  const socket = {data(socket, data) { socket.write("echo:" + data) }};
  for (const [hostname, port] of [["127.0.0.1", 7070], ["0.0.0.0", 7071], ["0.0.0.0", 7072]]) Bun.listen({hostname, port, socket});`;

/** To the echo of the mesh. */
const SAY_HELLO = `
  const socket = await Bun.connect({hostname: "echo", port: 7000, socket: {
    data(socket, data) { console.log(data.toString()); process.exit(0) },
    close() { process.exit(2) },
  }});
  socket.write("hello");
  setTimeout(() => process.exit(3), 5000);`;

/** Where nobody is (RFC 5737). */
const NOBODY = "203.0.113.9";

const hasEnvoy = findComponent("envoy") !== undefined;

/** Prints what comes back from the address and port given. */
const SEND_DATAGRAM = `
  const [, address, port] = process.argv;
  const socket = await Bun.udpSocket({socket: {data(socket, bytes) { console.log(bytes.toString()); process.exit(0) }}});
  socket.send("hello", Number(port), address);
  setTimeout(() => process.exit(3), 5000);`;

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

/** In the mesh under an address of its own, and to be found by DNS. */
const PARTNER = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: partner, namespace: default}
spec:
  hosts: [partner.example]
  addresses: [240.240.99.1]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{number: 80, name: http, protocol: HTTP}]
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

/** Of the echo's ports. */
const portPolicy = (mode: string, port: number, portMode: string) => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: echo, namespace: default}
spec: {selector: {matchLabels: {app: echo}}, mtls: {mode: ${mode}}, portLevelMtls: {${port}: {mode: ${portMode}}}}
`;

/** What comes back from a neighbour without a sidecar; nothing, when the connection is refused or ends. */
async function echoed(address: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(resolve, 5_000, "silence");
  await Bun.connect({
    hostname: address,
    port,
    socket: {
      open: (socket) => void socket.write("hello"),
      data(socket, data) {
        resolve(data.toString());
        socket.end();
      },
      close: () => resolve(""),
      error: () => resolve(""),
    },
  }).catch(() => resolve(""));
  return promise.finally(() => clearTimeout(timer));
}

/** Status and body, or the error's code. */
function outcome(url: string): Promise<string> {
  return fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    async (response) => `${response.status} ${await response.text()}`,
    (error) => String(error.code),
  );
}

for (const proxy of ["heddle", "envoy"] as readonly ProxyKind[]) {
  const lacks = proxy === "envoy" && !hasEnvoy ? " (needs envoy)" : "";
  describe.skipIf(lacks !== "")(`captured with ${proxy}${lacks}`, () => {
    let mesh: TestMesh;
    let client: Captured;
    let server: Captured;
    let echo: Captured;
    /** The machine's own address on the bridge: a neighbour without a sidecar. */
    let neighbour: string;
    const workloads: Captured[] = [];
    let otherHost: Bun.Subprocess;

    const curl = (url: string) => client.exec("curl", "--silent", "--max-time", "5", url);

    beforeAll(async () => {
      otherHost = await startOtherHost();
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
      [server, , echo, client] = await Promise.all([
        golden("v1", 8080),
        golden("v2", 8080),
        start("echo", "v1", ["tcp", 7070], [process.execPath, "-e", ECHO]),
        start("client", "v1", undefined, ["sleep", "300"]),
      ]);
      neighbour = `${client.address.split(".").slice(0, 2).join(".")}.0.1`;
      // Of thirty requests at 20 %, all pass v2 by in one run of 800: so they tell that both versions are known here.
      await eventually(
        async () =>
          (await Promise.all(Array.from({ length: 30 }, () => curl("http://golden-signal/")))).map(
            ({ output }) => output,
          ),
        (outputs) => outputs.every((output) => output.startsWith("{")),
      );
    }, 60_000);

    afterAll(async () => {
      await Promise.all(workloads.map((workload) => workload.stop()));
      await mesh?.stop();
      otherHost?.kill();
      expect(readdirSync("/etc/netns")).toEqual([]);
    }, 30_000);

    test("a plain URL leads through mutual TLS to the application", async () => {
      const { output } = await curl("http://golden-signal/some/path");
      const { path, headers } = JSON.parse(output) as { path: string; headers: Record<string, string> };
      expect(path).toBe("/some/path");
      expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://cluster.local/ns/default/sa/client");
      expect(headers["x-forwarded-client-cert"]).toContain("By=spiffe://cluster.local/ns/default/sa/golden-signal");
    });

    test("what a workload leaves out goes and comes past its proxy", async () => {
      const nothing = {
        outboundRanges: undefined,
        excludedOutboundRanges: [],
        outboundPorts: [],
        excludedOutboundPorts: [],
        inboundPorts: undefined,
        excludedInboundPorts: [],
      };
      const { output: address } = await client.exec("getent", "ahostsv4", "golden-signal");
      const virtual = /^(\S+)/.exec(address)?.[1] ?? "";
      const code = async () => (await curl("http://golden-signal/")).code;
      expect(await code()).toBe(0);
      // Nobody but the proxy knows where a virtual address leads.
      for (const scope of [
        { excludedOutboundPorts: [80] },
        { excludedOutboundRanges: [virtual] },
        { outboundRanges: [] },
      ]) {
        client.capture.narrow({ ...nothing, ...scope });
        expect(await code()).not.toBe(0);
      }
      client.capture.narrow({ ...nothing, outboundRanges: ["192.0.2.0/24"], outboundPorts: [80] });
      expect(await code()).toBe(0);
      client.capture.narrow(nothing);
      expect(await code()).toBe(0);
      // The application listens on its loopback interface alone: without the redirection nobody is at its address.
      const direct = () => outcome(`http://${server.address}:8080/`);
      expect(await direct()).toBe("ECONNRESET");
      for (const scope of [{ excludedInboundPorts: [8080] }, { inboundPorts: [9999] }]) {
        server.capture.narrow({ ...nothing, ...scope });
        expect(await direct()).toBe("ECONNREFUSED");
      }
      server.capture.narrow(nothing);
      expect(await direct()).toBe("ECONNRESET");
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
      const address = async () => /^(\S+)/.exec((await client.exec("getent", "ahostsv4", "late")).output)?.[1];
      expect(await address()).toBeUndefined();
      await mesh.apply(service("late", "{port: 80}"));
      expect(await eventually(address, (found) => found !== undefined)).toMatch(/^240\.242\.\d+\.\d+$/);
      await mesh.controlPlane.api.delete(resource.services, { namespace: "default", name: "late" });
      expect(await eventually(address, (found) => found === undefined)).toBeUndefined();
    });

    test("whoever is asked, the mesh's names are the mesh's, and the others the machine's resolvers'", async () => {
      const script = `
        import {Resolver} from "node:dns/promises";
        const resolver = new Resolver({timeout: 5000, tries: 1});
        if (process.argv[1]) resolver.setServers([process.argv[1]]);
        const ask = (kind, name) => resolver[kind](name).then((found) => found, (error) => error.code);
        console.log(JSON.stringify({
          mesh: await ask("resolve4", "Golden-Signal.default.svc.cluster.local"),
          otherFamily: await ask("resolve6", "golden-signal.default.svc.cluster.local"),
          noService: await ask("resolve4", "nobody.default.svc.cluster.local"),
          outside: await ask("resolve4", "outside.example"),
          outsideOtherFamily: await ask("resolve6", "outside.example"),
          nowhere: await ask("resolve4", "nowhere.example"),
          byTcp: (await ask("resolveTxt", "outside.example")).length,
        }));`;
      for (const server of ["", "8.8.8.8"]) {
        // Node, whose resolver tells a name without such a record from no name; Bun's does not.
        const { output } = await client.exec("node", "--input-type=module", "-e", script, server);
        expect(JSON.parse(output)).toEqual({
          mesh: [expect.stringMatching(/^240\.242\./)],
          otherFamily: "ENODATA",
          noService: "ENOTFOUND",
          outside: [OTHER_HOST],
          outsideOtherFamily: "ENODATA",
          nowhere: "ENOTFOUND",
          byTcp: 8,
        });
      }
    });

    test("the machine's search domains count, behind the mesh's", async () => {
      const { output } = await client.exec("getent", "ahostsv4", "outside");
      expect(output).toStartWith(OTHER_HOST);
    });

    test("bytes find their service by its virtual address", async () => {
      const { output } = await eventually(
        () => client.exec(process.execPath, "-e", SAY_HELLO),
        ({ code }) => code === 0,
      );
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

    test("other hosts are reached through the proxy, by the machine's address", async () => {
      for (const host of ["outside.example", "outside.example:8888", OTHER_HOST, `${OTHER_HOST}:8888`]) {
        const { output } = await curl(`http://${host}/`);
        expect(JSON.parse(output)).toEqual({ from: MACHINE_ADDRESS, host });
      }
    });

    test("a host of the mesh that is outside of it is where the machine's resolvers say", async () => {
      await mesh.apply(PARTNER);
      const { output: addresses } = await eventually(
        () => client.exec("getent", "ahostsv4", "partner.example"),
        ({ output }) => output.startsWith("240."),
      );
      expect(addresses).toStartWith("240.240.99.1 ");
      const { output } = await eventually(
        () => curl("http://partner.example/"),
        (result) => result.output.startsWith("{"),
      );
      expect(JSON.parse(output)).toEqual({ from: MACHINE_ADDRESS, host: "partner.example" });
    });

    test("a port that no service has leads nowhere, and not out of the machine", async () => {
      const vip = (await client.exec("getent", "ahostsv4", "echo")).output.split(" ")[0];
      expect(vip).toStartWith("240.242.");
      const timedOut = 28;
      expect((await curl(`http://${vip}:7/`)).code).not.toBeOneOf([0, timedOut]);
    });

    test("with ALLOW_ANY_DYNAMIC_DNS the Host says where requests go, and bytes go where they were going", async () => {
      const name = { namespace: "istio-system", name: "istio" };
      await mesh.apply(`
apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}"}`);
      const asked = (host: string, port: number) =>
        client.exec("curl", "--silent", "--max-time", "5", "--header", `host: ${host}`, `http://${NOBODY}:${port}/`);
      // Port 80 is shared with services, 8888 is nobody's.
      for (const [host, port] of [
        ["outside.example", 80],
        ["outside.example:8888", 8888],
        [`${OTHER_HOST}:8888`, 8888],
      ] as const) {
        const { output } = await eventually(
          () => asked(host, port),
          ({ output }) => output.startsWith("{"),
        );
        expect(JSON.parse(output)).toEqual({ from: MACHINE_ADDRESS, host });
      }
      expect((await client.exec(process.execPath, "-e", SAY_HELLO)).output.trim()).toBe("echo:hello");
      await mesh.controlPlane.api.delete(resource.configMaps, name);
      await eventually(
        () => asked("outside.example:8888", 8888),
        ({ code }) => code !== 0,
      );
    });

    test("datagrams pass by unharmed", async () => {
      const { output } = await client.exec(process.execPath, "-e", SEND_DATAGRAM, OTHER_HOST, "9999");
      expect(output.trim()).toBe(`${MACHINE_ADDRESS} said hello`);
    });

    test("programs on the machine's loopback interface have a name", async () => {
      const local = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("the machine's own") });
      try {
        expect((await curl(`http://host.heddle.internal:${local.port}/`)).output).toBe("the machine's own");
        // The workload's own loopback interface has no such program.
        expect((await curl(`http://127.0.0.1:${local.port}/`)).code).not.toBe(0);
      } finally {
        await local.stop(true);
      }
    });

    test("a service whose sidecar listens on the machine's loopback interface is reached by mutual TLS", async () => {
      await mesh.run({ app: "beside", version: "v1", proxy });
      const { output } = await eventually(
        () => curl("http://beside/"),
        (result) => result.output.startsWith("{"),
      );
      const { headers } = JSON.parse(output) as { headers: Record<string, string> };
      expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://cluster.local/ns/default/sa/client");
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

    test("a port that no Service has takes plaintext as portLevelMtls says of it", async () => {
      const { address } = echo;
      const becomes = (port: number, text: string) =>
        eventually(
          () => echoed(address, port),
          (heard) => heard === text,
        );
      expect([await echoed(address, 7071), await echoed(address, 7072)]).toEqual(["", ""]);
      await mesh.apply(portPolicy("STRICT", 7071, "DISABLE"));
      expect(await becomes(7071, "echo:hello")).toBe("echo:hello");
      expect(await echoed(address, 7072)).toBe("");
      await mesh.apply(portPolicy("PERMISSIVE", 7071, "STRICT"));
      expect(await becomes(7072, "echo:hello")).toBe("echo:hello");
      expect(await becomes(7071, "")).toBe("");
      await mesh.controlPlane.api.delete(resource.peerAuthentications, { namespace: "default", name: "echo" });
      expect(await becomes(7072, "")).toBe("");
    });

    test("the agent's port answers at the workload's address", async () => {
      expect(await outcome(`http://${client.address}:15020/healthz/ready`)).toStartWith("200");
      const metrics = await outcome(`http://${client.address}:15020/stats/prometheus`);
      expect(metrics).toContain('istio_requests_total{reporter="source",source_workload="client-v1"');
    });
  });
}
