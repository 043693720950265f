import { expect, test } from "bun:test";
import { applicationMetrics, metricsAnnotations } from "./application-metrics.ts";

const GROUP = {
  "prometheus.io/scrape": "true",
  "prometheus.io/port": "9100",
  "prometheus.io/path": "/told",
  other: "x",
};

test("merged metrics are the agent's to take, others Prometheus' own", () => {
  const merged = metricsAnnotations(GROUP, true);
  expect(merged).toEqual({ "heddle.dev/application-metrics": "9100/told" });
  expect(applicationMetrics(merged, 15_020)).toEqual({ port: 9_100, path: "/told" });
  const apart = { "prometheus.io/scrape": "true", "prometheus.io/port": "9100", "prometheus.io/path": "/told" };
  expect(metricsAnnotations(GROUP, false)).toEqual(apart);
  expect(metricsAnnotations({ ...GROUP, "prometheus.istio.io/merge-metrics": "false" }, true)).toEqual(apart);
});

test("who says nothing of a port and a path has Istio's, and who has no metrics none", () => {
  const silent = metricsAnnotations({ "prometheus.io/scrape": "true" }, true);
  expect(applicationMetrics(silent, 15_020)).toEqual({ port: 80, path: "/metrics" });
  expect(metricsAnnotations({ ...GROUP, "prometheus.io/scrape": "false" }, true)).toEqual({});
  expect(metricsAnnotations({}, true)).toEqual({});
});

test("no port, no path, and the agent's own place are nowhere", () => {
  const at = (place: string) => applicationMetrics({ "heddle.dev/application-metrics": place }, 15_020);
  for (const place of ["", "9100", "/told", "0/told", "65536/told", "9100told", "15020/told"])
    expect(at(place)).toBeUndefined();
  expect(applicationMetrics(undefined, 15_020)).toBeUndefined();
});
