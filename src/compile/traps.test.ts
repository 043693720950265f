// What re-implementations of Istio get wrong, one test each (docs/traps.md): where it shows in what proxies are told.

import { describe, expect, test } from "bun:test";
import { loadMesh } from "../dialect/load.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import type { Listener } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { decodeResource } from "../xds/resource.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import { compileProxy, compileShared } from "./compile.ts";
import { fractionalPercent } from "./percentage.ts";
import type { ProxySnapshot } from "./proxy-snapshot.ts";

const HOST = "web.shop.svc.cluster.local";

/** `ports` of the Service, each of which leads to itself. */
function service(ports: string, app = "web"): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${app}, namespace: shop}
spec: {clusterIP: 10.9.0.1, selector: {app: ${app}}, ports: [${ports}]}`;
}

function pod(app: string, address: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${app}, namespace: shop, labels: {app: ${app}}, annotations: {heddle.dev/proxy: envoy, heddle.dev/capture: "true"}}
spec: {serviceAccountName: ${app}, containers: [{name: app}]}
status: {podIP: ${address}, conditions: [{type: Ready, status: "True"}]}`;
}

function object(kind: string, spec: string, group = "networking.istio.io"): string {
  return `apiVersion: ${group}/v1\nkind: ${kind}\nmetadata: {name: x, namespace: shop}\nspec: ${spec}`;
}

function meshOf(...objects: readonly string[]) {
  const content = [pod("web", "10.0.0.1"), pod("client", "10.0.0.2"), ...objects].join("\n---\n");
  return loadMesh([{ name: "f.yaml", content }], DEFAULT_SETTINGS).mesh;
}

function snapshotOf(name: string, ...objects: readonly string[]): ProxySnapshot {
  const mesh = meshOf(...objects);
  return compileProxy(compileShared(mesh, new Map()), mesh.workloads.find((workload) => workload.name === name)!)!;
}

function inbound(...objects: readonly string[]): Listener {
  const { bytes } = resourcesOf(snapshotOf("web", ...objects), "lds").get("virtualInbound")!;
  return decodeResource("lds", bytes);
}

/** Of a port: transport and ALPN of each chain that leads to it, what comes out (`http` or `tcp`), and whether TLS ends there. */
function chains({ filterChains }: Listener, port: number): readonly string[] {
  return filterChains
    .filter(({ filterChainMatch: match }) => match?.destinationPort === port)
    .map(({ filterChainMatch: match, filters, transportSocket }) => {
      const { transportProtocol = "", applicationProtocols = [] } = match ?? {};
      const what = filters.at(-1)!.name.endsWith("tcp_proxy") ? "tcp" : "http";
      return `${transportProtocol || "any"} ${applicationProtocols.join() || "-"} → ${what}${transportSocket ? " over mTLS" : ""}`;
    });
}

const SECURITY = "security.istio.io";
const peerAuthentication = (mode: string) => object("PeerAuthentication", `{mtls: {mode: ${mode}}}`, SECURITY);

const ISTIO = "istio-http/1.0,istio-http/1.1";
/** Of a PERMISSIVE port that is declared TCP. */
const BYTES = ["any istio,istio-peer-exchange → tcp over mTLS", "any - → tcp"];

describe("routing", () => {
  test("a percentage is cut off at a millionth, not rounded", () => {
    const numerator = (percent: number) => fractionalPercent(percent).numerator;
    expect([numerator(0.00019), numerator(33.333_39), numerator(0.000_09)]).toEqual([1, 333_333, 0]);
    // 0.57 * 10,000 is a little less than 5,700, for Go as for us.
    expect(numerator(0.57)).toBe(Math.trunc(0.57 * 10_000));
  });

  test("a mirror is of every request unless said, 0 turns it off, no trace is sampled and the host stays as it is", () => {
    const mirrors = (more: string) => {
      const spec = `{hosts: [web], http: [{route: [{destination: {host: web}}], mirror: {host: api}${more}}]}`;
      const snapshot = snapshotOf("client", service("{port: 80, name: http}"), object("VirtualService", spec));
      const found = [...resourcesOf(snapshot, "vhds")].find(([name]) => name.startsWith(`80/${HOST}`))!;
      const { action } = decodeResource("vhds", found[1].bytes).routes[0]!;
      if (action.case !== "route") throw new Error("expected a route that forwards");
      return action.value.requestMirrorPolicies.map(
        ({ runtimeFraction, traceSampled, disableShadowHostSuffixAppend }) => [
          runtimeFraction?.defaultValue?.numerator,
          traceSampled?.valueOf(),
          disableShadowHostSuffixAppend,
        ],
      );
    };
    expect(mirrors("")).toEqual([[1_000_000, false, true]]);
    expect(mirrors(", mirrorPercentage: {value: 12.5}")).toEqual([[125_000, false, true]]);
    expect(mirrors(", mirrorPercentage: {value: 0}")).toEqual([]);
  });
});

