// Traffic that a chain's metadata has counted otherwise, by the proxy's own exposition.

import { afterEach, expect, test } from "bun:test";
import { until } from "../base/until-fixture.ts";
import { httpFilter, listener, type Message, routeTo, setListener, TestProxy } from "./proxy-fixture.ts";
import { answering, connectRaw, type RawServer } from "./raw-peer-fixture.ts";

const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const GET = "GET /a?b HTTP/1.1\r\nhost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

const TCP: Message = {
  name: "envoy.filters.network.tcp_proxy",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    stat_prefix: "tcp",
    cluster: "upstream",
  },
};

const HTTP = httpFilter({ name: "http", routes: [routeTo("upstream")] });

function proxied(upstream: RawServer) {
  const proxy = new TestProxy({ ports: [upstream.port], admin: true });
  open.push(proxy, upstream);
  const { configuration } = proxy.proxy;
  return {
    client: async () => {
      const client = await connectRaw(configuration.listenerManager.listeners.get("counted")!.port);
      open.push({ close: () => client.reset() });
      return client;
    },
    lines: async (name: string) => {
      const text = await (await fetch(`http://127.0.0.1:${proxy.proxy.adminPort}/stats/prometheus`)).text();
      return text.split("\n").filter((line) => line.startsWith(`${name}{`));
    },
    set: (filter: Message, metrics: Message[], more: Message = {}) => {
      const metadata = { filter_metadata: { "heddle.dev": { metrics, ...more } } };
      const chains = [
        { filters: [filter], ...(metrics.length > 0 || "tcp_reporting_duration" in more ? { metadata } : {}) },
      ];
      setListener(configuration, listener("counted", filter, { filter_chains: chains }));
    },
  };
}

test("requests, and those after an update that says otherwise", async () => {
  const { client, lines, set } = proxied(answering(OK, OK));
  const ask = async () => {
    const one = await client();
    one.send(GET);
    await one.hears(OK.slice(-9));
  };
  set(HTTP, [
    { name: "requests_total", tags_to_remove: ["source_app"], dimensions: { path: "request.url_path", team: "'x'" } },
    { name: "request_bytes", drop: true },
  ]);
  await ask();
  const [line] = await lines("istio_requests_total");
  expect(line).toEndWith('path="/a",team="x"} 1');
  expect(line).not.toContain("source_app=");
  expect(await lines("istio_request_bytes_count")).toEqual([]);
  expect(await lines("istio_response_bytes_count")).toHaveLength(1);
  set(HTTP, []);
  await ask();
  const plain = (await lines("istio_requests_total")).find((one) => !one.includes("team="));
  expect(plain).toContain("source_app=");
  expect(plain).toEndWith(" 1");
  expect(await lines("istio_request_bytes_count")).toHaveLength(1);
});

test("byte streams, each by what is known when it is connected", async () => {
  const { client, lines, set } = proxied(answering("a", "b"));
  set(TCP, [
    { name: "tcp_connections_opened_total", dimensions: { from: "source.port" } },
    { name: "tcp_sent_bytes_total", drop: true },
  ]);
  for (const answer of ["a", "b"]) {
    const one = await client();
    one.send("?\r\n\r\n");
    await one.hears(answer);
  }
  const opened = await lines("istio_tcp_connections_opened_total");
  expect(opened).toHaveLength(2);
  for (const line of opened) expect(line).toMatch(/from="\d+"} 1$/);
  expect(await lines("istio_tcp_received_bytes_total")).toHaveLength(1);
  expect(await lines("istio_tcp_sent_bytes_total")).toEqual([]);
});

test("byte streams are counted while they last, as often as is said", async () => {
  const { client, lines, set } = proxied(answering("hello"));
  set(TCP, [], { tcp_reporting_duration: "0.02s" });
  const one = await client();
  one.send("?\r\n\r\n");
  await one.hears("hello");
  let sent: readonly string[] = [];
  await until("the bytes", async () => {
    sent = await lines("istio_tcp_sent_bytes_total");
    return sent.some((line) => line.endsWith(" 5"));
  });
  expect(sent).toHaveLength(1);
  for (const line of await lines("istio_tcp_connections_closed_total")) expect(line).toEndWith(" 0");
});
