// Requests that leave the mesh through an egress gateway: mutual TLS of the mesh as far as the gateway, which originates TLS to the server.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { join } from "node:path";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { resource } from "../../../src/kube/resources.ts";
import { type TestCertificate, testLeaf, testRoot } from "../../../src/pki/certificate-fixtures.ts";
import { ByteClient } from "../byte-client.ts";
import { ask } from "../gateway-client.ts";
import { eventually, type TestGateway } from "../mesh.ts";
import type { Pair } from "../pair.ts";

const HOST = "edition.test";
const BYTES = "bytes.test";
const PASSED = "passed.test";
const GATEWAY = "egressgateway.default.svc.cluster.local";

/** Says which server name it was asked for, and whom the gateway saw. */
async function serve(own: TestCertificate): Promise<Server> {
  const server = createServer({ cert: own.pem, key: own.keyPem }, (socket) => {
    socket.on("error", () => {});
    const asked = (socket as TLSSocket & { readonly servername?: string | false }).servername || "no name";
    socket.once("data", (bytes) => {
      const client = /x-forwarded-client-cert:.*URI=([^;,\r]+)/i.exec(String(bytes))?.[1] ?? "nobody";
      const body = `${client} at ${asked}`;
      socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    });
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Echoes, with a word in front that says that it is the one outside. */
async function echo(): Promise<TcpServer> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => socket.write(`outside: ${bytes}`));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

function portOf(server: TcpServer): number {
  return (server.address() as { port: number }).port;
}

function objects(port: number, roots: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: edition, namespace: default}
spec:
  hosts: [${HOST}]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: https, protocol: HTTPS}]
  endpoints: [{address: 127.0.0.1, ports: {http: ${port}, https: ${port}}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: egressgateway, namespace: default}
spec:
  selector: {istio: egressgateway}
  servers:
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [${HOST}], tls: {mode: ISTIO_MUTUAL}}
  - {port: {number: 15443, name: tls, protocol: TLS}, hosts: [${BYTES}], tls: {mode: ISTIO_MUTUAL}}
  - {port: {number: 8443, name: tls-passed, protocol: TLS}, hosts: [${PASSED}], tls: {mode: PASSTHROUGH}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: edition, namespace: default}
spec:
  host: ${HOST}
  trafficPolicy:
    portLevelSettings:
    - {port: {number: 443}, tls: {mode: SIMPLE, sni: ${HOST}, subjectAltNames: [${HOST}], caCertificates: ${roots}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edition, namespace: default}
spec:
  hosts: [${HOST}]
  gateways: [mesh, egressgateway]
  http:
  - match: [{gateways: [mesh], port: 80}]
    route: [{destination: {host: ${GATEWAY}, subset: edition, port: {number: 443}}}]
  - match: [{gateways: [egressgateway], port: 443}]
    route: [{destination: {host: ${HOST}, port: {number: 443}}}]`;
}

function bytes(port: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: bytes, namespace: default}
spec:
  hosts: [${BYTES}]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  endpoints: [{address: 127.0.0.1, ports: {tcp: ${port}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bytes, namespace: default}
spec:
  hosts: [${BYTES}]
  gateways: [mesh, egressgateway]
  tcp:
  - match: [{gateways: [mesh], port: 9000}]
    route: [{destination: {host: ${GATEWAY}, subset: bytes, port: {number: 15443}}}]
  - match: [{gateways: [egressgateway], port: 15443}]
    route: [{destination: {host: ${BYTES}, port: {number: 9000}}}]`;
}

