import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect as connectTls } from "node:tls";
import { fromJson } from "@bufbuild/protobuf";
import { Secret } from "../base/secret.ts";
import { complete } from "../base/steps.ts";
import { type TestCertificate, testLeaf, testRoot } from "../pki/certificate-fixtures.ts";
import { checkVirtualHost } from "../table/accept/resource.ts";
import { type Endpoint, type EndpointSet, NO_ENDPOINTS } from "../table/endpoint.ts";
import { VirtualHostSchema } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { Configuration } from "./configuration.ts";
import {
  httpFilter,
  listener,
  type Message,
  routeTo,
  setCluster,
  setListener,
  setRoutes,
  staticCluster,
  TestProxy,
} from "./proxy-fixture.ts";
import { answering, connectRaw, type RawPeer, RawServer, until } from "./raw-peer-fixture.ts";
import { NO_PREFERENCE } from "./upstream/load-balancer-context.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const ADS: Message = { ads: {}, resource_api_version: "V3" };

const open: { close(): void | Promise<void> }[] = [];
let upstream: RawServer;
let configuration: Configuration;

beforeEach(() => {
  upstream = answering(OK);
  const proxy = new TestProxy({ ports: [upstream.port] });
  open.push(proxy, upstream);
  ({ configuration } = proxy.proxy);
});

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function rdsListener(route: string): Message {
  return listener("l", httpFilter({ name: "l", settings: { rds: { route_config_name: route, config_source: ADS } } }));
}

function routesSaying(name: string, status: number): Message {
  const routes = [{ match: { prefix: "/" }, direct_response: { status } }];
  return { name, virtual_hosts: [{ name, domains: ["*"], routes }] };
}

function portOf(name: string): number {
  return configuration.listenerManager.listeners.get(name)?.port ?? 0;
}

async function client(name: string): Promise<RawPeer> {
  const peer = await connectRaw(portOf(name));
  open.push({ close: () => peer.reset() });
  return peer;
}

/** The status line that a request gets on this connection. */
async function status(peer: RawPeer): Promise<string> {
  const before = peer.text.length;
  peer.send(GET);
  await until("an answer", () => peer.text.indexOf("\r\n\r\n", before) !== -1);
  return peer.text.slice(before + "HTTP/1.1 ".length, before + "HTTP/1.1 200".length);
}

describe("virtual hosts of VHDS", () => {
  function setHost(name: string, answer: number | undefined): void {
    const shell = configuration.routeManager.routeShell("r")!;
    const routes = [{ match: { prefix: "/" }, direct_response: { status: answer ?? 0 } }];
    const checked = checkVirtualHost(fromJson(VirtualHostSchema, { name, domains: [name], routes }), shell);
    if (checked.kind === "rejected") throw new Error(JSON.stringify(checked.rejections));
    configuration.routeManager.setVirtualHost("r", `r/${name}`, answer === undefined ? undefined : checked.table);
  }

  /** What each authority is answered with, by the table in force. */
  function answers(...authorities: string[]): (number | undefined)[] {
    const { current } = configuration.routes("r");
    return authorities.map((authority) => {
      const action = current?.virtualHosts.find(authority)?.routes.at(0)?.action;
      return action?.kind === "direct" ? action.status : undefined;
    });
  }

  test("are in force together when they are published, one by one and after a change of their configuration", () => {
    const own = [
      { name: "own", domains: ["own"], routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }] },
    ];
    setRoutes(configuration, { name: "r", virtual_hosts: own, vhds: { config_source: ADS } });
    setHost("a", 201);
    setHost("b", 202);
    expect(answers("own", "a", "b")).toEqual([undefined, undefined, undefined]);
    complete(configuration.routeManager.publishVirtualHosts("r"));
    expect(answers("own", "a", "b")).toEqual([200, 201, 202]);
    const before = configuration.routes("r").current;
    setHost("a", 203);
    setHost("a", 204);
    setHost("b", undefined);
    setHost("c", 205);
    setHost("d", 206);
    setHost("d", undefined);
    expect(answers("a", "b", "c", "d")).toEqual([201, 202, undefined, undefined]);
    complete(configuration.routeManager.publishVirtualHosts("r"));
    expect(answers("own", "a", "b", "c", "d")).toEqual([200, 204, undefined, 205, undefined]);
    expect(before?.virtualHosts.find("b")?.name).toBe("b"); // a request keeps what it took
    setRoutes(configuration, { name: "r", vhds: { config_source: ADS } });
    expect(answers("own", "a", "c")).toEqual([undefined, 204, 205]);
    setHost("a", undefined);
    complete(configuration.routeManager.publishVirtualHosts("r"));
    expect(answers("a", "c")).toEqual([undefined, 205]);
  });
});