describe("protocols", () => {
  const protocols = (...ports: readonly string[]) =>
    ports.map((port) => meshOf(service(port)).services[0]!.ports[0]!.protocol);

  test("appProtocol beats the port's name, of which what stands before the dash counts", () => {
    expect(
      protocols(
        "{port: 80, name: tcp-x, appProtocol: http}",
        "{port: 80, name: http, appProtocol: kubernetes.io/h2c}",
        "{port: 80, name: tcp, appProtocol: kubernetes.io/ws}",
        "{port: 80, name: tcp, appProtocol: kubernetes.io/wss}",
        "{port: 80, name: http, appProtocol: example.com/own}",
      ),
    ).toEqual(["http", "http2", "http", "https", "undeclared"]);
    const names = "tcp grpc grpc-web grpc-web-a grpc-a http http2 https-a tls mongo redis mysql HTTP-a httpx".split(
      " ",
    );
    expect(protocols(...names.map((name) => `{port: 8000, name: ${name}}`))).toEqual([
      ...(["tcp", "grpc", "grpc-web", "grpc-web", "grpc", "http", "http2", "https", "tls"] as const),
      ...(["mongo", "redis", "mysql", "http", "undeclared"] as const),
    ]);
    expect(protocols("{port: 80, name: http, protocol: UDP}")).toEqual(["udp"]);
  });

  test("what declares nothing is looked at, but never on ports of servers that speak first", () => {
    expect(protocols(...[25, 53, 3306, 27017, 26].map((port) => `{port: ${port}, name: x}`))).toEqual([
      ...(["tcp", "tcp", "tcp", "tcp"] as const),
      "undeclared",
    ]);
    const listener = inbound(service("{port: 25, name: x}, {port: 6379, name: redis}, {port: 3307, name: mysql}"));
    expect(chains(listener, 25)).toEqual(["any - → tcp"]);
    for (const port of [6379, 3307]) expect(chains(listener, port)).toEqual(BYTES);
    expect(listener.listenerFilters.map(({ name }) => name)).toEqual([
      "envoy.filters.listener.original_dst",
      "envoy.filters.listener.tls_inspector",
    ]);
  });
});

