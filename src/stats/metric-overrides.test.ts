import { expect, test } from "bun:test";
import { expositionText } from "./exposition.ts";
import type { MetricOverride, MetricOverrides } from "./metric-overrides.ts";
import { Registry } from "./registry.ts";
import { type Traffic, UNKNOWN_PEER, UNKNOWN_WORKLOAD } from "./traffic-labels.ts";
import { TrafficMetrics } from "./traffic-metrics.ts";

const NOTHING: MetricOverride = { dropped: false, removed: new Set(), set: new Map() };

function from(name: string): Traffic {
  return {
    reporter: "source",
    protocol: "http",
    source: { workload: { ...UNKNOWN_WORKLOAD, name }, principal: "" },
    destination: UNKNOWN_PEER,
    service: { host: "shop", name: "shop", namespace: "default" },
  };
}

function overrides(metrics: Readonly<Record<string, Partial<MetricOverride>>>): MetricOverrides {
  const entries = Object.entries(metrics).map(([name, one]) => [name, { ...NOTHING, ...one }] as const);
  return { key: JSON.stringify(Object.keys(metrics)), metrics: new Map(entries) };
}

const CLIENT = from("client");

function counting() {
  const registry = new Registry();
  const lines = (name: string) =>
    expositionText(registry, "text")
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`));
  return { metrics: new TrafficMetrics(registry), lines };
}

test("a metric that is dropped has no series, and the others go on", () => {
  const { metrics, lines } = counting();
  const dropped = { dropped: true };
  const edge = metrics.requests(CLIENT, overrides({ istio_request_bytes: dropped, istio_requests_total: dropped }));
  edge.record(200, -1, "-", 5, 100, 200);
  expect(lines("istio_requests_total")).toEqual([]);
  expect(lines("istio_request_bytes_count")).toEqual([]);
  expect(lines("istio_response_bytes_sum")[0]).toEndWith(" 200");
});

test("a label that is removed is not there, and edges that differ by it alone are one series", () => {
  const { metrics, lines } = counting();
  const without = overrides({ istio_requests_total: { removed: new Set(["source_workload", "nobody's"]) } });
  for (const name of ["a", "b"]) metrics.requests(from(name), without).record(200, -1, "-", 1, 1, 1);
  const [line, ...more] = lines("istio_requests_total");
  expect(more).toEqual([]);
  expect(line).toEndWith(" 2");
  expect(line).not.toContain("source_workload=");
  expect(line).toContain('source_canonical_service="unknown"');
  expect(lines("istio_request_bytes_count").map((one) => /source_workload="(\w)"/.exec(one)?.[1])).toEqual(["a", "b"]);
});

test("a series that two edges hold goes when both have given it back, and neither counts on where another one is", () => {
  const { metrics, lines } = counting();
  const without = overrides({ istio_requests_total: { removed: new Set(["source_workload"]) } });
  const [a, b] = [metrics.requests(from("a"), without), metrics.requests(from("b"), without)];
  for (const edge of [a, b]) edge.record(200, -1, "-", 1, 1, 1);
  metrics.sweep(1);
  expect(lines("istio_requests_total")[0]).toEndWith(" 2");
  metrics.sweep(1);
  expect(lines("istio_requests_total")).toEqual([]);
  metrics.requests(from("c")).record(201, -1, "-", 1, 1, 1);
  b.record(200, -1, "-", 1, 1, 1);
  const counts = lines("istio_requests_total").map((line) => /response_code="(\d+)".* (\d+)$/.exec(line)?.slice(1));
  expect(counts).toEqual([
    ["201", "1"],
    ["200", "1"],
  ]);
});

test("labels are set to a text, or to what the request brings", () => {
  const { metrics, lines } = counting();
  const set = new Map<string, string | number>([
    ["team", "shop"],
    ["source_app", 1],
    ["path", 0],
  ]);
  const edge = metrics.requests(CLIENT, overrides({ istio_requests_total: { set } }));
  for (const path of ["/a", "/b", "/a"]) edge.record(200, -1, "-", 1, 1, 1, [path, "web"]);
  const found = lines("istio_requests_total").map((line) => /team="shop",path="(.*)"} (\d+)$/.exec(line)?.slice(1));
  expect(found).toEqual([
    ["/a", "2"],
    ["/b", "1"],
  ]);
  expect(lines("istio_requests_total")[0]).toContain('source_app="web"');
  expect(lines("istio_request_bytes_count")).toHaveLength(1);
});

test("values beyond a thousand of one edge are counted as one", () => {
  const { metrics, lines } = counting();
  const edge = metrics.requests(CLIENT, overrides({ istio_requests_total: { set: new Map([["path", 0]]) } }));
  for (let i = 0; i < 1_500; i++) edge.record(200, -1, "-", 1, 1, 1, [`/${i}`]);
  expect(lines("istio_requests_total")).toHaveLength(1_001);
  edge.record(404, -1, "-", 1, 1, 1, ["/7"]);
  expect(lines("istio_requests_total").at(-1)).toMatch(/response_code="404".*path="\/7"} 1$/);
  expect(lines("istio_requests_total").find((line) => line.includes('path="overflow"'))).toEndWith(" 500");
  expect(lines("istio_request_bytes_count")[0]).toEndWith(" 1500");
});

test("messages and byte streams have overrides too, and who has none is counted as ever", () => {
  const { metrics, lines } = counting();
  const set = new Map([["team", 0]]);
  const more = overrides({ istio_request_messages_total: { set }, istio_tcp_connections_opened_total: { set } });
  metrics.requests(CLIENT, more).messages(2, 1, ["shop"]);
  expect(lines("istio_request_messages_total")[0]).toEndWith('team="shop"} 2');
  expect(lines("istio_response_messages_total")[0]).not.toContain("team=");
  metrics.tcp(CLIENT, "-", more, ["shop"]).opened();
  metrics.tcp(CLIENT, "-", more, ["shop"]).opened();
  metrics.tcp(CLIENT, "-", more, ["other"]).opened();
  metrics.tcp(CLIENT, "-").opened();
  const opened = lines("istio_tcp_connections_opened_total").map((line) =>
    /(?:team="(\w+)")?} (\d)$/.exec(line)!.slice(1),
  );
  expect(opened).toEqual([
    ["shop", "2"],
    ["other", "1"],
    [undefined as never, "1"],
  ]);
});
