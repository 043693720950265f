import { expect, test } from "bun:test";
import { expositionText } from "../../stats/exposition.ts";
import { tracingCounter } from "../../stats/names/proxy.ts";
import { Registry } from "../../stats/registry.ts";
import { Tracers } from "./exporter.ts";
import { tracingMetrics } from "./tracing-metrics.ts";

test("scrapes follow what was counted, of the kinds that are told", () => {
  const registry = new Registry();
  const tracers = new Tracers(new Map());
  const collect = tracingMetrics(registry);
  collect(tracers);
  expect(expositionText(registry, "text")).not.toContain("tracing");
  tracers.used.add("zipkin");
  tracers.stats.zipkin.spansSent = 3;
  collect(tracers);
  tracers.stats.zipkin.spansSent = 5;
  collect(tracers);
  const text = expositionText(registry, "text");
  expect(text).toContain("envoy_tracing_zipkin_spans_sent 5");
  expect(text).not.toContain(tracingCounter("opentelemetry", "spans_sent").name);
});