describe("warming", () => {
  test("a listener opens once its routes are here", async () => {
    setListener(configuration, rdsListener("r"));
    expect([configuration.listenerManager.warmingNames, portOf("l")]).toEqual([["l"], 0]);
    expect(configuration.listenerManager.routeNames.has("r")).toBe(true);
    setRoutes(configuration, routesSaying("other", 204));
    expect(portOf("l")).toBe(0);
    setRoutes(configuration, routesSaying("r", 204));
    expect(configuration.listenerManager.warmingNames).toEqual([]);
    expect(await status(await client("l"))).toBe("204");
  });

  test("while a new version waits, the one in force serves; then connections get the new one", async () => {
    setListener(configuration, rdsListener("r"));
    setRoutes(configuration, routesSaying("r", 204));
    const port = portOf("l");
    setListener(configuration, rdsListener("r2"));
    expect(await status(await client("l"))).toBe("204");
    setRoutes(configuration, routesSaying("r2", 205));
    expect(portOf("l")).toBe(port);
    expect(await status(await client("l"))).toBe("205");
  });

  test("a listener that goes while it waits never opens", () => {
    setListener(configuration, rdsListener("r"));
    configuration.listenerManager.removeListener("l");
    setRoutes(configuration, routesSaying("r", 204));
    expect([configuration.listenerManager.warmingNames, portOf("l")]).toEqual([[], 0]);
  });

  test("routes that change serve the next request of a connection that is open", async () => {
    setListener(configuration, rdsListener("r"));
    setRoutes(configuration, routesSaying("r", 204));
    const peer = await client("l");
    expect(await status(peer)).toBe("204");
    setRoutes(configuration, routesSaying("r", 205));
    expect(await status(peer)).toBe("205");
    configuration.routeManager.removeRoutes("r");
    expect(await status(peer)).toBe("404");
  });
});

describe("warming of clusters", () => {
  const eds = (name: string, source: Message = {}, changes: Message = {}): Message => {
    const { load_assignment: _, ...rest } = staticCluster(name, []);
    return { ...rest, type: "EDS", eds_cluster_config: { eds_config: { ...ADS, ...source } }, ...changes };
  };
  const endpointsOf = (port: number): EndpointSet => {
    setCluster(configuration, staticCluster("shape", [port]));
    const { discovery } = configuration.clusters.get("shape")!.table;
    if (discovery.kind !== "static") throw new Error("the fixture's cluster is static");
    return discovery.endpoints;
  };

  test("one that replaces another is used once its endpoints are here; until then the other serves", async () => {
    const other = answering("HTTP/1.1 204 No Content\r\n\r\n");
    open.push(other);
    const peer = await client("http");
    setCluster(configuration, eds("upstream"));
    expect(configuration.clusterManager.warming).toEqual(["upstream"]);
    expect(configuration.clusterManager.endpointNames.has("upstream")).toBe(true);
    expect(await status(peer)).toBe("200");
    configuration.clusterManager.setEndpoints("upstream", endpointsOf(other.port));
    expect(configuration.clusterManager.warming).toEqual([]);
    expect(await status(peer)).toBe("204");
  });

  test("that there are no endpoints is an answer, too", async () => {
    setCluster(configuration, eds("upstream"));
    configuration.clusterManager.removeEndpoints("upstream");
    expect(configuration.clusterManager.warming).toEqual([]);
    expect(await status(await client("http"))).toBe("503");
  });

  test("one whose endpoints do not come within initial_fetch_timeout goes on without; 0 waits for ever", async () => {
    setCluster(configuration, eds("upstream", { initial_fetch_timeout: "0.02s" }));
    setCluster(configuration, eds("patient", { initial_fetch_timeout: "0s" }));
    await until("it gives up", () => !configuration.clusterManager.warming.includes("upstream"));
    expect(configuration.clusterManager.warming).toEqual(["patient"]);
    expect(await status(await client("http"))).toBe("503");
  });

  test("one waits for the secrets of its TLS", async () => {
    const tls = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
    const certificates = [{ name: "late", sds_config: ADS }];
    const context = { "@type": tls, common_tls_context: { tls_certificate_sds_secret_configs: certificates } };
    const transport_socket = { name: "envoy.transport_sockets.tls", typed_config: context };
    setCluster(configuration, staticCluster("upstream", [upstream.port], { transport_socket }));
    expect(configuration.clusterManager.warming).toEqual(["upstream"]);
    expect(await status(await client("http"))).toBe("200"); // the one before, in the clear
    const leaf = testLeaf(testRoot(Date.now()), "spiffe://cluster.local/ns/default/sa/late", Date.now());
    configuration.setSecret("late", { kind: "certificate", chain: leaf.pem, key: new Secret(leaf.keyPem) });
    expect(configuration.clusterManager.warming).toEqual([]);
  });

  test("one that goes while it waits, or is replaced meanwhile, never serves", async () => {
    setCluster(configuration, eds("upstream"));
    setCluster(configuration, staticCluster("upstream", [upstream.port]));
    configuration.clusterManager.removeEndpoints("upstream");
    expect(await status(await client("http"))).toBe("200");
    setCluster(configuration, eds("gone"));
    configuration.clusterManager.removeCluster("gone");
    configuration.clusterManager.removeEndpoints("gone");
    expect([configuration.clusterManager.warming, configuration.clusters.has("gone")]).toEqual([[], false]);
  });

  test("a listener whose routes do not come within initial_fetch_timeout opens without", async () => {
    const source = { ...ADS, initial_fetch_timeout: "0.02s" };
    const settings = { rds: { route_config_name: "r", config_source: source } };
    setListener(configuration, listener("l", httpFilter({ name: "l", settings })));
    expect(portOf("l")).toBe(0);
    await until("it opens", () => portOf("l") !== 0);
    const peer = await client("l");
    expect(await status(peer)).toBe("404");
    setRoutes(configuration, routesSaying("r", 204));
    expect(await status(peer)).toBe("204");
  });
});