describe("chains of an application's port", () => {
  const PORTS = service("{port: 80, name: http}, {port: 81, name: x}, {port: 82, name: tcp}");

  test("PERMISSIVE: Istio's ALPN is mutual TLS, other TLS passes as bytes, the rest is looked at", () => {
    const listener = inbound(PORTS);
    expect(chains(listener, 81)).toEqual([
      `tls ${ISTIO} → http over mTLS`,
      "tls istio-h2 → http over mTLS",
      "tls istio,istio-peer-exchange → tcp over mTLS",
      "tls - → tcp",
      "raw_buffer http/1.1 → http",
      "raw_buffer h2c → http",
      "raw_buffer - → tcp",
    ]);
    expect(chains(listener, 80)).toEqual([
      `any ${ISTIO},istio-h2,istio,istio-peer-exchange → http over mTLS`,
      "any - → http",
    ]);
    expect(chains(listener, 82)).toEqual(BYTES);
  });

  test("PERMISSIVE: the client of a server that speaks first is waited for a second at most, unless HTTP may come late", () => {
    const patience = (ports: string, ...more: readonly string[]) => {
      const { listenerFiltersTimeout, continueOnListenerFiltersTimeout } = inbound(service(ports), ...more);
      return continueOnListenerFiltersTimeout ? Number(listenerFiltersTimeout?.seconds) : undefined;
    };
    const [http, any, tcp] = ["{port: 80, name: http}", "{port: 81, name: x}", "{port: 82, name: tcp}"];
    expect(patience(tcp)).toBe(1);
    expect(patience(`${http}, ${tcp}`)).toBe(1);
    expect(patience(`${any}, ${tcp}`)).toBe(5);
    expect(patience(http)).toBe(5);
    for (const port of [25, 3306]) expect(patience(`{port: ${port}, name: tcp}`)).toBeUndefined();
    expect(patience(tcp, peerAuthentication("DISABLE"))).toBeUndefined();
  });

  test("STRICT: TLS alone, on every port; DISABLE: none", () => {
    const strict = inbound(PORTS, peerAuthentication("STRICT"));
    const off = inbound(PORTS, peerAuthentication("DISABLE"));
    for (const port of [80, 81, 82]) {
      expect([port, chains(strict, port).length, chains(off, port).length]).not.toContain(0);
      for (const chain of chains(strict, port)) expect(chain).toEndWith("over mTLS");
      for (const chain of chains(off, port)) expect(chain).not.toContain("mTLS");
    }
  });

  test("a port of no Service is passed through under the same mode: to the application, or nowhere when STRICT", () => {
    const target = (listener: Listener) => listener.defaultFilterChain?.name;
    expect(target(inbound(PORTS))).toBe("InboundPassthroughCluster");
    expect(target(inbound(PORTS, peerAuthentication("STRICT")))).toBe("BlackHoleCluster");
  });

  test("a port of no Service has the mode that portLevelMtls gives it", () => {
    const otherwise = (mode: string, ports: string) => {
      const spec = `{selector: {matchLabels: {app: web}}, mtls: {mode: ${mode}}, portLevelMtls: ${ports}}`;
      const { filterChains, defaultFilterChain } = inbound(PORTS, object("PeerAuthentication", spec, SECURITY));
      const apart = filterChains.filter(({ filterChainMatch: match }) => (match?.destinationPort ?? 0) > 9000);
      const lines = apart.map(({ filterChainMatch: match, name }) => `${match?.destinationPort} ${name}`);
      return [...lines, `else ${defaultFilterChain?.name}`];
    };
    const ports = "{9002: {mode: STRICT}, 9001: {mode: STRICT}, 9003: {mode: DISABLE}, 80: {mode: STRICT}}";
    expect(otherwise("PERMISSIVE", ports)).toEqual([
      "9001 BlackHoleCluster|9001",
      "9002 BlackHoleCluster|9002",
      "else InboundPassthroughCluster",
    ]);
    expect(otherwise("STRICT", ports)).toEqual(["9003 InboundPassthroughCluster|9003", "else BlackHoleCluster"]);
  });
});

test("clusters, server names, listeners and routes have the names that the ecosystem reads", () => {
  const rule = object("DestinationRule", "{host: web, subsets: [{name: v1}]}");
  const spec = service("{port: 80, name: http}, {port: 9000, name: tcp}");
  const [client, server] = [snapshotOf("client", spec, rule), snapshotOf("web", spec, rule)];
  const names = (snapshot: ProxySnapshot, kind: "cds" | "lds" | "rds") => [...resourcesOf(snapshot, kind).keys()];
  expect(names(client, "cds")).toEqual(
    expect.arrayContaining([
      ...[80, 9000].flatMap((port) => [`outbound|${port}||${HOST}`, `outbound|${port}|v1|${HOST}`]),
      ...["PassthroughCluster", "BlackHoleCluster", "InboundPassthroughCluster"],
    ]),
  );
  expect(names(server, "cds")).toEqual(expect.arrayContaining(["inbound|80||", "inbound|9000||"]));
  expect(names(client, "lds")).toEqual(expect.arrayContaining(["virtualOutbound", "0.0.0.0_80", "10.9.0.1_9000"]));
  expect(names(server, "lds")).toEqual(expect.arrayContaining(["virtualInbound"]));
  expect(names(client, "rds")).toContain("80");
  expect([...server.serverNames]).toEqual(
    expect.arrayContaining([`outbound_.80_._.${HOST}`, `outbound_.9000_._.${HOST}`]),
  );
});
