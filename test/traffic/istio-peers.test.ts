// Clients of this mesh before servers that Istio's own sidecar guards, as while one mesh takes over from the other: which chain of the server takes
// them says whether it knew them for its own.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { ByteClient } from "./byte-client.ts";
import { GrpcClient } from "./grpc-client.ts";
import { Http2Client } from "./http2-client.ts";
import { IstioServer, type ServedPort, type ServerMode } from "./istio-server.ts";
import { eventually, TestMesh } from "./mesh.ts";
import { buildPolyglot, POLYGLOT_PORTS, type PolyglotPort, polyglotCommand } from "./pair.ts";
import { content, MEBIBYTE, sha256 } from "./polyglot/content.ts";
import type { Seen } from "./polyglot/requests.ts";

setDefaultTimeout(30_000);

const NAMES = Object.keys(POLYGLOT_PORTS) as PolyglotPort[];
const MODES: readonly ServerMode[] = ["permissive", "strict"];
const DECLARED: Readonly<Record<PolyglotPort, ServedPort["declared"]>> = {
  http: "http",
  http2: "http2",
  grpc: "http2",
  tcp: "tcp",
  "tcp-greeter": "tcp",
  any: "undeclared",
};
const ISTIO = { "security.istio.io/tlsMode": "istio" };
const CLIENT = "spiffe://cluster.local/ns/default/sa/client";

const service = (name: string) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: default}
spec:
  selector: {app: ${name}}
  ports: [${NAMES.map((port) => `{name: ${port}, port: ${POLYGLOT_PORTS[port]}, targetPort: ${port}}`).join(", ")}]
---`;

const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: default}
spec: {selector: {matchLabels: {app: strict}}, mtls: {mode: STRICT}}`;

