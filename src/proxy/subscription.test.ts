import { afterEach, expect, test } from "bun:test";
import { TestAds } from "../xds/ads-fixture.ts";
import { sentByName } from "../xds/delta-response.ts";
import { BootstrapSchema } from "../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import { ClusterSchema } from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import { encodeResource, type Resource } from "../xds/resource.ts";
import { assignment, snapshotOf } from "../xds/resource-fixtures.ts";
import { type RunningProxy, startProxy } from "./main.ts";
import { httpFilter, listener, type Message, parse, routeTo, staticCluster } from "./proxy-fixture.ts";
import { answering, connectRaw, type RawServer, until } from "./raw-peer-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const ADS: Message = { ads: {}, resource_api_version: "V3" };

const HTTP3: Message = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http3_protocol_options: {} },
  },
};

function edsCluster(name: string, changes: Message = {}): Resource {
  const { load_assignment: _, ...rest } = staticCluster(name, []);
  const message = { ...rest, type: "EDS", eds_cluster_config: { eds_config: ADS }, ...changes };
  return encodeResource("cds", parse(ClusterSchema, message));
}

function rdsListener(name: string, route: string): Resource {
  const filter = httpFilter({ name, settings: { rds: { route_config_name: route, config_source: ADS } } });
  return encodeResource("lds", parse(ListenerSchema, listener(name, filter)));
}

function routes(name: string, cluster: string): Resource {
  const virtualHost = { name, domains: ["*"], routes: [routeTo(cluster)] };
  return encodeResource("rds", parse(RouteConfigurationSchema, { name, virtual_hosts: [virtualHost] }));
}

interface Subscribed {
  readonly ads: TestAds;
  readonly proxy: RunningProxy;
}

async function subscribed(resources: readonly Resource[]): Promise<Subscribed> {
  const ads = new TestAds(snapshotOf(resources));
  const options = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  const control = staticCluster("xds-grpc", [await ads.listen()], { typed_extension_protocol_options: options });
  const source = {
    api_type: "DELTA_GRPC",
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
  };
  const bootstrap = parse(BootstrapSchema, {
    node: { id: "test", cluster: "test" },
    static_resources: { clusters: [control] },
    dynamic_resources: { ads_config: source, cds_config: ADS, lds_config: ADS },
  });
  const proxy = startProxy({ bootstrap, version: "test", drainMs: 0, listenerDrainMs: 10_000, reusePort: false });
  open.push({
    async close() {
      await proxy.stop();
      ads.close();
    },
  });
  return { ads, proxy };
}

function upstreamSaying(word: string): RawServer {
  const upstream = answering(`HTTP/1.1 200 OK\r\ncontent-length: ${word.length}\r\n\r\n${word}`);
  open.push(upstream);
  return upstream;
}

async function answer({ configuration }: RunningProxy, name: string): Promise<string> {
  await until(`listener ${name} is open`, () => (configuration.listenerManager.listeners.get(name)?.port ?? 0) > 0);
  const client = await connectRaw(configuration.listenerManager.listeners.get(name)!.port);
  client.send(GET);
  await client.hears("\r\n\r\n");
  client.reset();
  return client.text.split("\r\n\r\n")[1] ?? "";
}

test("what comes is acknowledged, each type after what it names, and serves", async () => {
  const upstream = upstreamSaying("one");
  const { ads, proxy } = await subscribed([
    edsCluster("a"),
    assignment("a", upstream.port),
    rdsListener("l", "r"),
    routes("r", "a"),
  ]);
  const lines = await ads.until("> rds ack");
  for (const kind of ["cds", "eds", "lds"]) expect(lines).toContain(`> ${kind} ack`);
  expect(lines.indexOf("< cds +a")).toBeLessThan(lines.indexOf("< eds +a"));
  expect(lines.indexOf("< lds +l")).toBeLessThan(lines.indexOf("< rds +r"));
  expect(await answer(proxy, "l")).toBe("one");
});

test("what cannot be is refused with its name and field, what was good stays in force, and the next good one is taken", async () => {
  const upstream = upstreamSaying("one");
  const rest = [assignment("a", upstream.port), rdsListener("l", "r"), routes("r", "a")];
  const { ads, proxy } = await subscribed([edsCluster("a"), ...rest]);
  await ads.until("> rds ack");
  ads.update(snapshotOf([edsCluster("a", { typed_extension_protocol_options: HTTP3 }), ...rest], "2"));
  await ads.until("> cds nack");
  const { refusals } = ads.stream!.status().find(({ kind }) => kind === "cds")!;
  expect(JSON.stringify(refusals)).toMatch(/"a".*http3_protocol_options|"a".*explicit_http_config/);
  expect(await answer(proxy, "l")).toBe("one");
  ads.update(snapshotOf([edsCluster("a", { connect_timeout: "2s" }), ...rest], "3"));
  await ads.until("> cds ack");
  expect(proxy.configuration.clusters.get("a")!.table.connectTimeoutMs).toBe(2_000);
});

