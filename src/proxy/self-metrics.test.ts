import { afterEach, expect, test } from "bun:test";
import { fromJson } from "@bufbuild/protobuf";
import { expositionText } from "../stats/exposition.ts";
import { Registry } from "../stats/registry.ts";
import { checkCluster, checkListener } from "../table/accept/resource.ts";
import { jsonRegistry } from "../xds/any.ts";
import { ClusterSchema } from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ListenerSchema } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { httpFilter, listener, routeTo, staticCluster, TestProxy } from "./proxy-fixture.ts";
import { answering, closedPort, type RawServer } from "./raw-peer-fixture.ts";
import { collectProxy } from "./self-metrics.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

interface Scraped {
  readonly proxy: TestProxy;
  readonly upstream: RawServer;
  /** Value of the series, undefined without it. */
  scrape(metric: string, name: string): number | undefined;
}

function scraped(): Scraped {
  const upstream = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  const proxy = new TestProxy({ ports: [upstream.port] });
  open.push(proxy, upstream);
  const registry = new Registry();
  collectProxy(registry, { configuration: proxy.proxy.configuration, startedAt: 0, isReady: () => true });
  const scrape = (metric: string, name: string) => {
    const lines = expositionText(registry, "text").split("\n");
    const line = lines.find((one) => one.startsWith(`${metric}{`) && one.includes(`"${name}"`));
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  };
  return { proxy, upstream, scrape };
}

async function request(proxy: TestProxy): Promise<void> {
  const client = await proxy.sends(GET);
  await client.hears("\r\n\r\n");
}

function setCluster({ proxy }: Scraped, name: string, port: number): void {
  const message = fromJson(ClusterSchema, staticCluster(name, [port]), { registry: jsonRegistry() });
  const checked = checkCluster(message);
  if (checked.kind === "rejected") throw new Error(JSON.stringify(checked.rejections));
  proxy.proxy.configuration.setCluster(checked.table.value);
}

test("a cluster that comes has figures, and one that goes has none", () => {
  const proxy = scraped();
  expect(proxy.scrape("envoy_cluster_membership_total", "late")).toBeUndefined();
  setCluster(proxy, "late", closedPort());
  expect(proxy.scrape("envoy_cluster_membership_total", "late")).toBe(1);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "late")).toBe(0);
  proxy.proxy.proxy.configuration.removeCluster("late");
  expect(proxy.scrape("envoy_cluster_membership_total", "late")).toBeUndefined();
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "late")).toBeUndefined();
});

test("a cluster that is replaced counts on: requests, connections", async () => {
  const proxy = scraped();
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "upstream")).toBe(1);
  expect(proxy.scrape("envoy_cluster_upstream_cx_total", "upstream")).toBe(1);
  setCluster(proxy, "upstream", proxy.upstream.port);
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "upstream")).toBe(2);
  expect(proxy.scrape("envoy_cluster_upstream_cx_total", "upstream")).toBe(2);
});

test("a cluster that comes back between two scrapes counts from 0", async () => {
  const proxy = scraped();
  for (let i = 0; i < 3; i++) await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "upstream")).toBe(3);
  proxy.proxy.proxy.configuration.removeCluster("upstream");
  setCluster(proxy, "upstream", proxy.upstream.port);
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "upstream")).toBe(1);
});

test("a connection that is refused is counted as failed", async () => {
  const proxy = scraped();
  setCluster(proxy, "upstream", closedPort());
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_cx_connect_fail", "upstream")).toBe(1);
  expect(proxy.scrape("envoy_cluster_upstream_rq_active", "upstream")).toBe(0);
});

test("a listener that is replaced counts on", async () => {
  const proxy = scraped();
  await request(proxy.proxy);
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_listener_downstream_cx_total", "http")).toBe(2);
  const filter = httpFilter({ name: "other", routes: [routeTo("upstream")] });
  const checked = checkListener(fromJson(ListenerSchema, listener("http", filter), { registry: jsonRegistry() }));
  if (checked.kind === "rejected") throw new Error(JSON.stringify(checked.rejections));
  proxy.proxy.proxy.configuration.setListener(checked.table.value);
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_listener_downstream_cx_total", "http")).toBe(3);
});
