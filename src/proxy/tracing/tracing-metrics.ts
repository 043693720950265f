// What became of spans, for each scrape, under Envoy's names.

import { tracingCounter } from "../../stats/names/proxy.ts";
import type { Registry } from "../../stats/registry.ts";
import type { Tracer } from "../../table/tracing.ts";
import { advance } from "../figure.ts";
import type { SpanStats, Tracers } from "./exporter.ts";

const KINDS: readonly Tracer["kind"][] = ["zipkin", "opentelemetry"];

const FIGURES: readonly (readonly [name: string, read: (stats: SpanStats) => number])[] = [
  ["spans_sent", ({ spansSent }) => spansSent],
  ["spans_dropped", ({ spansDropped }) => spansDropped],
  ["timer_flushed", ({ timerFlushed }) => timerFlushed],
  ["reports_sent", ({ reportsSent }) => reportsSent],
  ["reports_dropped", ({ reportsDropped }) => reportsDropped],
  ["reports_failed", ({ reportsFailed }) => reportsFailed],
  ["reports_skipped_no_cluster", ({ reportsSkippedNoCluster }) => reportsSkippedNoCluster],
];

/** A proxy that tells nobody of a kind has no figures of it. */
export function tracingMetrics(registry: Registry): (tracers: Tracers) => void {
  const figures = new Map<Tracer["kind"], ReturnType<typeof figuresOf>>();
  return (tracers) => {
    for (const kind of KINDS) {
      if (!tracers.used.has(kind)) continue;
      const known = figures.get(kind) ?? figuresOf(registry, kind);
      figures.set(kind, known);
      for (const { counter, read } of known) advance(counter, counter.series([]), read(tracers.stats[kind]));
    }
  };
}

/** Registered once: a definition is the same object for as long as its metric is there. */
function figuresOf(registry: Registry, kind: Tracer["kind"]) {
  return FIGURES.map(([name, read]) => ({ counter: registry.counter(tracingCounter(kind, name)), read }));
}
