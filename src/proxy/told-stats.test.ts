import { afterEach, expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import { saidInBootstrap } from "../control/registration/said-in-bootstrap.ts";
import { resource } from "../kube/resources.ts";
import { expositionText } from "../stats/exposition.ts";
import { statsOf } from "./admin/stat.ts";
import { TestEnvoy } from "./envoy-fixture.ts";
import { httpFilter, listener, type Message, routeTo, staticCluster, TestProxy } from "./proxy-fixture.ts";
import { answering } from "./raw-peer-fixture.ts";

const ENVOY = findComponent("envoy");
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const POD = {
  type: resource.pods,
  object: { apiVersion: "v1", kind: "Pod", metadata: { namespace: "shop", name: "web" }, spec: {} },
};
/** As the control plane says it of a proxyStatsMatcher. */
const BOOTSTRAP: Message = saidInBootstrap(
  {
    environment: {},
    statistics: { prefixes: ["cluster.up"], suffixes: ["_rq_retry"], regexes: ["cluster\\.o.*_cx_total"] },
  },
  POD,
)[0]!.value as Message;

const shown = (names: readonly string[]) => ({
  prefix: names.includes("cluster.upstream.upstream_rq_total"),
  regex: names.includes("cluster.other.upstream_cx_total"),
  others: names.includes("cluster.other.upstream_rq_total"),
  always: names.some((name) => /^listener\..*\.downstream_cx_active$/.test(name)) && names.includes("server.live"),
});
const EXPECTED = { prefix: true, regex: true, others: false, always: true };

function clusters(port: number): Message[] {
  return [staticCluster("upstream", [port]), staticCluster("other", [port])];
}

test("a proxy tells those of its statistics that its bootstrap includes, and metrics of the mesh anyhow", async () => {
  const application = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  const filter = httpFilter({ name: "http", routes: [routeTo("upstream")], filters: [], log: "/dev/null" });
  const chain = { filters: [filter] };
  const resources = {
    listeners: [listener("http", filter, { filter_chains: [chain] })],
    clusters: clusters(application.port),
  };
  const proxy = new TestProxy({ bootstrap: { static_resources: resources, ...BOOTSTRAP } });
  open.push(application, proxy);
  await (await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n")).hears("\r\n\r\n");
  const { registry } = proxy.proxy;
  const names = statsOf(registry).map(({ name }) => name);
  expect(shown(names)).toEqual(EXPECTED);
  const text = expositionText(registry, "text");
  expect(text).toContain("istio_requests_total{");
  expect(text).toContain('envoy_cluster_upstream_rq_total{cluster_name="upstream"} 1');
  expect(text).not.toContain('envoy_cluster_upstream_rq_total{cluster_name="other"}');
  expect(text).not.toContain('envoy_cluster_circuit_breakers_default_rq_open{cluster_name="other"}');
  if (!ENVOY) return;
  const envoy = new TestEnvoy(ENVOY, resources, BOOTSTRAP);
  open.push(envoy);
  const port = await envoy.port();
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  const theirs = (await envoy.admin("/stats")).split("\n").map((line) => line.slice(0, line.lastIndexOf(": ")));
  expect(shown(theirs)).toEqual(EXPECTED);
});
