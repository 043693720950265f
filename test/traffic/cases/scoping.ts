// What a workload is told of the mesh, and how it says itself that it is to be called.

import { afterEach, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { ProxyKind } from "../../../src/agent/sidecar.ts";
import { resource } from "../../../src/kube/resources.ts";
import { eventually } from "../mesh.ts";
import type { Described, Pair } from "../pair.ts";
import { identityOf, ROOTS } from "../xds/certificates.ts";

const GOLDEN = "golden.default.svc.cluster.local";
const POLYGLOT = "polyglot.default.svc.cluster.local";

export function scopingCases(pair: Pair, clientProxy: ProxyKind): void {
  const apply = (app: string, spec: string) =>
    pair.mesh.apply(`
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: ${app}, namespace: default}
spec:
  workloadSelector: {labels: {app: ${app}}}
${spec}`);
  const remove = async (app: string) => {
    await pair.mesh.controlPlane.api.delete(resource.sidecars, { namespace: "default", name: app });
  };
  const overProxy = async (url: string): Promise<number> =>
    (await fetch(url, { proxy: pair.forwardProxy, signal: AbortSignal.timeout(10_000) })).status;
  const onPort = async (port: number): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(10_000) })).status;
  /** A connection that fails meanwhile is one more answer. */
  const becomes = async (ask: () => Promise<unknown>, expected: unknown): Promise<void> => {
    const answer = () => ask().catch((error: unknown) => error);
    expect(await eventually(answer, (found) => found === expected)).toBe(expected);
  };

  afterEach(async () => {
    for (const app of ["client", "golden"]) await remove(app).catch(() => {});
    await pair.mesh.controlPlane.api
      .delete(resource.peerAuthentications, { namespace: "default", name: "golden" })
      .catch(() => {});
    await becomes(() => onPort(pair.golden), 200);
  });

  test("what a Sidecar leaves out is no service any more; what it lets in is called as before", async () => {
    await apply("client", `  egress: [{hosts: ["./${POLYGLOT}"]}]\n  outboundTrafficPolicy: {mode: REGISTRY_ONLY}`);
    await becomes(() => overProxy("http://golden/"), 502);
    await becomes(() => onPort(pair.golden), 502);
    expect(await onPort(pair.upstream.http)).toBe(200);
    expect(await overProxy("http://polyglot/describe")).toBe(200);
    await apply(
      "client",
      `  egress: [{hosts: ["./*", "~*/${POLYGLOT}"]}]\n  outboundTrafficPolicy: {mode: REGISTRY_ONLY}`,
    );
    await becomes(() => overProxy("http://polyglot/describe"), 502);
    await becomes(() => onPort(pair.upstream.http), 502);
    // Clusters go and come before listeners do.
    await becomes(() => onPort(pair.golden), 200);
    await remove("client");
    await becomes(() => overProxy("http://polyglot/describe"), 200);
    expect(await onPort(pair.golden)).toBe(200);
  });

  test("a route into the scope leads out of it", async () => {
    await pair.routePolyglot("http", "  - route: [{destination: {host: golden, port: {number: 80}}}]");
    await apply("client", `  egress: [{hosts: ["./${POLYGLOT}"]}]\n  outboundTrafficPolicy: {mode: REGISTRY_ONLY}`);
    await becomes(() => overProxy("http://golden/"), 502);
    const through = await fetch(`http://127.0.0.1:${pair.upstream.http}/`, { signal: AbortSignal.timeout(10_000) });
    expect(((await through.json()) as Described).name).toMatch(/^v[12]$/);
    await pair.unroutePolyglot("http");
  });

  test("a port with captureMode NONE is a socket of the proxy's, for its hosts alone", async () => {
    const port = pair.mesh.book.choose(0);
    const database = pair.mesh.book.choose(0);
    const doors = [
      `  - {port: {number: ${port}, protocol: HTTP_PROXY, name: proxy}, captureMode: NONE, hosts: ["./${GOLDEN}"]}`,
      `  - {port: {number: ${database}, protocol: HTTP, name: web}, captureMode: NONE, hosts: ["./*"]}`,
      '  - hosts: ["./*"]',
    ];
    await apply("client", `  egress:\n${doors.join("\n")}\n  outboundTrafficPolicy: {mode: REGISTRY_ONLY}`);
    const through = async (url: string) =>
      (await fetch(url, { proxy: `http://127.0.0.1:${port}`, signal: AbortSignal.timeout(10_000) })).status;
    await becomes(() => through("http://golden/"), 200);
    expect(await through("http://polyglot/describe")).toBe(502);
    // No service has the port that was chosen.
    await becomes(() => onPort(database), 502);
    expect(await overProxy("http://polyglot/describe")).toBe(200);
  });

  test("a Unix socket of the proxy's leads to its hosts: by name, and by name and port", async () => {
    const file = join(pair.mesh.folder, "web.sock");
    const hosts = `["./${GOLDEN}", "./${POLYGLOT}"]`;
    await apply(
      "client",
      `  egress:\n  - {port: {number: 0, protocol: HTTP, name: web}, bind: "unix://${file}", hosts: ${hosts}}\n  - hosts: ["./*"]`,
    );
    const through = async (url: string) =>
      (await fetch(url, { unix: file, signal: AbortSignal.timeout(10_000) })).status;
    await becomes(() => through("http://golden/"), 200);
    expect(await through("http://polyglot:80/describe")).toBe(200);
    expect(await through("http://polyglot:81/describe")).toBe(200);
    expect(await through("http://nobody.example.com/")).toBe(502);
    await remove("client");
    await becomes(async () => existsSync(file) && clientProxy === "heddle", false);
    expect(await overProxy("http://golden/")).toBe(200);
  });

  test("bytes over a Unix socket go to the first service of its hosts that takes them", async () => {
    const file = join(pair.mesh.folder, "db.sock");
    await apply(
      "client",
      `  egress:\n  - {port: {number: 0, protocol: TCP, name: db}, bind: "unix://${file}", hosts: ["./${POLYGLOT}"]}\n  - hosts: ["./*"]`,
    );
    const echoed = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(file);
        socket.once("error", reject);
        socket.once("data", (chunk) => {
          resolve(chunk.toString());
          socket.destroy();
        });
        socket.once("close", () => reject(new Error("closed")));
        socket.write("echo\nover a pipe");
      });
    await becomes(echoed, "over a pipe");
  });

  test("an ingress port with captureMode NONE is a socket of the server's proxy", async () => {
    const { application } = pair.v1.ports;
    const port = pair.mesh.book.choose(0);
    await pair.mesh.apply(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: golden, namespace: default}
spec: {selector: {matchLabels: {app: golden}}, portLevelMtls: {${port}: {mode: DISABLE}}}`);
    // Of one version: the other's proxy is on the same machine.
    await pair.mesh.apply(`
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: golden, namespace: default}
spec:
  workloadSelector: {labels: {app: golden, version: v1}}
  ingress:
  - port: {number: ${port}, protocol: HTTP, name: web}
    captureMode: NONE
    bind: 127.0.0.1
    defaultEndpoint: "127.0.0.1:${application}"`);
    await becomes(() => onPort(port), 200);
  });

  test("an egress proxy gets what is let through, and nothing else", async () => {
    await apply(
      "client",
      "  outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: golden, port: {number: 80}}}",
    );
    const outside = async () => {
      const response = await fetch("http://nowhere.example.com/x", {
        proxy: pair.forwardProxy,
        signal: AbortSignal.timeout(10_000),
      });
      return response.status === 200 ? ((await response.json()) as Described).host : String(response.status);
    };
    await becomes(outside, "nowhere.example.com");
    expect(await overProxy("http://polyglot/describe")).toBe(200);
  });

  test("a server's ingress listener says where its application listens", async () => {
    const [other] = pair.polyglot.ports.applications;
    const listeners = [pair.v1, pair.v2].map(
      ({ ports }) =>
        `  - {port: {number: ${ports.application}, protocol: HTTP, name: http}, defaultEndpoint: "127.0.0.1:${other}"}`,
    );
    await apply("golden", `  ingress:\n${listeners.join("\n")}`);
    const name = async () => {
      const seen = (await (await pair.get("/describe")).json()) as Partial<Described> & { version?: string };
      return seen.version;
    };
    await becomes(name, "1.1");
    await remove("golden");
    await becomes(name, undefined);
  });

  test("a server ends TLS for clients of no mesh, where mutual TLS is off", async () => {
    const certificate = identityOf("golden");
    const files = { chain: join(pair.mesh.folder, "ingress.crt"), key: join(pair.mesh.folder, "ingress.key") };
    writeFileSync(files.chain, certificate.chain);
    writeFileSync(files.key, certificate.key);
    const { application, inbound } = pair.v1.ports;
    await pair.mesh.apply(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: golden, namespace: default}
spec: {selector: {matchLabels: {app: golden}}, portLevelMtls: {${application}: {mode: DISABLE}}}`);
    const tls = `{mode: SIMPLE, serverCertificate: ${files.chain}, privateKey: ${files.key}}`;
    await apply("golden", `  ingress: [{port: {number: ${application}, protocol: HTTPS, name: https}, tls: ${tls}}]`);
    const ask = async () => {
      const response = await fetch(`https://127.0.0.1:${inbound}/`, {
        signal: AbortSignal.timeout(5_000),
        tls: { ca: ROOTS, checkServerIdentity: () => undefined },
      });
      return response.status;
    };
    await becomes(ask, 200);
  });
}
