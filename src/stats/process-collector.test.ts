import { expect, test } from "bun:test";
import { expositionText } from "./exposition.ts";
import { collectProcess } from "./process-collector.ts";
import { Registry } from "./registry.ts";

test("a scrape shows what the process uses now", () => {
  const registry = new Registry();
  const stop = collectProcess(registry, { prefix: "istio_agent_", component: "proxy", version: "0.1.0" });
  try {
    const value = (name: string) =>
      Number(new RegExp(`^${name} (.+)$`, "m").exec(expositionText(registry, "text"))?.[1]);
    const before = value("istio_agent_process_cpu_seconds_total");
    for (let _i = 0, end = performance.now() + 20; performance.now() < end; ) _i++;
    expect(value("istio_agent_process_cpu_seconds_total")).toBeGreaterThan(before);
    expect(value("istio_agent_process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect(Math.abs(value("istio_agent_process_start_time_seconds") - Date.now() / 1_000)).toBeLessThan(600);
    expect(expositionText(registry, "text")).toContain('istio_build{component="proxy",tag="0.1.0"} 1\n');
  } finally {
    stop();
  }
});
