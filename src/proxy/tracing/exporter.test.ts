import { expect, test } from "bun:test";
import type { ZipkinTracer } from "../../table/tracing.ts";
import { httpFilter, listener, routeTo, setListener, staticCluster, TestProxy } from "../proxy-fixture.ts";
import { answering } from "../raw-peer-fixture.ts";
import { Tracers } from "./exporter.ts";
import { Span } from "./span.ts";

const TRACER: ZipkinTracer = {
  kind: "zipkin",
  cluster: "nobody",
  path: "/api/v2/spans",
  authority: "nobody",
  timeoutMs: 0,
  headers: [],
  passesW3c: false,
  wideIds: true,
  sharesIds: false,
};

const span = () => new Span({ traceId: "a", id: "b", parentId: "", state: "" }, "name", "client", 0);

function tracers(minSpans: number): Tracers {
  const made = new Tracers(new Map());
  made.settings.zipkin.minSpans = minSpans;
  return made;
}

test("spans wait for others, and go nowhere without a cluster", () => {
  const made = tracers(3);
  const exporter = made.open(TRACER);
  for (let i = 0; i < 7; i++) exporter.take(span());
  expect(exporter.stats).toMatchObject({ spansSent: 6, reportsSkippedNoCluster: 2, spansDropped: 0 });
  made.close();
  expect(exporter.stats).toMatchObject({ spansSent: 7, reportsSkippedNoCluster: 3 });
});

test("no more than 2,000 wait; the others are dropped and counted", () => {
  const made = tracers(10_000);
  const exporter = made.open(TRACER);
  for (let i = 0; i < 2_010; i++) exporter.take(span());
  expect(exporter.stats).toMatchObject({ spansSent: 0, spansDropped: 10 });
  made.close();
});

test("connection managers that tell the same collector share an exporter", () => {
  const made = tracers(5);
  const exporter = made.open(TRACER);
  expect(made.open({ ...TRACER })).toBe(exporter);
  expect(made.open({ ...TRACER, path: "/other" })).not.toBe(exporter);
});

test("what waits at the proxy's end is told", async () => {
  const told: string[] = [];
  const collector = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      told.push(...((await request.json()) as readonly { readonly name: string }[]).map(({ name }) => name));
      return new Response(null, { status: 202 });
    },
  });
  const upstream = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  const config = {
    "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
    collector_cluster: "spans",
    collector_endpoint: "/api/v2/spans",
    collector_endpoint_version: "HTTP_JSON",
  };
  const provider = { name: "envoy.tracers.zipkin", typed_config: config };
  const clusters = [staticCluster("upstream", [upstream.port]), staticCluster("spans", [collector.port!])];
  const proxy = new TestProxy({ bootstrap: { static_resources: { clusters } } });
  const settings = { tracing: { random_sampling: { value: 100 }, provider } };
  const filter = httpFilter({ name: "traced", routes: [routeTo("upstream")], settings });
  setListener(proxy.proxy.configuration, listener("traced", filter));
  const { listeners } = proxy.proxy.configuration.listenerManager;
  const client = await proxy.connect(listeners.get("traced")!.port);
  client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  await client.hears("200 OK");
  expect(told).toEqual([]);
  await proxy.close();
  expect(told).toEqual(["a"]);
  upstream.close();
  await collector.stop(true);
});
