// What requests leave behind in the proxy's own exposition: classes, bytes, retries, and what stays when a listener goes.

import { afterEach, expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import { checkMetrics } from "../stats/promtool-fixture.ts";
import { httpFilter, listener, routeTo, setListener, TestProxy } from "./proxy-fixture.ts";
import { answering, closedPort, type RawServer, until } from "./raw-peer-fixture.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const promtool = findComponent("promtool");
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function proxied(upstream: RawServer, parts: ConstructorParameters<typeof TestProxy>[0] = {}): TestProxy {
  const proxy = new TestProxy({ ports: [upstream.port], admin: true, ...parts });
  open.push(proxy, upstream);
  return proxy;
}

/** The proxy's own scrape, by its admin interface. */
async function scrape(proxy: TestProxy): Promise<string> {
  return (await fetch(`http://127.0.0.1:${proxy.proxy.adminPort}/stats/prometheus`)).text();
}

function value(text: string, name: string, labels: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${name}{`) && one.includes(labels));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

test("requests are counted by class, with the bytes of both sides", async () => {
  const ok = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
  const upstream = answering(ok, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", ok);
  const proxy = proxied(upstream);
  const client = await proxy.client();
  for (let i = 1; i <= 3; i++) {
    client.send(GET);
    await until(
      `answer ${i}`,
      () => client.text.split("HTTP/1.1 ").length > i && /\r\n\r\n(hello)?$/.test(client.text),
    );
  }
  const text = await scrape(proxy);
  const classes = (name: string) =>
    ["2xx", "4xx", "5xx"].map((one) => value(text, name, `response_code_class="${one}"`));
  expect(classes("envoy_http_downstream_rq_xx")).toEqual([2, 1, undefined]);
  expect(classes("envoy_cluster_upstream_rq_xx")).toEqual([2, 1, undefined]);
  expect(classes("envoy_listener_http_downstream_rq")).toEqual([2, 1, undefined]);
  expect(value(text, "envoy_http_downstream_rq_total", '"http"')).toBe(3);
  expect(value(text, "envoy_http_downstream_rq_active", '"http"')).toBe(0);
  expect(value(text, "envoy_http_downstream_cx_active", '"http"')).toBe(1);
  expect(value(text, "envoy_http_downstream_cx_rx_bytes_total", '"http"')).toBe(3 * GET.length);
  expect(value(text, "envoy_http_downstream_cx_tx_bytes_total", '"http"')).toBe(client.bytes);
  expect(value(text, "envoy_cluster_upstream_cx_tx_bytes_total", '"upstream"')).toBe(upstream.text.length);
  expect(value(text, "envoy_cluster_upstream_cx_rx_bytes_total", '"upstream"')).toBe(
    2 * ok.length + "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".length,
  );
});

test("an answer of the proxy's own is of the cluster that it stands in for", async () => {
  const upstream = answering("");
  const proxy = proxied(upstream, { ports: [closedPort()] });
  const client = await proxy.sends(GET);
  await client.hears("HTTP/1.1 503 ");
  const text = await scrape(proxy);
  expect(value(text, "envoy_cluster_upstream_rq_xx", 'cluster_name="upstream",response_code_class="5xx"')).toBe(1);
});

test("a retry that succeeds is counted as one, one that fails is not", async () => {
  const failed = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
  const upstream = answering(failed, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", failed);
  const retry_policy = { retry_on: "5xx", num_retries: 1, retry_back_off: { base_interval: "0.001s" } };
  const proxy = proxied(upstream, { route: { retry_policy } });
  await (await proxy.sends(GET)).hears("HTTP/1.1 200 ");
  await (await proxy.sends(GET)).hears("HTTP/1.1 503 ");
  const text = await scrape(proxy);
  expect(value(text, "envoy_cluster_upstream_rq_retry", '"upstream"')).toBe(2);
  expect(value(text, "envoy_cluster_upstream_rq_retry_success", '"upstream"')).toBe(1);
});

test("what a listener counted stays when the listener goes", async () => {
  const proxy = proxied(answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
  await (await proxy.sends(GET)).hears("HTTP/1.1 200 ");
  expect(value(await scrape(proxy), "envoy_http_downstream_rq_total", '"http"')).toBe(1);
  proxy.proxy.configuration.listenerManager.removeListener("http");
  expect(value(await scrape(proxy), "envoy_http_downstream_rq_total", '"http"')).toBe(1);
});

test("what a manager counted between two scrapes is its successor's", async () => {
  const proxy = proxied(answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
  for (const generation of [1, 2, 3]) {
    const settings = { stream_idle_timeout: `${generation}s` };
    const filter = httpFilter({ name: "http", routes: [routeTo("upstream")], settings });
    setListener(proxy.proxy.configuration, listener("http", filter));
    await (await proxy.sends(GET)).hears("HTTP/1.1 200 ");
  }
  const text = await scrape(proxy);
  expect(value(text, "envoy_http_downstream_rq_total", '"http"')).toBe(3);
  expect(value(text, "envoy_http_downstream_cx_total", '"http"')).toBe(3);
  expect(value(text, "envoy_http_downstream_rq_active", '"http"')).toBe(0);
});

test.skipIf(!promtool && process.env.CI !== "true")(
  "promtool reads the proxy's exposition (needs promtool)",
  async () => {
    const proxy = proxied(answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    await (await proxy.sends(GET)).hears("HTTP/1.1 200 ");
    const text = await scrape(proxy);
    const { code, output } = await checkMetrics(promtool ?? "promtool", text);
    expect([0, 3], output).toContain(code);
    expect(output).not.toContain("error while linting");
  },
);
