import { expect, test } from "bun:test";
import { counter, gauge, histogram } from "./definition.ts";
import { expositionText } from "./exposition.ts";
import { SERVER_LIVE, SERVER_UPTIME } from "./names/proxy.ts";
import { Registry } from "./registry.ts";
import { ExpositionSum } from "./sum.ts";

const REQUESTS = counter("requests_total", "Requests", ["code"]);
const ACTIVE = gauge("active", "Open connections", []);
const DURATION = histogram("duration_ms", "Duration", ["code"], [1, 10]);

interface Counted {
  readonly codes: Readonly<Record<string, number>>;
  readonly active: number;
  readonly durations: readonly number[];
  readonly uptime: number;
  readonly live: number;
}

function exposition({ codes, active, durations, uptime, live }: Counted): string {
  const registry = new Registry();
  const requests = registry.counter(REQUESTS);
  for (const [code, count] of Object.entries(codes)) requests.add(requests.series([code]), count);
  const set = (definition: typeof ACTIVE, value: number) => {
    const one = registry.gauge(definition);
    one.set(one.series([]), value);
  };
  set(ACTIVE, active);
  set(SERVER_UPTIME, uptime);
  set(SERVER_LIVE, live);
  const duration = registry.histogram(DURATION);
  for (const value of durations) duration.observe(duration.series(["200"]), value);
  return expositionText(registry, "text");
}

const ONE = exposition({ codes: { "200": 5, "404": 1 }, active: 2, durations: [0.5, 5], uptime: 10, live: 1 });
const OTHER = exposition({ codes: { "200": 7, "503": 2 }, active: 3, durations: [50], uptime: 4, live: 0 });

test("counters and buckets add up, gauges as they mean", () => {
  expect(new ExpositionSum().add(ONE).add(OTHER).text("text").split("\n")).toEqual([
    "# HELP requests_total Requests",
    "# TYPE requests_total counter",
    'requests_total{code="200"} 12',
    'requests_total{code="404"} 1',
    'requests_total{code="503"} 2',
    "# HELP active Open connections",
    "# TYPE active gauge",
    "active 5",
    "# HELP envoy_server_uptime Uptime of the proxy in seconds",
    "# TYPE envoy_server_uptime gauge",
    "envoy_server_uptime 10",
    "# HELP envoy_server_live 1 when the proxy is live, 0 when it drains",
    "# TYPE envoy_server_live gauge",
    "envoy_server_live 0",
    "# HELP duration_ms Duration",
    "# TYPE duration_ms histogram",
    'duration_ms_bucket{code="200",le="1"} 1',
    'duration_ms_bucket{code="200",le="10"} 2',
    'duration_ms_bucket{code="200",le="+Inf"} 3',
    'duration_ms_sum{code="200"} 55.5',
    'duration_ms_count{code="200"} 3',
    "",
  ]);
});

test("of a process that is gone, what it counted stays and what it was does not", () => {
  const gone = new ExpositionSum().add(ONE, true).text("text");
  expect(gone).not.toContain("active");
  const sum = new ExpositionSum().add(gone, true).add(OTHER).text("text");
  expect(sum).toContain('requests_total{code="200"} 12\n');
  expect(sum).toContain("active 3\n");
  expect(sum).toContain("envoy_server_uptime 4\n");
});

test("one exposition alone is what it was, and OpenMetrics ends with # EOF", () => {
  expect(new ExpositionSum().add(ONE).text("text")).toBe(ONE);
  const text = new ExpositionSum().add(ONE).text("openmetrics");
  expect(text).toContain("# TYPE requests counter\n");
  expect(text.endsWith("# EOF\n")).toBe(true);
});
