// A port of a Sidecar's egress that does not say its protocol: the client's first bytes do.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { resource } from "../../../src/kube/resources.ts";
import { ByteClient } from "../byte-client.ts";
import { Http2Client } from "../http2-client.ts";
import { eventually } from "../mesh.ts";
import { type Pair, POLYGLOT_PORTS } from "../pair.ts";
import type { Seen } from "../polyglot/requests.ts";
import { identityOf } from "../xds/certificates.ts";
import { TlsClient } from "../xds/tls-client.ts";

const POLYGLOT = "polyglot.default.svc.cluster.local";

/** Behind `port` of the host is `target` of this machine. */
function outside(name: string, protocol: string, port: number, target: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}, namespace: default}
spec:
  hosts: [${name}.sniffed.test]
  ports: [{number: ${port}, name: only, protocol: ${protocol}, targetPort: ${target}}]
  resolution: STATIC
  location: MESH_EXTERNAL
  endpoints: [{address: 127.0.0.1}]`;
}

export function sniffedEgressCases(pair: Pair): void {
  const identity = identityOf("sniffed");
  const server: Server = createServer({ cert: identity.chain, key: identity.key }, (socket) => {
    socket.on("error", () => {});
    socket.write("over TLS");
  });
  let path: string;
  let greeter: number;
  let secure: number;

  beforeAll(async () => {
    const { mesh, polyglot } = pair;
    path = join(mesh.folder, "sniffed.sock");
    [greeter, secure] = [mesh.book.choose(0), mesh.book.choose(0)];
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const greeting = polyglot.ports.applications[Object.keys(POLYGLOT_PORTS).indexOf("tcp-greeter")]!;
    const door = (number: number, host: string, more = "captureMode: NONE") =>
      `  - {port: {number: ${number}, name: door-${number}}, ${more}, hosts: ["./${host}"]}`;
    await mesh.apply(`${outside("greeter", "TCP", greeter, greeting)}
---${outside("secure", "TLS", secure, port)}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: client, namespace: default}
spec:
  workloadSelector: {labels: {app: client}}
  egress:
${door(0, POLYGLOT, `bind: "unix://${path}"`)}
${door(greeter, "greeter.sniffed.test")}
${door(secure, "secure.sniffed.test")}
  - hosts: ["./*"]`);
    const status = () =>
      fetch("http://polyglot/describe", { unix: path }).then(
        (response) => response.status,
        () => 0,
      );
    await eventually(status, (found) => found === 200);
    for (const opened of [greeter, secure]) {
      const connects = () =>
        ByteClient.connect(opened).then(
          (client) => {
            client.close();
            return true;
          },
          () => false,
        );
      await eventually(connects, Boolean);
    }
  });

  afterAll(async () => {
    server.close();
    const { api } = pair.mesh.controlPlane;
    await api.delete(resource.sidecars, { namespace: "default", name: "client" });
    for (const name of ["greeter", "secure"]) await api.delete(resource.serviceEntries, { namespace: "default", name });
    const isBack = () =>
      fetch(`http://127.0.0.1:${pair.golden}/`).then(
        ({ ok }) => ok,
        () => false,
      );
    await eventually(isBack, Boolean);
  });

  test("HTTP/1.1 is routed by its host", async () => {
    const response = await fetch("http://polyglot/describe", { unix: path, method: "POST", body: "hello" });
    const { version, bytes } = (await response.json()) as Seen;
    expect({ version, bytes }).toEqual({ version: "1.1", bytes: 5 });
    expect((await fetch("http://nobody.example.com/", { unix: path })).status).toBe(502);
  });

  test("HTTP/2 with prior knowledge is routed by its authority", async () => {
    const client = new Http2Client({ path, authority: `polyglot:${POLYGLOT_PORTS.http2}` });
    const { status, body } = await client.ask("/describe");
    expect([status, (JSON.parse(body.toString()) as Seen).version]).toEqual([200, "2.0"]);
    client.close();
  });

  test("bytes are the first service's that takes bytes", async () => {
    const client = await ByteClient.connect(path);
    expect(await client.send("echo\nneither").hears("neither")).toBe("neither");
    client.close();
  });

  test("TLS goes on as it is", async () => {
    const client = await TlsClient.connect({ host: "127.0.0.1", port: secure }, { serverName: "secure.sniffed.test" });
    await client.hears("over TLS");
    expect(client.server).toBe(identity.uri);
    client.close();
  });

  test("a server that speaks first is heard once the client has been waited for", async () => {
    const client = await ByteClient.connect(greeter);
    expect(await client.hears("\n")).toEndWith("\n");
    client.close();
  });
}