const destinationRule = (host: string, trafficPolicy: string, subsets = "") => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${host}, namespace: default}
spec: {host: ${host}, trafficPolicy: ${trafficPolicy}${subsets}}`;

const CLIENTS: readonly ProxyKind[] = findComponent("envoy") ? ["heddle", "envoy"] : [];

for (const proxy of CLIENTS)
  describe(`${proxy} before sidecars of Istio:`, () => {
    let mesh: TestMesh;
    let server: IstioServer;
    let stopApplication: () => void;
    /** Of the service of both meshes, what Istio's has. */
    let join: () => Promise<void>;
    const upstream: Record<string, number> = {};
    const portOf = (app: string, name: PolyglotPort): number => upstream[`${app}:${POLYGLOT_PORTS[name]}`]!;

    beforeAll(async () => {
      mesh = await TestMesh.start();
      const choose = () => mesh.book.choose(0);
      const program = await buildPolyglot(mesh.folder);
      const applications = NAMES.map(choose);
      const child = Bun.spawn([...polyglotCommand(program, applications)], { stdout: "ignore", stderr: "ignore" });
      stopApplication = () => child.kill("SIGKILL");
      const served = (app: string, mode: ServerMode, names: readonly PolyglotPort[]): ServedPort[] =>
        names.map((name) => ({
          name: `${app} ${name}`,
          port: choose(),
          application: applications[NAMES.indexOf(name)]!,
          declared: DECLARED[name],
          mode,
          ...(app === "old" && { maxVersion: "TLSv1_2" as const }),
        }));
      const ports = {
        permissive: served("permissive", "permissive", NAMES),
        strict: served("strict", "strict", NAMES),
        old: served("old", "strict", ["http"]),
        mixed: served("mixed", "strict", ["http"]),
      };
      // One process stands for all of them, under one account.
      server = await IstioServer.start(mesh.folder, mesh.identityOf("istio"), Object.values(ports).flat());
      await mesh.apply([...MODES, "old"].map(service).join("") + strict);
      const stand = (app: keyof typeof ports) => {
        const numbers = Object.fromEntries(ports[app].map(({ name, port }) => [name.split(" ")[1]!, port]));
        return mesh.stand(app, "v1", ISTIO, numbers, "istio");
      };
      for (const app of ["permissive", "strict", "old"] as const) await stand(app);
      join = () => stand("mixed");
      const own = await mesh.run({ app: "mixed", version: "v2", proxy: "heddle" });
      expect(own.name).toStartWith("mixed-v2");
      for (const app of MODES) for (const port of NAMES) upstream[`${app}:${POLYGLOT_PORTS[port]}`] = choose();
      for (const app of ["old", "mixed"]) upstream[`${app}:80`] = choose();
      const upstreams = Object.entries(upstream).map(([target, port]) => `${port}=${target}`);
      await mesh.run({ app: "client", version: "v1", proxy, upstreams });
      for (const app of MODES) expect((await until(app, (code) => code === 200)) ?? 0).toBe(200);
    }, 60_000);
    afterAll(async () => {
      stopApplication?.();
      await server?.stop();
      await mesh?.stop();
    }, 30_000);

    const get = (app: string, path = "/describe", name: PolyglotPort = "http") =>
      fetch(`http://127.0.0.1:${portOf(app, name)}${path}`, { signal: AbortSignal.timeout(5_000) });
    const until = (app: string, isRight: (code: number) => boolean) =>
      eventually(
        async () =>
          get(app).then(
            ({ status }) => status,
            () => 0,
          ),
        isRight,
      );

    for (const app of MODES)
      describe(app, () => {
        const line = (name: PolyglotPort, takes: "http" | "tcp", protocol: string) => ({
          chain: `${app} ${name} ${takes} mtls`,
          protocol,
          sni: `outbound_.${POLYGLOT_PORTS[name]}_._.${app}.default.svc.cluster.local`,
          version: "TLSv1.3",
          peer: CLIENT,
        });
        const comes = async (name: PolyglotPort, takes: "http" | "tcp", protocol: string) => {
          expect(await server.told(`${app} ${name} ${takes} mtls`)).toEqual(line(name, takes, protocol));
          // And by no other way.
          expect(server.chainsOf(`${app} ${name}`)).toEqual([`${app} ${name} ${takes} mtls`]);
        };

        test("HTTP/1.1", async () => {
          server.forget();
          const { version, headers } = (await (await get(app)).json()) as Seen;
          expect(version).toBe("1.1");
          expect(headers["x-forwarded-client-cert"]).toContain(`URI=${CLIENT}`);
          await comes("http", "http", "HTTP/1.1");
        });

        test("HTTP/2", async () => {
          server.forget();
          const client = new Http2Client(portOf(app, "http2"));
          const { body } = await client.ask("/describe", { method: "POST", body: content(MEBIBYTE) });
          const { version, sha256: hash } = JSON.parse(body.toString()) as Seen;
          expect({ version, hash }).toEqual({ version: "2.0", hash: sha256(content(MEBIBYTE)) });
          client.close();
          await comes("http2", "http", "HTTP/2");
        });

        test("gRPC", async () => {
          server.forget();
          const client = new GrpcClient(`127.0.0.1:${portOf(app, "grpc")}`);
          const { code, messages } = await client.stream("Count").send('{"messages":50}').end();
          expect({ code, count: messages.length }).toEqual({ code: status.OK, count: 50 });
          client.close();
          await comes("grpc", "http", "HTTP/2");
        });

        test("bytes, whoever speaks first", async () => {
          server.forget();
          const bytes = content(MEBIBYTE);
          const client = (await ByteClient.connect(portOf(app, "tcp"))).send("hash\n").send(bytes).end();
          expect((await client.all()).toString()).toBe(sha256(bytes));
          await comes("tcp", "tcp", "-");
          server.forget();
          const greeted = await ByteClient.connect(portOf(app, "tcp-greeter"));
          expect(await greeted.hears("\n")).toBe("220 ready\n");
          expect((await greeted.send("helo\n").all()).toString()).toBe("220 ready\n250 helo\n");
          greeted.close();
          await comes("tcp-greeter", "tcp", "-");
        });

        test("a port of undeclared protocol: each comes as what it is", async () => {
          server.forget();
          expect(((await (await get(app, "/describe", "any")).json()) as Seen).version).toBe("1.1");
          await comes("any", "http", "HTTP/1.1");
          server.forget();
          const client = new Http2Client(portOf(app, "any"));
          expect((JSON.parse((await client.ask("/describe")).body.toString()) as Seen).version).toBe("2.0");
          client.close();
          await comes("any", "http", "HTTP/2");
          server.forget();
          const bytes = content(MEBIBYTE);
          const bare = (await ByteClient.connect(portOf(app, "any"))).send("hash\n").send(bytes).end();
          expect((await bare.all()).toString()).toBe(sha256(bytes));
          await comes("any", "tcp", "-");
        });
      });

    test("a server of TLS 1.2", async () => {
      server.forget();
      expect(await until("old", (code) => code === 200)).toBe(200);
      expect(await server.told("old http http mtls")).toMatchObject({ version: "TLSv1.2", peer: CLIENT });
    });

    /** Asks until the server says so of a request. */
    const becomes = (field: "protocol" | "sni", wanted: string) =>
      eventually(
        async () => {
          await get("strict");
          return server.last("strict http http mtls")?.[field];
        },
        (found) => found === wanted,
      );

    test("h2UpgradePolicy UPGRADE: HTTP/1.1 goes as HTTP/2, and as it came without it", async () => {
      const protocolIs = (wanted: string) => becomes("protocol", wanted);
      await mesh.apply(destinationRule("strict", "{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}"));
      expect(await protocolIs("HTTP/2")).toBe("HTTP/2");
      await mesh.apply(destinationRule("strict", "{connectionPool: {http: {h2UpgradePolicy: DEFAULT}}}"));
      expect(await protocolIs("HTTP/1.1")).toBe("HTTP/1.1");
    });

    test("ISTIO_MUTUAL: the rule's server name is sent, and one of its names has to be the server's", async () => {
      const sniIs = (wanted: string) => becomes("sni", wanted);
      const names = (name: string) => `{tls: {mode: ISTIO_MUTUAL, sni: own.test, subjectAltNames: ["${name}"]}}`;
      await mesh.apply(destinationRule("strict", names("spiffe://cluster.local/ns/default/sa/istio")));
      expect(await sniIs("own.test")).toBe("own.test");
      await mesh.apply(destinationRule("strict", names("spiffe://cluster.local/ns/default/sa/other")));
      expect(await until("strict", (code) => code === 503)).toBe(503);
      await mesh.apply(destinationRule("strict", "{tls: {mode: ISTIO_MUTUAL}}"));
      expect(await until("strict", (code) => code === 200)).toBe(200);
      expect(await sniIs("outbound_.80_._.strict.default.svc.cluster.local")).toBe(
        "outbound_.80_._.strict.default.svc.cluster.local",
      );
    });

    test("endpoints of both meshes in one Service share its requests, and weights", async () => {
      const counts = async (asked: number) => {
        const found: Record<string, number> = {};
        for (let i = 0; i < asked; i++) {
          const response = await get("mixed");
          const { name = "istio" } = response.ok
            ? ((await response.json()) as { name?: string })
            : { name: `failed: ${response.status}` };
          found[name] = (found[name] ?? 0) + 1;
        }
        return found;
      };
      expect(
        await eventually(
          () => counts(20),
          ({ v2 = 0 }) => v2 === 20,
        ),
      ).toEqual({ v2: 20 });
      // While it joins, the cluster changes what it speaks, and whom it asks for endpoints: nobody notices.
      const joining = join();
      const seen: Record<string, number> = {};
      const shared = async () => {
        for (const [name, count] of Object.entries(await counts(20))) seen[name] = (seen[name] ?? 0) + count;
        return seen;
      };
      await eventually(shared, ({ istio = 0 }) => istio > 20);
      await joining;
      expect(Object.keys(seen).sort()).toEqual(["istio", "v2"]);
      // The subset is named, as Istio's clients name it.
      await mesh.apply(`${destinationRule("mixed", "{loadBalancer: {}}", ", subsets: [{name: istio, labels: {version: v1}}, {name: own, labels: {version: v2}}]")}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: mixed, namespace: default}
spec:
  hosts: [mixed]
  http:
  - route:
    - {destination: {host: mixed, subset: istio}, weight: 80}
    - {destination: {host: mixed, subset: own}, weight: 20}`);
      const named = "outbound_.80_.istio_.mixed.default.svc.cluster.local";
      const subsetAsked = async () => {
        await counts(5);
        return server.last("mixed http http mtls")?.sni;
      };
      expect(await eventually(subsetAsked, (sni) => sni === named)).toBe(named);
      const { istio = 0, v2 = 0 } = await counts(100);
      expect(istio + v2).toBe(100);
      expect(istio).toBeGreaterThan(v2);
      expect(v2).toBeGreaterThan(0);
    });
  });
