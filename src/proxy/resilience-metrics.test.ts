import { afterEach, expect, test } from "bun:test";
import { findComponent } from "../../scripts/components.ts";
import { until } from "../base/until-fixture.ts";
import { expositionText } from "../stats/exposition.ts";
import { checkMetrics } from "../stats/promtool-fixture.ts";
import { Registry } from "../stats/registry.ts";
import { OverloadState } from "./overload/state.ts";
import { TestProxy } from "./proxy-fixture.ts";
import { answering } from "./raw-peer-fixture.ts";
import { RESILIENCE, RESILIENT } from "./resilience-fixture.ts";
import { overloadMetrics } from "./resilience-metrics.ts";

const promtool = findComponent("promtool");
const open: { close(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

test("an overload action is active in full force, and has its share before; those that are not configured are not told", () => {
  const registry = new Registry();
  const state = new OverloadState();
  const collect = overloadMetrics(registry);
  state.watched = ["stop_accepting_requests"];
  state.stop_accepting_requests = 0.25;
  collect(state);
  const prefix = "envoy_overload_envoy_overload_actions_stop_accepting_requests";
  expect(expositionText(registry, "text")).toContain(`${prefix}_active 0\n`);
  expect(expositionText(registry, "text")).toContain(`${prefix}_scale_percent 25\n`);
  state.pressures = new Map([["envoy.resource_monitors.fixed_heap", 0.876]]);
  collect(state);
  expect(expositionText(registry, "text")).toContain("envoy_overload_envoy_resource_monitors_fixed_heap_pressure 87\n");
  state.stop_accepting_requests = 1;
  collect(state);
  expect(expositionText(registry, "text")).toContain(`${prefix}_active 1\n`);
  expect(expositionText(registry, "text")).not.toContain("shrink_heap");
});

/** One that has ejected a host, refused a retry and watches its own load. */
async function resilient(): Promise<(path: string, method?: string) => Promise<string>> {
  const upstream = answering("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n");
  const route = { retry_policy: { retry_on: "5xx", num_retries: 1 } };
  const { cluster, overload_manager } = RESILIENT;
  const proxy = new TestProxy({ ports: [upstream.port], admin: true, cluster, route, bootstrap: { overload_manager } });
  open.push(proxy, upstream);
  const ask = async (path: string, method = "GET") =>
    (await fetch(`http://127.0.0.1:${proxy.proxy.adminPort}${path}`, { method })).text();
  await until("the check", async () => /_health_check_success\S* 1$/m.test(await ask("/stats/prometheus")));
  await (await proxy.sends("GET / HTTP/1.1\r\nhost: a\r\n\r\n")).hears("HTTP/1.1 500 ");
  await until("the pressure", async () => /_pressure \d+$/m.test(await ask("/stats/prometheus")));
  return ask;
}

test.skipIf(!promtool && process.env.CI !== "true")(
  "promtool reads ejections, checks, breakers and overload of a proxy (needs promtool)",
  async () => {
    const ask = await resilient();
    const text = await ask("/stats/prometheus");
    for (const name of RESILIENCE) expect(text).toMatch(new RegExp(`^${name}[ {]`, "m"));
    const { code, output } = await checkMetrics(promtool ?? "promtool", text);
    expect([0, 3], output).toContain(code);
    expect(output).not.toContain("error while linting");
  },
);

test("counters begin anew when they are told to, gauges say what is", async () => {
  const ask = await resilient();
  expect(await ask("/stats?filter=ejections_enforced_total|health_check.success|rq_retry_overflow")).toBe(
    "cluster.upstream.health_check.success: 1\n" +
      "cluster.upstream.outlier_detection.ejections_enforced_total: 1\n" +
      "cluster.upstream.upstream_rq_retry_overflow: 1\n",
  );
  expect(await ask("/reset_counters", "POST")).toBe("OK\n");
  expect(await ask("/stats?filter=ejections_enforced_total|health_check.success|rq_retry_overflow")).toBe(
    "cluster.upstream.health_check.success: 0\n" +
      "cluster.upstream.outlier_detection.ejections_enforced_total: 0\n" +
      "cluster.upstream.upstream_rq_retry_overflow: 0\n",
  );
  expect(await ask("/stats?filter=ejections_active|health_check.healthy")).toBe(
    "cluster.upstream.health_check.healthy: 1\ncluster.upstream.outlier_detection.ejections_active: 1\n",
  );
  expect(await ask("/stats?filter=pressure")).toMatch(
    /^overload\.envoy\.resource_monitors\.fixed_heap\.pressure: \d+\n$/,
  );
});