describe("a listener that is replaced", () => {
  const filterSaying = (code: number) =>
    httpFilter({ name: "l", routes: [{ match: { prefix: "/" }, direct_response: { status: code } }] });

  test("drains the connections of a chain that changed, and refuses no connection meanwhile", async () => {
    setListener(configuration, listener("l", filterSaying(204)));
    const peer = await client("l");
    expect(await status(peer)).toBe("204");
    setListener(configuration, listener("l", filterSaying(205)));
    await peer.isClosed();
    expect(await status(await client("l"))).toBe("205");
  });

  test("leaves the connections of a chain that is the same alone", async () => {
    setListener(configuration, listener("l", filterSaying(204)));
    const peer = await client("l");
    expect(await status(peer)).toBe("204");
    setListener(configuration, listener("l", filterSaying(204), { traffic_direction: "OUTBOUND" }));
    expect(await status(peer)).toBe("204");
    expect(peer.text).not.toContain("connection: close");
    expect(configuration.connections).toBe(1);
  });

  test("finishes the request under way of a chain that changed", async () => {
    const slow = new RawServer();
    open.push(slow);
    setCluster(configuration, staticCluster("slow", [slow.port]));
    setListener(configuration, listener("l", httpFilter({ name: "l", routes: [routeTo("slow")] })));
    const peer = await client("l");
    peer.send(GET);
    const connection = await slow.connection(0);
    await connection.hears("\r\n\r\n");
    setListener(configuration, listener("l", filterSaying(204)));
    expect(configuration.connections).toBe(1); // the end of the process waits for it
    connection.send(OK);
    await peer.isClosed();
    expect(peer.text).toContain("connection: close");
    expect(peer.text).toEndWith("ok");
  });

  test("that goes closes its port and its idle connections", async () => {
    const port = portOf("http");
    const peer = await client("http");
    expect(await status(peer)).toBe("200");
    configuration.listenerManager.removeListener("http");
    await peer.isClosed();
    await expect(connectRaw(port)).rejects.toThrow();
  });
});

