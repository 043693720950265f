// What became of entries of logs that go to services, for each scrape, under Envoy's names.

import { accessLogCounter } from "../../stats/names/proxy.ts";
import type { Registry } from "../../stats/registry.ts";
import { advance } from "../figure.ts";
import type { StreamedLogs } from "./streamed-logs.ts";

/** A proxy that streams no log of a kind has no figures of it. */
export function streamedLogMetrics(registry: Registry): (logs: StreamedLogs) => void {
  const figures = new Map<string, ReturnType<typeof figuresOf>>();
  return ({ stats }) => {
    for (const [name, { written, dropped }] of stats) {
      const known = figures.get(name) ?? figuresOf(registry, name);
      figures.set(name, known);
      advance(known.written, known.written.series([]), written);
      advance(known.dropped, known.dropped.series([]), dropped);
    }
  };
}

/** Registered once: a definition is the same object for as long as its metric is there. */
function figuresOf(registry: Registry, name: string) {
  const kind = name.replace(/[^A-Za-z0-9_]/g, "_");
  return {
    written: registry.counter(accessLogCounter(kind, "logs_written")),
    dropped: registry.counter(accessLogCounter(kind, "logs_dropped")),
  };
}
