// Clients with a sidecar of Istio before servers of this mesh, and clients with TLS of their own beside them: raw TLS to the ports that stand for the
// application's, with each list that Istio's sidecars offer.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer, type Server } from "node:tls";
import { findComponent } from "../../scripts/components.ts";
import type { ProxyKind } from "../../src/agent/sidecar.ts";
import { testLeaf, testRoot } from "../../src/pki/certificate-fixtures.ts";
import { ByteClient } from "./byte-client.ts";
import { TestMesh, type TestWorkload, untilListening } from "./mesh.ts";
import { buildPolyglot, POLYGLOT_PORTS, type PolyglotPort, polyglotCommand } from "./pair.ts";
import type { Seen } from "./polyglot/requests.ts";
import type { Identity } from "./xds/certificates.ts";
import { TlsClient, type TlsOptions } from "./xds/tls-client.ts";

setDefaultTimeout(30_000);

const NAMES = Object.keys(POLYGLOT_PORTS) as PolyglotPort[];
const MODES = ["permissive", "strict"] as const;
const CLIENT = "spiffe://cluster.local/ns/default/sa/caller";

/** What the alpn filter of Istio's clients makes of a cluster's list, and the lists of clusters themselves. */
const HTTP1 = [
  ["istio-http/1.1", "istio", "http/1.1"],
  ["istio-http/1.0", "istio", "http/1.0"],
  ["istio-http/1.1", "istio"],
];
const HTTP2 = [
  ["istio-h2", "istio", "h2"],
  ["istio-h2", "istio"],
];
const BYTES = [["istio-peer-exchange", "istio"], ["istio"]];
/** Of a cluster of HTTP/2, where no filter speaks of the request. */
const UNFILTERED = ["istio-peer-exchange", "istio", "h2"];

/** Each list, in both versions of TLS, with and without a server name. */
function helloes(lists: readonly (readonly string[] | undefined)[]): readonly TlsOptions[] {
  return lists.flatMap((alpn) =>
    (["TLSv1.2", "TLSv1.3"] as const).flatMap((maxVersion) =>
      [undefined, "outbound_.80_._.permissive.default.svc.cluster.local"].map(
        (serverName): TlsOptions => ({
          maxVersion,
          ...(alpn && { alpn }),
          ...(serverName !== undefined && { serverName }),
        }),
      ),
    ),
  );
}

const SERVERS: readonly ProxyKind[] = findComponent("envoy") ? ["heddle", "envoy"] : ["heddle"];

