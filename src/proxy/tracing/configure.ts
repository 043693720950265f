// What the bootstrap says of telling spans: who tells, and when (Envoy: runtime, `tracing.zipkin.min_flush_spans` and the like).

import type { Bootstrap } from "../../xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.ts";
import type { FlushSettings, Tracers } from "./exporter.ts";

export function configureTracers(tracers: Tracers, bootstrap: Bootstrap): void {
  const { node } = bootstrap;
  tracers.teller = {
    nodeId: node?.id ?? "",
    zone: node?.locality?.zone ?? "",
    serviceName: node?.cluster ?? "",
  };
  for (const kind of ["zipkin", "opentelemetry"] as const) configureFlush(tracers.settings[kind], kind, bootstrap);
}

function configureFlush(settings: FlushSettings, kind: string, bootstrap: Bootstrap): void {
  settings.minSpans = runtimeNumber(bootstrap, `tracing.${kind}.min_flush_spans`) ?? settings.minSpans;
  settings.intervalMs = runtimeNumber(bootstrap, `tracing.${kind}.flush_interval_ms`) ?? settings.intervalMs;
}

/** Of the static layers, the last that says it. */
function runtimeNumber({ layeredRuntime }: Bootstrap, key: string): number | undefined {
  const values = (layeredRuntime?.layers ?? []).flatMap(({ layerSpecifier: by }) =>
    by.case === "staticLayer" ? [by.value[key]] : [],
  );
  return values.findLast((value) => typeof value === "number");
}
