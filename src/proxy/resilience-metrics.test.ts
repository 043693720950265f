import { expect, test } from "bun:test";
import { expositionText } from "../stats/exposition.ts";
import { Registry } from "../stats/registry.ts";
import { OverloadState } from "./overload/state.ts";
import { overloadMetrics } from "./resilience-metrics.ts";

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
  state.stop_accepting_requests = 1;
  collect(state);
  expect(expositionText(registry, "text")).toContain(`${prefix}_active 1\n`);
  expect(expositionText(registry, "text")).not.toContain("shrink_heap");
});
