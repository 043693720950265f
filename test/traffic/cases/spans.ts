// A request through two sidecars is one trace: the client's span, and the server's below it, told to a service of the mesh.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { resource } from "../../../src/kube/resources.ts";
import { type TestCertificate, testLeaf, testRoot } from "../../../src/pki/certificate-fixtures.ts";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";
import { Collector, type ReceivedSpan } from "../xds/collector.ts";
import { LogReceiver } from "../xds/log-receiver.ts";

/** Both proxies tell five spans at a time, or what there is after 5 s. */
const REQUESTS = 5;

export function spanCases(pair: Pair): void {
  let collector!: Collector;
  const logs = new LogReceiver();

  const api = () => pair.mesh.controlPlane.api;
  beforeAll(async () => {
    collector = new Collector();
    await pair.route("  - route: [{destination: {host: golden, subset: v1}}]");
    await pair.mesh.apply(
      `apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: collector, namespace: default}
spec:
  hosts: [collector.spans.test]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 9411, name: http, protocol: HTTP}, {number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1, ports: {http: ${collector.httpPort}, grpc: ${collector.grpcPort}}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: span-logs, namespace: default}
spec:
  hosts: [logs.spans.test]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 11800, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1, ports: {grpc: ${logs.port}}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    extensionProviders:
    - {name: zipkin, zipkin: {service: collector.spans.test, port: 9411, headers: [{name: x-token, value: 50%}]}}
    - {name: otlp, opentelemetry: {service: collector.spans.test, port: 4317, grpc: {initialMetadata: [{name: x-token, value: half}]}}}`,
    );
  });
  afterAll(async () => {
    collector?.stop();
    logs.stop();
    if (!pair.client) return; // it never stood
    await api().delete(resource.telemetries, { namespace: "default", name: "spans" });
    for (const name of ["collector", "span-logs"])
      await api().delete(resource.serviceEntries, { namespace: "default", name });
    await api().delete(resource.configMaps, { namespace: "istio-system", name: "istio" });
  });

  const telemetry = (provider: string) =>
    pair.mesh.apply(
      `apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: spans, namespace: default}
spec:
  tracing: [{providers: [{name: ${provider}}], randomSamplingPercentage: 100, customTags: {written: {literal: {value: by hand}}}}]`,
    );

  /** A client's span with the server's below it. `mark`: what only spans of the provider have; late ones of the other may still come. */
  const couple = (mark: string): readonly [client: ReceivedSpan, server: ReceivedSpan] | undefined => {
    const spans = collector.spans.filter(({ rest }) => Object.hasOwn(rest, mark));
    for (const server of spans) {
      if (server.kind !== "SERVER") continue;
      const client = spans.find((span) => span.id === server.parentId && span.traceId === server.traceId);
      if (client) return [client, server];
    }
    return undefined;
  };

  test.each([
    ["zipkin", "localEndpoint"],
    ["otlp", "traceState"],
  ])("by %s", async (provider, mark) => {
    collector.restart();
    await telemetry(provider);
    const ask = async () => {
      for (let i = 0; i < REQUESTS; i++) await pair.get("/traced");
      return couple(mark);
    };
    const found = await eventually(ask, (spans) => spans !== undefined);
    expect(found).toBeDefined();
    const [client, server] = found!;
    expect([client.kind, client.parentId]).toEqual(["CLIENT", ""]);
    for (const { tags } of found!)
      expect(tags).toMatchObject({
        component: "proxy",
        "http.method": "GET",
        "http.status_code": "200",
        "istio.namespace": "default",
        "istio.mesh_id": "cluster.local",
        written: "by hand",
      });
    expect(client.tags["istio.canonical_service"]).toBe("client");
    expect(server.tags["istio.canonical_service"]).toBe("golden");
    expect(server.tags["guid:x-request-id"]).toBe(client.tags["guid:x-request-id"]!);
    const report = collector.reports.find(({ path }) => path.includes("TraceService") === (provider === "otlp"));
    expect(report?.headers["x-token"]).toBe(provider === "otlp" ? "half" : "50%");
  });

  test("by the mesh's settings alone", async () => {
    collector.restart();
    await api().delete(resource.telemetries, { namespace: "default", name: "spans" });
    await pair.mesh.apply(
      `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    enableEnvoyAccessLogService: true
    defaultConfig:
      envoyAccessLogService: {address: "logs.spans.test:11800"}
      tracing: {zipkin: {address: "collector.spans.test:9411"}, sampling: 100, customTags: {settled: {literal: {value: mesh}}}}`,
    );
    const ask = async () => {
      for (let i = 0; i < REQUESTS; i++) await pair.get("/traced");
      return couple("localEndpoint");
    };
    const found = await eventually(ask, (spans) => spans?.[0].tags.settled !== undefined);
    for (const { tags } of found ?? []) expect(tags).toMatchObject({ settled: "mesh", "istio.namespace": "default" });
    expect(found).toHaveLength(2);
    const isLogged = async () => logs.http.some(({ request }) => request?.path === "/traced");
    expect(await eventually(isLogged, (told) => told)).toBe(true);
  });

  test("by the mesh's settings, over TLS to receivers that are nobody's services", async () => {
    collector.restart();
    const root = testRoot(Date.now());
    const roots = join(pair.mesh.folder, "receivers.pem");
    writeFileSync(roots, root.pem);
    const fronts = await Promise.all([collector.httpPort, logs.port].map((port) => tlsFront(root, port)));
    const [spans, lines] = fronts.map((front) => (front.address() as AddressInfo).port);
    const tls = (name: string) => `{mode: SIMPLE, sni: ${name}, subjectAltNames: [${name}], caCertificates: ${roots}}`;
    const settle = (name: string) =>
      pair.mesh.apply(
        `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    enableEnvoyAccessLogService: true
    defaultConfig:
      envoyAccessLogService: {address: "127.0.0.1:${lines}", tlsSettings: ${tls(name)}, tcpKeepalive: {time: 10s}}
      tracing: {zipkin: {address: "127.0.0.1:${spans}"}, sampling: 100, customTags: {over: {literal: {value: ${name}}}}, tlsSettings: ${tls(name)}}`,
      );
    const ask = async (path: string) => {
      for (let i = 0; i < REQUESTS; i++) await pair.get(path);
      // Spans of before may still come.
      const kinds = collector.spans.filter(({ tags }) => tags.over === "receiver.test").map(({ kind }) => kind);
      return ["CLIENT", "SERVER"].every((kind) => kinds.includes(kind));
    };
    const isLogged = async (path: string) => logs.http.some(({ request }) => request?.path === path);
    try {
      await settle("receiver.test");
      const isTraced = await eventually(
        () => ask("/verified"),
        (told) => told,
      );
      expect(isTraced).toBe(true);
      const lined = await eventually(
        () => isLogged("/verified"),
        (told) => told,
      );
      expect(lined).toBe(true);
    } finally {
      for (const front of fronts) front.close();
    }
  });
}

/** TLS as `receiver.test` in front of a port of this host. */
async function tlsFront(root: TestCertificate, port: number): Promise<Server> {
  const own = testLeaf(root, "spiffe://outside/receiver", Date.now(), { dnsNames: ["receiver.test"] });
  const server = createServer({ cert: own.pem, key: own.keyPem, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
    const behind = connect(port, "127.0.0.1");
    for (const each of [socket, behind]) each.on("error", () => {});
    socket.pipe(behind).pipe(socket);
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