for (const proxy of SERVERS)
  describe(`${proxy} before clients of Istio:`, () => {
    let mesh: TestMesh;
    let identity: Identity;
    const workloads: Record<string, TestWorkload> = {};
    const own: Server[] = [];

    beforeAll(async () => {
      mesh = await TestMesh.start();
      identity = mesh.identityOf("caller");
      const program = await buildPolyglot(mesh.folder);
      await mesh.apply(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: default}
spec: {selector: {matchLabels: {app: strict}}, mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: east-west, namespace: default}
spec:
  selector: {app: east-west}
  servers:
  - {port: {number: 15443, name: legs, protocol: TLS}, hosts: ["*.cluster.local"], tls: {mode: AUTO_PASSTHROUGH}}`);
      const start = async (app: string, command: (...ports: readonly number[]) => readonly string[]) => {
        workloads[app] = await mesh.run({ app, version: "v1", proxy, servicePorts: POLYGLOT_PORTS, command });
        await Promise.all(workloads[app].ports.inbounds.map(untilListening));
      };
      await Promise.all([
        ...MODES.map((app) => start(app, (...numbers) => polyglotCommand(program, numbers))),
        start("secure", (...numbers) => {
          own.push(...numbers.map(ownServer));
          return ["sleep", "600"];
        }),
      ]);
    }, 60_000);
    afterAll(async () => {
      for (const server of own) server.close();
      await mesh?.stop();
    }, 30_000);

    const portOf = (app: string, name: PolyglotPort): number => workloads[app]!.ports.inbounds[NAMES.indexOf(name)]!;
    const connect = (app: string, name: PolyglotPort, options: TlsOptions) =>
      TlsClient.connect({ host: "127.0.0.1", port: portOf(app, name) }, options);
    const asIstio = (app: string, name: PolyglotPort, options: TlsOptions) =>
      connect(app, name, { ...options, identity });
    /** As a gateway of mode AUTO_PASSTHROUGH hands it on: by the server name, on the port of the leg. */
    const handedOn = (app: string, name: PolyglotPort, alpn: readonly string[]) => {
      const serverName = `outbound_.${POLYGLOT_PORTS[name]}_._.${app}.default.svc.cluster.local`;
      return TlsClient.connect({ host: "127.0.0.1", port: workloads[app]!.ports.mesh }, { alpn, serverName, identity });
    };

    async function http1(app: string, name: PolyglotPort, options: TlsOptions): Promise<string> {
      const client = await asIstio(app, name, options);
      client.socket.write(HTTP1_REQUEST);
      return versionSeen(client);
    }

    async function http2(app: string, name: PolyglotPort, options: TlsOptions): Promise<string> {
      const client = await asIstio(app, name, options);
      client.socket.write(HTTP2_REQUEST);
      return versionSeen(client);
    }

    async function bytes(app: string, name: PolyglotPort, options: TlsOptions): Promise<void> {
      const client = await asIstio(app, name, options);
      // Its metadata comes first where the server agrees to istio-peer-exchange.
      expect(client.alpn).not.toBe("istio-peer-exchange");
      client.socket.write("echo\n");
      client.socket.write("not HTTP at all");
      await client.hears("not HTTP at all");
      expect(client.text).toBe("not HTTP at all");
      client.close();
    }

    for (const app of MODES)
      describe(app, () => {
        test("a port that is declared HTTP takes every list of theirs, for requests of either version", async () => {
          for (const options of helloes([...HTTP1, ...BYTES])) expect(await http1(app, "http", options)).toBe("1.1");
          for (const options of helloes([...HTTP2, UNFILTERED])) {
            expect(await http2(app, "http", options)).toBe("1.1");
            expect(await http2(app, "http2", options)).toBe("2.0");
          }
        });

        test("a port of undeclared protocol takes what the list says", async () => {
          for (const options of helloes(HTTP1)) expect(await http1(app, "any", options)).toBe("1.1");
          for (const options of helloes(HTTP2)) expect(await http2(app, "any", options)).toBe("2.0");
          for (const options of helloes(BYTES)) await bytes(app, "any", options);
        });

        test("a port that is declared TCP takes bytes, whoever speaks first", async () => {
          for (const options of helloes(BYTES)) {
            await bytes(app, "tcp", options);
            const greeted = await asIstio(app, "tcp-greeter", options);
            await greeted.hears("220 ready");
            greeted.socket.write("bye\n");
            await greeted.hears("250 bye");
            expect(greeted.text).toBe("220 ready\n250 bye\n");
            greeted.close();
          }
        });

        test("without a certificate of the mesh nobody is served", async () => {
          for (const name of ["http", "any", "tcp", "tcp-greeter"] as const)
            for (const options of helloes([HTTP1[0]])) {
              const stranger = await connect(app, name, options).catch(() => undefined);
              // In TLS 1.3 a client learns of the refusal when it reads.
              expect((await stranger?.body()) ?? "").toBe("");
              stranger?.close();
            }
        });
      });

    describe("behind an east-west gateway", () => {
      const said = async (name: PolyglotPort, alpn: readonly string[], request: string | Buffer) => {
        const client = await handedOn("strict", name, alpn);
        client.socket.write(request);
        return client;
      };
      const version = async (name: PolyglotPort, alpn: readonly string[], request: string | Buffer) =>
        versionSeen(await said(name, alpn, request));

      test("requests reach ports that are declared HTTP, in either version", async () => {
        for (const alpn of HTTP1) expect([alpn, await version("http", alpn, HTTP1_REQUEST)]).toEqual([alpn, "1.1"]);
        for (const alpn of [HTTP2[0]!, UNFILTERED]) {
          expect([alpn, await version("http", alpn, HTTP2_REQUEST)]).toEqual([alpn, "1.1"]);
          expect([alpn, await version("http2", alpn, HTTP2_REQUEST)]).toEqual([alpn, "2.0"]);
        }
      });

      test("a port of undeclared protocol takes what the list says", async () => {
        for (const alpn of HTTP1) expect([alpn, await version("any", alpn, HTTP1_REQUEST)]).toEqual([alpn, "1.1"]);
        for (const alpn of [HTTP2[0]!, UNFILTERED])
          expect([alpn, await version("any", alpn, HTTP2_REQUEST)]).toEqual([alpn, "2.0"]);
      });

      test("bytes reach ports that take them", async () => {
        for (const name of ["tcp", "any"] as const)
          for (const alpn of BYTES) {
            const client = await said(name, alpn, "echo\n");
            expect(client.alpn).not.toBe("istio-peer-exchange");
            client.socket.write("not HTTP at all");
            await client.hears("not HTTP at all");
            expect(client.text).toBe("not HTTP at all");
            client.close();
          }
      });
    });

    test("permissive: plaintext beside it", async () => {
      const ask = (name: PolyglotPort) => fetch(`http://127.0.0.1:${portOf("permissive", name)}/describe`);
      for (const name of ["http", "any"] as const)
        expect(((await (await ask(name)).json()) as Seen).version).toBe("1.1");
    });

    test("permissive: plaintext bytes beside it, whoever speaks first", async () => {
      const echo = await ByteClient.connect(portOf("permissive", "tcp"));
      expect(await echo.send("echo\nnot TLS").hears("not TLS")).toBe("not TLS");
      echo.close();
      const greeted = await ByteClient.connect(portOf("permissive", "tcp-greeter"));
      expect(await greeted.hears("220 ready\n")).toBe("220 ready\n");
      expect(await greeted.send("bye\n").hears("250")).toBe("220 ready\n250 bye\n");
      greeted.close();
    });

    test("permissive: TLS of the client's own is the application's to end", async () => {
      const lists = [undefined, ["h2"], ["http/1.1"], ["h2", "http/1.1"]];
      for (const name of ["tcp", "any"] as const)
        for (const options of helloes(lists)) {
          const client = await connect("secure", name, options);
          expect(client.server).toBe("spiffe://outside/application");
          client.socket.write("who ends this?");
          const said = `${options.serverName ?? "no name"}, ${options.alpn?.[0] ?? "no ALPN"}, ${options.maxVersion}`;
          await client.hears("who ends this?");
          expect(client.text).toBe(`${said}: who ends this?`);
          client.close();
        }
    });
  });

