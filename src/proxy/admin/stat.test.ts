import { expect, test } from "bun:test";
import { counter, gauge, histogram } from "../../stats/definition.ts";
import { Registry } from "../../stats/registry.ts";
import { envoyName, statsOf } from "./stat.ts";

const named = (metric: string, labels: Readonly<Record<string, string>> = {}) =>
  envoyName(metric, new Map(Object.entries(labels)));

test("a metric has Envoy's name: its subject and its class inside of it", () => {
  expect(named("envoy_cluster_upstream_rq_total", { cluster_name: "outbound|80||a.b" })).toBe(
    "cluster.outbound|80||a.b.upstream_rq_total",
  );
  expect(named("envoy_cluster_upstream_rq_xx", { cluster_name: "c", response_code_class: "2xx" })).toBe(
    "cluster.c.upstream_rq_2xx",
  );
  expect(named("envoy_http_downstream_rq_xx", { response_code_class: "4xx", http_conn_manager_prefix: "p" })).toBe(
    "http.p.downstream_rq_4xx",
  );
  expect(
    named("envoy_listener_http_downstream_rq", {
      response_code_class: "5xx",
      http_conn_manager_prefix: "p",
      listener_address: "l",
    }),
  ).toBe("listener.l.http.p.downstream_rq_5xx");
  expect(named("envoy_cluster_outlier_detection_ejections_active", { cluster_name: "c" })).toBe(
    "cluster.c.outlier_detection.ejections_active",
  );
  expect(named("envoy_cluster_health_check_attempt", { cluster_name: "c" })).toBe("cluster.c.health_check.attempt");
  expect(named("envoy_cluster_circuit_breakers_high_rq_pending_open", { cluster_name: "c" })).toBe(
    "cluster.c.circuit_breakers.high.rq_pending_open",
  );
  expect(named("envoy_overload_envoy_overload_actions_shrink_heap_scale_percent")).toBe(
    "overload.envoy.overload_actions.shrink_heap.scale_percent",
  );
  expect(named("envoy_server_uptime")).toBe("server.uptime");
  expect(named("istio_requests_total", { reporter: "source" })).toBe("istio_requests_total.reporter.source");
});

test("statistics come by name, histograms with their quantiles", () => {
  const registry = new Registry();
  const requests = registry.counter(counter("envoy_cluster_b", "", ["cluster_name"]));
  requests.add(requests.series(['quoted "x"']), 3);
  const live = registry.gauge(gauge("envoy_server_live", "", []));
  live.set(live.series([]), 1);
  const times = registry.histogram(histogram("times", "", [], [10, 20, 40]));
  const series = times.series([]);
  for (const value of [5, 15, 15, 30]) times.observe(series, value);
  const [first, second, third] = statsOf(registry);
  expect([first, second]).toEqual([
    { kind: "counter", name: 'cluster.quoted "x".b', value: 3 },
    { kind: "gauge", name: "server.live", value: 1 },
  ]);
  expect(third).toMatchObject({ kind: "histogram", name: "times", count: 4 });
  // 0, 25, 50, … 100 percent: between the bounds of the bucket.
  expect(third?.kind === "histogram" && third.quantiles.slice(0, 4)).toEqual([0, 10, 15, 20]);
});