function passed(port: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: passed, namespace: default}
spec:
  hosts: [${PASSED}]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{number: 443, name: tls, protocol: TLS}]
  endpoints: [{address: 127.0.0.1, ports: {tls: ${port}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: passed, namespace: default}
spec:
  hosts: [${PASSED}]
  gateways: [mesh, egressgateway]
  tls:
  - match: [{gateways: [mesh], port: 443, sniHosts: [${PASSED}]}]
    route: [{destination: {host: ${GATEWAY}, subset: passed, port: {number: 8443}}}]
  - match: [{gateways: [egressgateway], port: 8443, sniHosts: [${PASSED}]}]
    route: [{destination: {host: ${PASSED}, port: {number: 443}}}]`;
}

function towardsGateway(tls: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: egressgateway, namespace: default}
spec:
  host: ${GATEWAY}
  subsets:
  - name: edition
    trafficPolicy: {portLevelSettings: [{port: {number: 443}, tls: ${tls}}]}
  - name: passed
  - name: bytes
    trafficPolicy: {portLevelSettings: [{port: {number: 15443}, tls: {mode: ISTIO_MUTUAL, sni: ${BYTES}}}]}`;
}

export function egressCases(pair: Pair, proxy: ProxyKind): void {
  let server: Server;
  let echoing: TcpServer;
  let root: TestCertificate;
  let gateway: TestGateway;
  const request = async (): Promise<string> => {
    const response = await fetch(`http://${HOST}/`, { proxy: pair.forwardProxy, signal: AbortSignal.timeout(10_000) });
    return response.status === 200 ? await response.text() : String(response.status);
  };
  const becomes = async (expected: string) =>
    expect(await eventually(request, (found) => found === expected)).toBe(expected);

  beforeAll(async () => {
    root = testRoot(Date.now());
    server = await serve(testLeaf(root, "spiffe://outside/edition", Date.now(), { dnsNames: [HOST, PASSED] }));
    echoing = await echo();
    const roots = join(pair.mesh.folder, "edition.pem");
    writeFileSync(roots, root.pem);
    gateway = await pair.mesh.gateway({ app: "egressgateway", proxy, ports: [443, 8443, 15443] });
    await pair.mesh.apply(
      [objects(portOf(server), roots), passed(portOf(server)), bytes(portOf(echoing))].join("\n---"),
    );
  }, 60_000);
  afterAll(async () => {
    server?.close();
    echoing?.close();
    if (!pair.client) return; // it never stood
    const { api } = pair.mesh.controlPlane;
    const remove = async (type: Parameters<typeof api.delete>[0], ...names: readonly string[]) => {
      for (const name of names) await api.delete(type, { namespace: "default", name });
    };
    await remove(resource.serviceEntries, "edition", "passed", "bytes");
    await remove(resource.virtualServices, "edition", "passed", "bytes");
    await remove(resource.destinationRules, "edition", "egressgateway");
    await remove(resource.gateways, "egressgateway");
  });

  test("the gateway sees who the client is by mutual TLS, and speaks TLS to the server", async () => {
    await pair.mesh.apply(towardsGateway(`{mode: ISTIO_MUTUAL, sni: ${HOST}}`));
    await becomes(`spiffe://cluster.local/ns/default/sa/client at ${HOST}`);
  });

  test("the gateway refuses who shows no certificate of the mesh", async () => {
    const outside = { port: gateway.ports.get(443)!, host: HOST };
    expect(await ask({ ...outside, tls: { serverName: HOST } })).toBe("refused");
    expect(await ask(outside)).toBe("refused");
  });

  test("a gateway of another identity than the policy wants, or without a server of the name, is not spoken to", async () => {
    await pair.mesh.apply(towardsGateway(`{mode: ISTIO_MUTUAL, sni: ${HOST}, subjectAltNames: ["spiffe://other"]}`));
    await becomes("503");
    await pair.mesh.apply(towardsGateway(`{mode: ISTIO_MUTUAL, sni: ${HOST}}`));
    await becomes(`spiffe://cluster.local/ns/default/sa/client at ${HOST}`);
    // Istio's own server name, which the Gateway does not have among its hosts.
    await pair.mesh.apply(towardsGateway("{mode: ISTIO_MUTUAL}"));
    await becomes("503");
  });

  test("bytes go through a server of protocol TLS as they are", async () => {
    const target = `${BYTES}:9000`;
    const answered = async () => {
      const client = await ByteClient.connect(pair.client.ports.forwardProxy);
      try {
        await client.send(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`).hears("\r\n\r\n");
        return await client.send("one").hears("outside: one");
      } catch {
        return "";
      } finally {
        client.close();
      }
    };
    expect(await eventually(answered, (heard) => heard.endsWith("outside: one"))).toEndWith("outside: one");
    const outside = { port: gateway.ports.get(15443)!, host: BYTES };
    expect(await ask({ ...outside, tls: { serverName: BYTES } })).toBe("refused");
  });

  test("TLS of the client's own goes through a server of mode PASSTHROUGH", async () => {
    const options = { proxy: pair.forwardProxy, tls: { ca: root.pem } };
    const answered = () =>
      fetch(`https://${PASSED}/`, { ...options, signal: AbortSignal.timeout(10_000) }).then(
        (response) => response.text(),
        (error: unknown) => String(error),
      );
    const expected = `nobody at ${PASSED}`;
    expect(await eventually(answered, (found) => found === expected)).toBe(expected);
    // The server's port alone would answer as well: the gateway's counts are what tells them apart.
    const stats = await fetch(`http://127.0.0.1:${gateway.admin}/stats?filter=passed.test`);
    expect(await stats.text()).toMatch(/outbound\|443\|\|passed\.test.*upstream_cx_total: [1-9]/);
  });
}
