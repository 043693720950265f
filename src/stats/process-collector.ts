// Reads the figures of this process for each scrape.

import { readdirSync, readFileSync } from "node:fs";
import { type ProcessPrefix, processMetrics } from "./names/process.ts";
import { BUILD } from "./names/traffic.ts";
import type { Registry } from "./registry.ts";

const LAG_SAMPLE_MS = 1_000;

function openDescriptors(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined; // no /proc: macOS
  }
}

function maxDescriptors(): number | undefined {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}

export interface ProcessIdentity {
  readonly prefix: ProcessPrefix;
  readonly component: "proxy" | "pilot" | "agent";
  readonly version: string;
}

/** Registers CPU, memory, descriptors and loop lag of this process, and `istio_build`. Returns what stops the lag's sampling. */
export function collectProcess(registry: Registry, { prefix, component, version }: ProcessIdentity): () => void {
  const definitions = processMetrics(prefix);
  const build = registry.gauge(BUILD);
  build.set(build.series([component, version]), 1);
  const cpu = registry.counter(definitions.cpu);
  const set = (definition: (typeof definitions)["resident"], value: number | undefined) => {
    if (value === undefined) return;
    const gauge = registry.gauge(definition);
    gauge.set(gauge.series([]), value);
  };
  set(definitions.start, performance.timeOrigin / 1_000);
  set(definitions.maxDescriptors, maxDescriptors());

  let lagSeconds = 0;
  let expected = performance.now() + LAG_SAMPLE_MS;
  const sampler = setInterval(() => {
    const now = performance.now();
    lagSeconds = Math.max(0, now - expected) / 1_000;
    expected = now + LAG_SAMPLE_MS;
  }, LAG_SAMPLE_MS);
  sampler.unref();

  registry.onCollect(() => {
    const { user, system } = process.cpuUsage();
    const series = cpu.series([]);
    cpu.add(series, (user + system) / 1e6 - cpu.value(series));
    const memory = process.memoryUsage();
    set(definitions.resident, memory.rss);
    set(definitions.heapUsed, memory.heapUsed);
    set(definitions.heapTotal, memory.heapTotal);
    set(definitions.external, memory.external);
    set(definitions.descriptors, openDescriptors());
    set(definitions.eventLoopLag, lagSeconds);
  });
  return () => clearInterval(sampler);
}
