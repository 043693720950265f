// Prometheus' own tool reads what is written here: every metric that has a name in names/, with hostile label values.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import type { MetricDefinition } from "./definition.ts";
import { expositionText } from "./exposition.ts";
import { mergeExpositions } from "./merge.ts";
import * as agent from "./names/agent.ts";
import * as authority from "./names/authority.ts";
import * as control from "./names/control.ts";
import * as filter from "./names/filter.ts";
import { processMetrics, SERIES_REFUSED } from "./names/process.ts";
import * as proxy from "./names/proxy.ts";
import * as resilience from "./names/resilience.ts";
import * as traffic from "./names/traffic.ts";
import { checkMetrics } from "./promtool-fixture.ts";
import { Registry } from "./registry.ts";

const promtool = findComponent("promtool");

function isDefinition(value: unknown): value is MetricDefinition {
  return typeof value === "object" && value !== null && "kind" in value && "help" in value;
}

const definitions = [
  agent,
  authority,
  control,
  filter,
  proxy,
  resilience,
  traffic,
  processMetrics(""),
  processMetrics("istio_agent_"),
  processMetrics("heddle_proxy_"),
  { SERIES_REFUSED },
].flatMap((names) => Object.values(names).filter(isDefinition));

function filled(): Registry {
  const registry = new Registry();
  for (const definition of definitions) {
    const values = definition.labels.map((label) => `${label} "quoted" \\ back\nslash é\0`);
    switch (definition.kind) {
      case "counter": {
        const counter = registry.counter(definition);
        counter.add(counter.series(values), 3);
        break;
      }
      case "gauge": {
        const gauge = registry.gauge(definition);
        gauge.set(gauge.series(values), -1.5);
        break;
      }
      case "histogram": {
        const histogram = registry.histogram(definition);
        for (const value of [0.2, 7, 1e9]) histogram.observe(histogram.series(values), value);
      }
    }
  }
  return registry;
}

test("every name is defined once", () => {
  const names = definitions.map((definition) => definition.name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(80);
});

test.skipIf(!promtool && process.env.CI !== "true")(
  "promtool reads the exposition of every metric (needs promtool)",
  async () => {
    const { code, output } = await checkMetrics(promtool ?? "promtool", expositionText(filled(), "text"));
    // 3 is "it reads well, but the names are not in Prometheus' style", which is Istio's and Envoy's doing.
    expect([0, 3], output).toContain(code);
    expect(output).not.toContain("error while linting");
  },
);

test.skipIf(!promtool && process.env.CI !== "true")(
  "promtool reads a merge of all formats (needs promtool)",
  async () => {
    const registry = filled();
    const merged = mergeExpositions(
      [
        { source: "agent", format: "text", text: expositionText(registry, "text") },
        { source: "proxy", format: "openmetrics", text: expositionText(registry, "openmetrics") },
        {
          source: "application",
          format: "openmetrics",
          text: '# TYPE jobs counter\njobs_total 4 # {trace_id="x"} 1\n# EOF\n',
        },
      ],
      "text",
    );
    const { code, output } = await checkMetrics(promtool ?? "promtool", merged.text);
    expect([0, 3], output).toContain(code);
    expect(merged.text).toContain("# TYPE jobs_total counter\njobs_total 4\n");
  },
);

test("every name is filled by somebody: a dashboard that waits for one waits for ever", () => {
  const root = join(import.meta.dir, "..");
  const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .filter((file) => !file.startsWith(join("stats", "names")) && !file.includes(`${sep}gen${sep}`))
    .map((file) => readFileSync(join(root, file), "utf8"));
  const used = new Set(sources.flatMap((source) => source.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []));
  const unused = [agent, authority, control, filter, proxy, resilience, traffic].flatMap((names) =>
    Object.entries(names).flatMap(([identifier, value]) =>
      isDefinition(value) && !used.has(identifier) ? [value.name] : [],
    ),
  );
  expect(unused).toEqual([]);
});
