import { expect, test } from "bun:test";
import { counter, gauge, histogram } from "../../stats/definition.ts";
import { expositionText } from "../../stats/exposition.ts";
import { Registry } from "../../stats/registry.ts";
import { ExpositionSum } from "../../stats/sum.ts";
import { statsOf } from "../admin/stat.ts";
import { statsOfSum } from "./sum-stats.ts";

const REQUESTS = counter("envoy_cluster_upstream_rq_total", "", ["cluster_name"]);
const ACTIVE = gauge("envoy_cluster_upstream_rq_active", "", ["cluster_name"]);
const TIMES = histogram("times", "", ["host"], [10, 20, 40]);

function processWith(times: readonly number[]): Registry {
  const registry = new Registry();
  const [requests, active, histograms] = [
    registry.counter(REQUESTS),
    registry.gauge(ACTIVE),
    registry.histogram(TIMES),
  ];
  requests.add(requests.series(['a "b"']), times.length);
  active.set(active.series(['a "b"']), 1);
  for (const time of times) histograms.observe(histograms.series(["h"]), time);
  return registry;
}

test("the statistics of several processes are those of one that did it all", () => {
  const sum = new ExpositionSum();
  for (const times of [
    [5, 15],
    [15, 30, 90],
  ])
    sum.add(expositionText(processWith(times), "text"));
  const alone = statsOf(processWith([5, 15, 15, 30, 90]));
  const together = statsOfSum(sum);
  const active = together.find(({ name }) => name.endsWith("rq_active"));
  expect(active).toEqual({ kind: "gauge", name: 'cluster.a "b".upstream_rq_active', value: 2 });
  expect(together.filter((stat) => stat !== active)).toEqual(alone.filter(({ kind }) => kind !== "gauge"));
});
