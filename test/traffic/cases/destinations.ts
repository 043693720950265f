// How clients treat a service that a DestinationRule speaks of: which endpoints are preferred, and how connections begin.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type AddressInfo, createServer, type Server } from "node:net";
import { resource } from "../../../src/kube/resources.ts";
import { ByteClient } from "../byte-client.ts";
import { eventually } from "../mesh.ts";
import type { Pair } from "../pair.ts";

const PLACES = { near: "us/a", zone: "us/b", far: "eu/a" } as const;
type PlaceName = keyof typeof PLACES;

/** PROXY protocol 2.2: what the second version begins with. */
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** Says how the connection began, in a line. */
function greeting(first: Buffer): string {
  if (first.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return "PROXY v2\n";
  const text = first.toString("latin1");
  const [line = ""] = text.split("\r\n");
  if (line.startsWith("PROXY TCP4 127.0.0.1 127.0.0.1 ")) return "PROXY v1\n";
  if (line.startsWith("CONNECT ")) return `HTTP/1.1 200 OK\r\n\r\n${line}\n`;
  if (!line.startsWith("POST ")) return "bytes\n";
  const said = `POST to ${/^host: (?<host>.*)$/im.exec(text)?.groups?.host?.trim()}\n`;
  return `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${said.length.toString(16)}\r\n${said}\r\n`;
}

export function destinationCases(pair: Pair): void {
  const failing = new Set<PlaceName>();
  const servers = new Map<PlaceName, Bun.Server<undefined>>();
  let listening: Server | undefined;

  const rule = (host: string, trafficPolicy: string) =>
    pair.mesh.apply(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${host.split(".")[0]}, namespace: default}
spec: {host: ${host}, trafficPolicy: ${trafficPolicy}}`);

  /** Who answers, of as many requests as it takes to see all of them. */
  const answers = async (): Promise<string> => {
    const seen = new Set<string>();
    for (let i = 0; i < 24; i++) {
      const response = await fetch("http://placed.test/", {
        proxy: pair.forwardProxy,
        signal: AbortSignal.timeout(10_000),
      });
      seen.add(response.status === 200 ? await response.text() : String(response.status));
    }
    return [...seen].sort().join();
  };
  const becomes = async (ask: () => Promise<string>, expected: string) =>
    expect(await eventually(ask, (found) => found === expected)).toBe(expected);

  /** How the server's side of a connection of bytes began. */
  const began = async (): Promise<string> => {
    const client = (await ByteClient.connect(pair.upstream.tcp)).send("hello\n");
    const heard = await client.hears("\n");
    client.close();
    return heard.trim();
  };

  const label = (labels: Readonly<Record<string, string | null>>) =>
    pair.mesh.controlPlane.api.patch(
      resource.pods,
      { namespace: "default", name: pair.client.name },
      { kind: "merge", patch: { metadata: { labels } } },
    );

  beforeAll(async () => {
    for (const name of Object.keys(PLACES) as PlaceName[]) {
      const answer = () => new Response(name, { status: failing.has(name) ? 500 : 200 });
      servers.set(name, Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer }));
    }
    listening = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (first) => socket.write(greeting(first as Buffer)));
    });
    await new Promise<void>((resolve) => listening?.listen(0, "127.0.0.1", resolve));
    const { port } = listening.address() as AddressInfo;
    const endpoints = [...servers].map(
      ([name, server]) =>
        `{address: 127.0.0.1, ports: {http: ${server.port}}, locality: ${PLACES[name]}, labels: {place: ${name}}}`,
    );
    await label({ "topology.kubernetes.io/region": "us", "topology.kubernetes.io/zone": "a", place: "far" });
    await pair.mesh.apply(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: placed, namespace: default}
spec:
  hosts: [placed.test]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [${endpoints.join(", ")}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: way, namespace: default}
spec:
  hosts: [way.test]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 3128, name: tcp, protocol: TCP}]
  endpoints: [{address: 127.0.0.1, ports: {tcp: ${port}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: way, namespace: default}
spec: {hosts: [polyglot], tcp: [{match: [{port: 83}], route: [{destination: {host: way.test, port: {number: 3128}}}]}]}`);
  });
  afterAll(async () => {
    for (const server of servers.values()) server.stop(true);
    listening?.close();
    if (!pair.client) return; // it never stood
    await label({ "topology.kubernetes.io/region": null, "topology.kubernetes.io/zone": null, place: null });
    const { api } = pair.mesh.controlPlane;
    for (const name of ["placed", "way"]) {
      await api.delete(resource.serviceEntries, { namespace: "default", name });
      await api.delete(resource.destinationRules, { namespace: "default", name });
    }
    await api.delete(resource.virtualServices, { namespace: "default", name: "way" });
    await api.delete(resource.configMaps, { namespace: "istio-system", name: "istio" });
    await eventually(began, (heard) => heard !== "bytes");
  });

  test("without ejection endpoints of all places are used alike, with it those nearest to the client", async () => {
    await becomes(answers, "far,near,zone");
    await rule("placed.test", "{outlierDetection: {}}");
    await becomes(answers, "near");
  });

  test("what MeshConfig says of localities holds where no rule says anything", async () => {
    const configure = (setting: string) =>
      pair.mesh.apply(`
apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: '${setting}'}`);
    await configure("localityLbSetting: {enabled: false}");
    await becomes(answers, "far,near,zone");
    await configure("localityLbSetting: {distribute: [{from: us/a, to: {us/b: 100}}]}");
    await becomes(answers, "zone");
    await rule("placed.test", "{loadBalancer: {localityLbSetting: {enabled: false}}}");
    await becomes(answers, "far,near,zone");
    await pair.mesh.controlPlane.api.delete(resource.configMaps, { namespace: "istio-system", name: "istio" });
  });

  test("distribute shares requests out by place, and leaves out places that it does not name", async () => {
    const shares = (to: string) =>
      rule(
        "placed.test",
        `{loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {distribute: [{from: eu, to: {eu: 100}}, {from: "us/*", to: ${to}}]}}}`,
      );
    await shares('{"eu/*": 100}');
    await becomes(answers, "far");
    await shares('{"us/*": 50, eu: 50}');
    await becomes(answers, "far,near,zone");
  });

  test("failoverPriority prefers who has the client's labels, whatever his place", async () => {
    await rule("placed.test", "{loadBalancer: {localityLbSetting: {failoverPriority: [place]}}, outlierDetection: {}}");
    await becomes(answers, "far");
    await label({ place: "zone" });
    await becomes(answers, "zone");
  });

  test("requests go on to the next place as all endpoints of one are ejected", async () => {
    await rule(
      "placed.test",
      "{outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 100}}",
    );
    await becomes(answers, "near");
    failing.add("near");
    await becomes(answers, "zone");
    failing.add("zone");
    await becomes(answers, "far");
  });

  test("a service's own traffic-distribution holds where no rule says anything, without ejection", async () => {
    const { api } = pair.mesh.controlPlane;
    const placed = { namespace: "default", name: "placed" };
    failing.clear();
    await api.delete(resource.destinationRules, placed);
    await becomes(answers, "far,near,zone");
    const annotate = (value: string | null) =>
      api.patch(resource.serviceEntries, placed, {
        kind: "merge",
        patch: { metadata: { annotations: { "networking.istio.io/traffic-distribution": value } } },
      });
    await annotate("PreferClose");
    await becomes(answers, "near");
    await annotate(null);
    await becomes(answers, "far,near,zone");
  });

  test("internalTrafficPolicy Local: the client's node answers, or nobody", async () => {
    const { api } = pair.mesh.controlPlane;
    const put = (name: string, node: string | null) =>
      api.patch(resource.pods, { namespace: "default", name }, { kind: "merge", patch: { spec: { nodeName: node } } });
    const local = (policy: string | null) =>
      api.patch(
        resource.services,
        { namespace: "default", name: "golden" },
        {
          kind: "merge",
          patch: { spec: { internalTrafficPolicy: policy } },
        },
      );
    const versions = async (): Promise<string> => {
      const seen = new Set<string>();
      for (let i = 0; i < 16; i++) {
        const response = await pair.get("/");
        seen.add(response.status === 200 ? ((await response.json()) as { name: string }).name : `${response.status}`);
      }
      return [...seen].sort().join();
    };
    await pair.route("  - route: [{destination: {host: golden}}]");
    await becomes(versions, "v1,v2");
    await put(pair.client.name, "n1");
    await put(pair.v1.name, "n1");
    await put(pair.v2.name, "n2");
    await local("Local");
    await becomes(versions, "v1");
    await put(pair.v1.name, "n2");
    await becomes(versions, "503");
    await local(null);
    await becomes(versions, "v1,v2");
    for (const { name } of [pair.client, pair.v1, pair.v2]) await put(name, null);
  });

  test("a byte stream to a forward proxy asks it for a way on, by CONNECT or by POST", async () => {
    await becomes(began, "bytes");
    await rule("way.test", "{tunnel: {targetHost: db.test, targetPort: 5432}}");
    await becomes(began, "CONNECT db.test:5432 HTTP/1.1");
    await rule("way.test", "{tunnel: {protocol: POST, targetHost: db.test, targetPort: 5433}}");
    await becomes(began, "POST to db.test:5433");
  });

  test("a PROXY header of the wanted version stands in front of a connection", async () => {
    await rule("way.test", "{proxyProtocol: {version: V1}}");
    await becomes(began, "PROXY v1");
    await rule("way.test", "{proxyProtocol: {version: V2}}");
    await becomes(began, "PROXY v2");
  });
}