describe("clusters", () => {
  function endpoint(port: number): Endpoint {
    setCluster(configuration, staticCluster("shape", [port]));
    const { discovery } = configuration.clusters.get("shape")!.table;
    if (discovery.kind !== "static") throw new Error("the fixture's cluster is static");
    return discovery.endpoints.endpoints[0]!;
  }

  test("endpoints that stay keep their host and its connection; those that go are left", async () => {
    const other = new RawServer();
    open.push(other);
    const { load_assignment: _, ...rest } = staticCluster("upstream", []);
    setCluster(configuration, { ...rest, type: "EDS", eds_cluster_config: { eds_config: ADS } });
    expect(configuration.clusterManager.endpointNames.has("upstream")).toBe(true);
    configuration.clusterManager.setEndpoints("upstream", { ...NO_ENDPOINTS, endpoints: [endpoint(upstream.port)] });
    const peer = await client("http");
    expect(await status(peer)).toBe("200");
    const host = configuration.clusters.get("upstream")!.hosts[0]!;
    configuration.clusterManager.setEndpoints("upstream", {
      ...NO_ENDPOINTS,
      endpoints: [endpoint(other.port), endpoint(upstream.port)],
    });
    expect(configuration.clusters.get("upstream")!.hosts).toContain(host);
    configuration.clusterManager.setEndpoints("upstream", { ...NO_ENDPOINTS, endpoints: [endpoint(upstream.port)] });
    expect(await status(peer)).toBe("200");
    expect(upstream.connections).toHaveLength(1);
    configuration.clusterManager.setEndpoints("upstream", NO_ENDPOINTS);
    await upstream.connections[0]!.isClosed();
    expect(await status(peer)).toBe("503");
  });

  test("a set that is removed stays with the cluster in force, until one that asks for another set takes its place", async () => {
    const other = answering("HTTP/1.1 204 No Content\r\n\r\n");
    open.push(other);
    const { load_assignment: _, ...rest } = staticCluster("upstream", []);
    const asking = (service_name: string) => ({
      ...rest,
      type: "EDS",
      eds_cluster_config: { service_name, eds_config: ADS },
    });
    const { clusterManager } = configuration;
    setCluster(configuration, asking("before"));
    clusterManager.setEndpoints("before", { ...NO_ENDPOINTS, endpoints: [endpoint(upstream.port)] });
    const peer = await client("http");
    setCluster(configuration, asking("after"));
    clusterManager.removeEndpoints("before");
    expect(await status(peer)).toBe("200");
    clusterManager.setEndpoints("after", { ...NO_ENDPOINTS, endpoints: [endpoint(other.port)] });
    expect(await status(peer)).toBe("204");
  });

  test("a host keeps its connection when its weight, priority or health changes; in poor health it is left alone", async () => {
    const { load_assignment: _, ...rest } = staticCluster("upstream", []);
    setCluster(configuration, { ...rest, type: "EDS", eds_cluster_config: { eds_config: ADS } });
    const at = endpoint(upstream.port);
    configuration.clusterManager.setEndpoints("upstream", { ...NO_ENDPOINTS, endpoints: [at] });
    const peer = await client("http");
    expect(await status(peer)).toBe("200");
    const cluster = configuration.clusters.get("upstream")!;
    const host = cluster.hosts[0]!;
    configuration.clusterManager.setEndpoints("upstream", {
      ...NO_ENDPOINTS,
      endpoints: [{ ...at, weight: 7, priority: 1, health: "degraded" }],
    });
    expect(await status(peer)).toBe("200");
    expect(cluster.hosts).toEqual([host]);
    expect([host.weight, host.priority, host.health]).toEqual([7, 1, "degraded"]);
    expect(upstream.connections).toHaveLength(1);
    configuration.clusterManager.setEndpoints("upstream", { ...NO_ENDPOINTS, endpoints: [at, endpoint(1)] });
    host.ejected = true;
    cluster.onHealthChanged(host);
    expect(cluster.choose(NO_PREFERENCE)?.label).toBe("127.0.0.1:1");
    host.ejected = false;
    cluster.onHealthChanged(host);
    const chosen = new Set([cluster.choose(NO_PREFERENCE), cluster.choose(NO_PREFERENCE)]);
    expect(chosen.has(host)).toBe(true);
  });

  test("one that would stand for itself is refused, be it through others; what was there stays", () => {
    const { table } = configuration.clusters.get("upstream")!;
    const standsFor = (name: string, ...clusters: readonly string[]) =>
      configuration.clusterManager.setCluster({ ...table, name, discovery: { kind: "aggregate", clusters } });
    expect(standsFor("a", "upstream", "b")).toBeUndefined();
    expect(standsFor("b", "c")).toBeUndefined();
    expect(standsFor("c", "upstream", "a")).toContain("itself");
    expect(standsFor("a", "a")).toContain("itself");
    expect(configuration.clusters.has("c")).toBe(false);
    // One that warms closes the circle when it is warm.
    const tls = { kind: "tls", certificate: "late" } as typeof table.socket;
    const discovery = { kind: "aggregate", clusters: ["d"] } as const;
    expect(
      configuration.clusterManager.setCluster({ ...table, name: "warms", socket: tls, discovery }),
    ).toBeUndefined();
    expect(configuration.clusterManager.warming).toEqual(["warms"]);
    expect(standsFor("d", "warms")).toContain("itself");
    expect(configuration.clusters.get("a")!.choose(NO_PREFERENCE)?.label).toBe(`127.0.0.1:${upstream.port}`);
  });

  test("one that goes answers 503, and its connections close", async () => {
    const peer = await client("http");
    expect(await status(peer)).toBe("200");
    configuration.clusterManager.removeCluster("upstream");
    await upstream.connections[0]!.isClosed();
    expect(await status(peer)).toBe("503");
  });
});

