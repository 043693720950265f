import { describe, expect, test } from "bun:test";
import { TargetIngest } from "./ingest.ts";
import { ProcessRecord } from "./process-record.ts";
import { TrafficStore } from "./traffic-store.ts";

const LABELS =
  'reporter="destination",source_workload="client",source_workload_namespace="default",destination_workload="app-v1",destination_workload_namespace="default",destination_service="app.default.svc.cluster.local",destination_service_name="app",destination_service_namespace="default",request_protocol="http",response_flags="-",connection_security_policy="mutual_tls",source_principal="spiffe://a",destination_principal="spiffe://b"';

const T0 = 1_700_000_000_000;

function requests(count: number, code = 200): string {
  return `istio_requests_total{${LABELS},response_code="${code}"} ${count}\n`;
}

function target() {
  const store = new TrafficStore();
  const process = new ProcessRecord();
  const ingest = new TargetIngest(store, process);
  const total = () =>
    store
      .edges()
      .reduce(
        (sum, edge) => sum + [...edge.outcomes.values()].reduce((n, outcome) => n + outcome.requests.sum(0, T0 * 2), 0),
        0,
      );
  return { store, process, ingest, total };
}

describe("TargetIngest", () => {
  test("takes the first look as the baseline and then counts growth", () => {
    const { ingest, total } = target();
    ingest.ingest(requests(1_000), T0);
    expect(total()).toBe(0);
    ingest.ingest(requests(1_010), T0 + 1_000);
    expect(total()).toBe(10);
  });

  test("counts a series that appears later from 0", () => {
    const { ingest, total } = target();
    ingest.ingest(requests(1_000), T0);
    ingest.ingest(requests(1_000) + requests(3, 503), T0 + 1_000);
    expect(total()).toBe(3);
  });

  test("counts a counter that went back from 0", () => {
    const { ingest, total } = target();
    ingest.ingest(requests(1_000), T0);
    ingest.ingest(requests(7), T0 + 1_000);
    expect(total()).toBe(7);
  });

  test("does not count the past again when the proxy's part was away for a scrape", () => {
    const { ingest, total } = target();
    ingest.ingest(requests(1_000), T0);
    ingest.ingest("istio_agent_scrapes_total 1\n", T0 + 1_000);
    ingest.ingest(requests(1_009), T0 + 2_000);
    expect(total()).toBe(9);
  });

  test("counts everything from 0 after a restart, also what is larger than before, and what comes later", () => {
    const { ingest, total } = target();
    const started = (at: number) => `heddle_proxy_process_start_time_seconds ${at}\n`;
    ingest.ingest(started(1) + requests(5) + requests(1_000, 503), T0);
    ingest.ingest(started(2) + requests(50), T0 + 1_000);
    expect(total()).toBe(50);
    ingest.ingest(started(2) + requests(51) + requests(2_000, 503), T0 + 2_000);
    expect(total()).toBe(2_051);
  });

  test("takes the agent's restart for the counters' only where no proxy says its own", () => {
    const { ingest, total, process } = target();
    const agent = (at: number, cpu: number) =>
      `istio_agent_process_start_time_seconds ${at}\nistio_agent_process_cpu_seconds_total ${cpu}\n`;
    const proxy = "heddle_proxy_process_start_time_seconds 1\n";
    ingest.ingest(agent(1, 100) + proxy + requests(50), T0);
    ingest.ingest(agent(2, 1) + proxy + requests(60), T0 + 1_000);
    expect(total()).toBe(10);
    expect(process.cpuSeconds.sum(0, T0 * 2)).toBe(1);
    const envoy = target();
    envoy.ingest.ingest(agent(1, 1) + requests(5), T0);
    envoy.ingest.ingest(agent(2, 1) + requests(50), T0 + 1_000);
    expect(envoy.total()).toBe(50);
  });

  test("splits cumulative buckets", () => {
    const { ingest, store } = target();
    const buckets = (...counts: number[]) =>
      counts
        .map(
          (count, i) =>
            `istio_request_duration_milliseconds_bucket{${LABELS},response_code="200",le="${["1", "5", "+Inf"][i]}"} ${count}\n`,
        )
        .join("");
    ingest.ingest(buckets(10, 10, 10), T0);
    ingest.ingest(buckets(12, 15, 16), T0 + 1_000);
    const durations = [...store.edges()[0]!.durations].map(([bound, increments]) => [bound, increments.sum(0, T0 * 2)]);
    expect(durations).toEqual([
      [1, 2],
      [5, 3],
      [Number.POSITIVE_INFINITY, 1],
    ]);
  });

  test("changes nothing for a malformed exposition", () => {
    const { ingest, total } = target();
    ingest.ingest(requests(1), T0);
    expect(ingest.ingest(`${requests(5)}<html>`, T0 + 1_000)).toEqual({
      kind: "failed",
      message: "line 2: sample without a value",
    });
    expect(total()).toBe(0);
    ingest.ingest(requests(5), T0 + 2_000);
    expect(total()).toBe(4);
  });

  test("reads what the process uses", () => {
    const { ingest, process } = target();
    ingest.ingest("istio_agent_process_cpu_seconds_total 1\nenvoy_server_memory_physical_size 5e7\n", T0);
    ingest.ingest(
      [
        "istio_agent_process_cpu_seconds_total 1.25",
        "envoy_server_memory_physical_size 9e7",
        "heddle_proxy_process_resident_memory_bytes 5e7",
        "istio_agent_process_resident_memory_bytes 1e7",
        "istio_agent_nodejs_eventloop_lag_seconds 0.002",
        "heddle_proxy_nodejs_eventloop_lag_seconds 0.001",
        "",
      ].join("\n"),
      T0 + 1_000,
    );
    expect(process.cpuSeconds.sum(0, T0 * 2)).toBe(0.25);
    expect(process.residentBytes).toBe(6e7);
    expect(process.eventLoopLagMs).toBe(2);
    expect(process.connections).toBeUndefined();
  });

  test("leaves out edges that a full store has no room for, and says so", () => {
    const store = new TrafficStore(1);
    const ingest = new TargetIngest(store, new ProcessRecord());
    ingest.ingest(requests(1) + requests(1).replaceAll('"app-v1"', '"app-v2"'), T0);
    expect(store.edges().length).toBe(1);
    expect(store.full).toBe(true);
  });

  test("brings an edge back that was quiet for more than a day", () => {
    const { store, ingest } = target();
    const day = 24 * 3_600_000;
    ingest.ingest(requests(1), T0);
    store.expire(T0 + 2 * day);
    expect(store.edges()).toEqual([]);
    ingest.ingest(requests(1), T0 + 2 * day);
    ingest.ingest(requests(2), T0 + 2 * day + 1_000);
    expect(store.edges().length).toBe(1);
  });
});
