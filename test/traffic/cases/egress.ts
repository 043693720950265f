// Requests that leave the mesh through an egress gateway: mutual TLS of the mesh as far as the gateway, which originates TLS to the server.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { resource } from "../../../src/kube/resources.ts";
import { type TestCertificate, testLeaf, testRoot } from "../../../src/pki/certificate-fixtures.ts";
import { ask } from "../gateway-client.ts";
import { eventually, type TestGateway } from "../mesh.ts";
import type { Pair } from "../pair.ts";

const HOST = "edition.test";
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
  servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [${HOST}], tls: {mode: ISTIO_MUTUAL}}]
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

function towardsGateway(tls: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: egressgateway, namespace: default}
spec:
  host: ${GATEWAY}
  subsets:
  - name: edition
    trafficPolicy: {portLevelSettings: [{port: {number: 443}, tls: ${tls}}]}`;
}

export function egressCases(pair: Pair, proxy: ProxyKind): void {
  let server: Server;
  let gateway: TestGateway;
  const request = async (): Promise<string> => {
    const response = await fetch(`http://${HOST}/`, { proxy: pair.forwardProxy, signal: AbortSignal.timeout(10_000) });
    return response.status === 200 ? await response.text() : String(response.status);
  };
  const becomes = async (expected: string) =>
    expect(await eventually(request, (found) => found === expected)).toBe(expected);

  beforeAll(async () => {
    const root = testRoot(Date.now());
    server = await serve(testLeaf(root, "spiffe://outside/edition", Date.now(), { dnsNames: [HOST] }));
    const roots = join(pair.mesh.folder, "edition.pem");
    writeFileSync(roots, root.pem);
    gateway = await pair.mesh.gateway({ app: "egressgateway", proxy, ports: [443] });
    await pair.mesh.apply(objects((server.address() as { port: number }).port, roots));
  }, 60_000);
  afterAll(async () => {
    server?.close();
    if (!pair.client) return; // it never stood
    const { api } = pair.mesh.controlPlane;
    for (const type of [
      resource.serviceEntries,
      resource.gateways,
      resource.virtualServices,
      resource.destinationRules,
    ])
      await api.delete(type, {
        namespace: "default",
        name: type === resource.gateways ? "egressgateway" : "edition",
      });
    await api.delete(resource.destinationRules, { namespace: "default", name: "egressgateway" });
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
}