test("a route that moves to a new cluster is served by either at every moment: the new is there before, the old goes after", async () => {
  const [one, two] = [upstreamSaying("one"), upstreamSaying("two")];
  const lds = rdsListener("l", "r");
  const { ads, proxy } = await subscribed([edsCluster("a"), assignment("a", one.port), lds, routes("r", "a")]);
  await ads.until("> rds ack");
  expect(await answer(proxy, "l")).toBe("one");
  ads.lines = [];
  ads.update(snapshotOf([edsCluster("b"), assignment("b", two.port), lds, routes("r", "b")], "2"));
  let last = "one";
  while (last === "one") last = await answer(proxy, "l");
  expect(last).toBe("two");
  await until("the old cluster is gone", () => !proxy.configuration.clusters.has("a"));
  const sent = ads.lines.filter((line) => line.startsWith("< "));
  const at = (text: string) => sent.findIndex((line) => line.includes(text));
  expect(at("+b")).toBeLessThan(at("rds +r"));
  expect(at("rds +r")).toBeLessThan(at("-a"));
});

test("a stream that ends loses nothing: the next one says what is held, and is told what changed meanwhile", async () => {
  const upstream = upstreamSaying("one");
  const resources = [edsCluster("a"), assignment("a", upstream.port), rdsListener("l", "r"), routes("r", "a")];
  const { ads, proxy } = await subscribed(resources);
  await ads.until("> rds ack");
  ads.lines = [];
  ads.disconnect();
  expect(await answer(proxy, "l")).toBe("one");
  await until("another stream", () => ads.lines.some((line) => line.startsWith("> cds") && line.includes("=a")));
  ads.update(snapshotOf([...resources, rdsListener("m", "r")], "2"));
  expect(await answer(proxy, "m")).toBe("one");
});

/** Enough for many turns of the event loop. */
function manyRoutes(name: string, hosts: number): Resource {
  const virtual_hosts = Array.from({ length: hosts }, (_, i) => ({
    name: `${name} ${i}`,
    domains: [i === 0 ? "*" : `${i}.example`],
    routes: Array.from({ length: 5 }, () => routeTo("a")),
  }));
  return encodeResource("rds", parse(RouteConfigurationSchema, { name, virtual_hosts }));
}

test("what comes while a large update is applied waits for it: acknowledgements keep the order of the responses", async () => {
  const upstream = upstreamSaying("one");
  const { ads, proxy } = await subscribed([
    edsCluster("a"),
    assignment("a", upstream.port),
    rdsListener("l", "r"),
    routes("r", "a"),
  ]);
  await ads.until("> rds ack");
  ads.lines = [];
  const large = manyRoutes("r", 500);
  const later = edsCluster("a", { connect_timeout: "2s" });
  const { configuration } = proxy;
  ads.send({
    kind: "rds",
    nonce: "large",
    systemVersion: "",
    resources: [sentByName(large)],
    removed: [],
  });
  ads.send({
    kind: "cds",
    nonce: "later",
    systemVersion: "",
    resources: [sentByName(later)],
    removed: [],
  });
  // With the first virtual hosts of the new table in force, or the new cluster before all of them, this would see it.
  while (configuration.clusters.get("a")!.table.connectTimeoutMs !== 2_000) {
    expect([1, 500]).toContain(configuration.routes("r").current!.virtualHosts.all.length);
    await Bun.sleep(1);
  }
  expect(configuration.routes("r").current!.virtualHosts.all.length).toBe(500);
  await until("both are acknowledged", () => ads.lines.includes("> cds ack"));
  expect(ads.lines.filter((line) => /^> (rds|cds) ack$/.test(line))).toEqual(["> rds ack", "> cds ack"]);
});

test("a stream that is lost while an update is applied loses nothing", async () => {
  const upstream = upstreamSaying("one");
  const base = [edsCluster("a"), assignment("a", upstream.port), rdsListener("l", "r")];
  const { ads, proxy } = await subscribed([...base, routes("r", "a")]);
  await ads.until("> rds ack");
  ads.update(snapshotOf([...base, manyRoutes("r", 500)], "2"));
  ads.disconnect();
  await until("all are in force", () => proxy.configuration.routes("r").current?.virtualHosts.all.length === 500);
  ads.update(snapshotOf([...base, routes("r", "a")], "3"));
  await until("what came after is too", () => proxy.configuration.routes("r").current?.virtualHosts.all.length === 1);
  expect(await answer(proxy, "l")).toBe("one");
});

test("a message that is no response ends the stream, and the next one goes on", async () => {
  const upstream = upstreamSaying("one");
  const resources = [edsCluster("a"), assignment("a", upstream.port), rdsListener("l", "r"), routes("r", "a")];
  const { ads, proxy } = await subscribed(resources);
  await ads.until("> rds ack");
  ads.lines = [];
  ads.sendBytes(Buffer.from([0x12, 0x7f, 1]));
  await until("another stream", () => ads.lines.some((line) => line.startsWith("> cds") && line.includes("=a")));
  expect(await answer(proxy, "l")).toBe("one");
});

test("a listener that goes is closed, and the routes that nobody asks for any more are let go", async () => {
  const upstream = upstreamSaying("one");
  const base = [edsCluster("a"), assignment("a", upstream.port)];
  const { ads, proxy } = await subscribed([...base, rdsListener("l", "r"), routes("r", "a")]);
  await ads.until("> rds ack");
  ads.update(snapshotOf(base, "2"));
  await ads.until("> rds -r");
  expect(proxy.configuration.listenerManager.listeners.size).toBe(0);
  expect(proxy.configuration.listenerManager.routeNames.size).toBe(0);
});