describe("secrets", () => {
  const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
  const root = testRoot(Date.now());

  function tlsListener(settings: Message = {}): Message {
    const routes = [{ match: { prefix: "/" }, direct_response: { status: 204 } }];
    const filter = httpFilter({ name: "l", routes, settings });
    const context = { tls_certificate_sds_secret_configs: [{ name: "default", sds_config: ADS }] };
    const socket = {
      name: "envoy.transport_sockets.tls",
      typed_config: { "@type": TLS, common_tls_context: context },
    };
    const chain = { filters: [filter], transport_socket: socket };
    return { name: "l", address: { socket_address: { address: "127.0.0.1", port_value: 0 } }, filter_chains: [chain] };
  }

  function leaf(account: string): TestCertificate {
    return testLeaf(root, `spiffe://cluster.local/ns/default/sa/${account}`, Date.now());
  }

  function setSecret(certificate: TestCertificate, key: TestCertificate = certificate): string | undefined {
    return configuration.setSecret("default", {
      kind: "certificate",
      chain: certificate.pem,
      key: new Secret(key.keyPem),
    });
  }

  /** The name that the server proves, and whether a request is answered. */
  async function handshake() {
    const socket = connectTls({ port: portOf("l"), host: "127.0.0.1", rejectUnauthorized: false });
    open.push({ close: () => void socket.destroy() });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.on("secureConnect", resolve).on("error", reject);
    await promise;
    const request = async () => {
      const before = text.length;
      socket.write(GET);
      await until("an answer over TLS", () => text.length > before);
    };
    await request();
    return { name: socket.getPeerCertificate().subjectaltname, request };
  }

  test("a listener opens once its certificate is here, and the proxy knows who it is", async () => {
    setListener(configuration, tlsListener());
    expect([configuration.listenerManager.warmingNames, portOf("l")]).toEqual([["l"], 0]);
    expect(setSecret(leaf("one"))).toBeUndefined();
    expect(configuration.principal).toBe("spiffe://cluster.local/ns/default/sa/one");
    expect((await handshake()).name).toContain("/sa/one");
  });

  test("a renewed certificate serves the next handshake and disturbs no connection", async () => {
    setListener(configuration, tlsListener());
    setSecret(leaf("one"));
    const before = await handshake();
    setSecret(leaf("two"));
    await before.request();
    expect((await handshake()).name).toContain("/sa/two");
    expect(configuration.principal).toEndWith("/sa/two");
  });

  test("a key of another certificate, and what is none, are refused; the good one stays", async () => {
    setListener(configuration, tlsListener());
    const one = leaf("one");
    setSecret(one);
    expect(setSecret(leaf("two"), one)).toBeString();
    expect(setSecret({ ...one, pem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" })).toBeString();
    expect((await handshake()).name).toContain("/sa/one");
    expect(configuration.principal).toEndWith("/sa/one");
  });

  test("listeners that were replaced are let go while their socket stays open", async () => {
    const proxy = new TestProxy({ ports: [upstream.port], listenerDrainMs: 0 });
    open.push(proxy);
    ({ configuration } = proxy.proxy);
    setSecret(leaf("one"));
    const generations = Array.from({ length: 20 }, (_, i) => {
      setListener(configuration, tlsListener({ stream_idle_timeout: `${i + 1}s` }));
      return new WeakRef(configuration.listenerManager.listeners.get("l")!);
    });
    const port = portOf("l");
    // The newest is in force, and the collector takes words on the stack for references to a few.
    await until("all but a few are collected", () => {
      Bun.gc(true);
      return generations.filter((generation) => generation.deref()).length <= 5;
    });
    expect(portOf("l")).toBe(port);
    expect((await handshake()).name).toContain("/sa/one");
  });
});
