import { afterEach, expect, test } from "bun:test";
import { until } from "../base/until-fixture.ts";
import { expositionText } from "../stats/exposition.ts";
import { Registry } from "../stats/registry.ts";
import { httpFilter, listener, routeTo, setCluster, setListener, staticCluster, TestProxy } from "./proxy-fixture.ts";
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

function replaceCluster({ proxy }: Scraped, name: string, port: number): void {
  setCluster(proxy.proxy.configuration, staticCluster(name, [port]));
}

test("a cluster that comes has figures, and one that goes has none", () => {
  const proxy = scraped();
  expect(proxy.scrape("envoy_cluster_membership_total", "late")).toBeUndefined();
  replaceCluster(proxy, "late", closedPort());
  expect(proxy.scrape("envoy_cluster_membership_total", "late")).toBe(1);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "late")).toBe(0);
  proxy.proxy.proxy.configuration.clusterManager.removeCluster("late");
  expect(proxy.scrape("envoy_cluster_membership_total", "late")).toBeUndefined();
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "late")).toBeUndefined();
});

test("clusters of one name in statistics are counted together", async () => {
  const proxy = scraped();
  const { configuration } = proxy.proxy.proxy;
  const alike = (name: string) => staticCluster(name, [proxy.upstream.port], { alt_stat_name: "alike" });
  setCluster(configuration, alike("upstream"));
  setCluster(configuration, alike("twin"));
  for (let i = 0; i < 2; i++) await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_membership_total", "alike")).toBe(2);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "alike")).toBe(2);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "upstream")).toBeUndefined();
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "alike")).toBe(3);
  configuration.clusterManager.removeCluster("twin");
  expect(proxy.scrape("envoy_cluster_membership_total", "alike")).toBe(1);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "alike")).toBe(3);
});

test("a cluster that is replaced counts on: requests, connections", async () => {
  const proxy = scraped();
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "upstream")).toBe(1);
  expect(proxy.scrape("envoy_cluster_upstream_cx_total", "upstream")).toBe(1);
  replaceCluster(proxy, "upstream", proxy.upstream.port);
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "upstream")).toBe(2);
  expect(proxy.scrape("envoy_cluster_upstream_cx_total", "upstream")).toBe(2);
});

test("a cluster that comes back between two scrapes counts from 0", async () => {
  const proxy = scraped();
  for (let i = 0; i < 3; i++) await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "upstream")).toBe(3);
  proxy.proxy.proxy.configuration.clusterManager.removeCluster("upstream");
  replaceCluster(proxy, "upstream", proxy.upstream.port);
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_cluster_upstream_rq_total", "upstream")).toBe(1);
});

test("a connection that is refused is counted as failed", async () => {
  const proxy = scraped();
  replaceCluster(proxy, "upstream", closedPort());
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
  setListener(proxy.proxy.proxy.configuration, listener("http", filter));
  await request(proxy.proxy);
  expect(proxy.scrape("envoy_listener_downstream_cx_total", "http")).toBe(3);
});

test("ejections, health checks and open circuit breakers have Envoy's series, where the cluster has the thing", async () => {
  const proxy = scraped();
  const { configuration } = proxy.proxy.proxy;
  const changes = {
    outlier_detection: { consecutive_5xx: 1, max_ejection_percent: 100 },
    health_checks: [
      { timeout: "1s", interval: "60s", unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} },
    ],
    circuit_breakers: { thresholds: [{ max_requests: 1 }] },
  };
  setCluster(configuration, staticCluster("watched", [proxy.upstream.port], changes));
  await until("the first check passes", () => configuration.clusters.get("watched") !== undefined); // it warms until then
  const watched = configuration.clusters.get("watched")!;
  watched.hosts[0]!.monitor!.responded(500);
  expect(watched.breakers.admitRequest()).toBe(true);
  const of = (name: string) => proxy.scrape(`envoy_cluster_${name}`, "watched");
  expect(of("outlier_detection_ejections_active")).toBe(1);
  expect(of("outlier_detection_ejections_enforced_total")).toBe(1);
  expect(of("outlier_detection_ejections_detected_consecutive_5xx")).toBe(1);
  expect(of("outlier_detection_ejections_enforced_consecutive_gateway_failure")).toBe(0);
  expect([of("health_check_attempt"), of("health_check_success"), of("health_check_healthy")]).toEqual([1, 1, 1]);
  expect([of("circuit_breakers_default_rq_open"), of("circuit_breakers_high_rq_open")]).toEqual([1, 0]);
  watched.breakers.releaseRequest();
  expect(of("circuit_breakers_default_rq_open")).toBe(0);
  expect(proxy.scrape("envoy_cluster_outlier_detection_ejections_active", "upstream")).toBeUndefined();
  expect(proxy.scrape("envoy_cluster_health_check_attempt", "upstream")).toBeUndefined();
});