const HTTP1_REQUEST = "GET /describe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const GET_DESCRIBE = Buffer.concat([
  Buffer.from([0x82, 0x87, 0x04, "/describe".length]), // GET, https, :path without indexing
  Buffer.from("/describe"),
  Buffer.from([0x01, 1]), // :authority
  Buffer.from("x"),
]);
/** Preface, SETTINGS, and HEADERS that end the stream (RFC 9113 3.4, 6.5, 6.2). */
const HTTP2_REQUEST = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
  Buffer.from([0, 0, GET_DESCRIBE.length, 1, 0x5, 0, 0, 0, 1]),
  GET_DESCRIBE,
]);

/** What the application was spoken to in, for whom. */
async function versionSeen(client: TlsClient): Promise<string> {
  await client.hears('"sha256"');
  client.close();
  expect(client.text).toContain(`URI=${CLIENT}`);
  return /"version":"([\d.]+)"/.exec(client.text)?.[1] ?? client.text;
}

const NOW = Date.now();
const leaf = testLeaf(testRoot(NOW), "spiffe://outside/application", NOW);

/** TLS of an application: says what it took, and what it heard. */
function ownServer(port: number): Server {
  const server = createServer({ cert: leaf.pem, key: leaf.keyPem, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
    socket.on("error", () => {});
    const { servername } = socket as typeof socket & { readonly servername?: string | false };
    const took = `${servername || "no name"}, ${socket.alpnProtocol || "no ALPN"}, ${socket.getProtocol()}`;
    socket.on("data", (heard) => socket.write(`${took}: ${heard}`));
  });
  server.on("tlsClientError", () => {});
  return server.listen(port, "127.0.0.1");
}
