import { describe, expect, test } from "bun:test";
import { type EdgeIdentity, TrafficStore, type WorkloadRef } from "../telemetry/traffic-store.ts";
import { HistoryCache } from "./history-cache.ts";
import { historyView } from "./history-view.ts";
import type { ConfiguredSplit, ProxyInfo, Sources } from "./sources.ts";
import { callersOf, stateOf } from "./state.ts";

const NOW = 1_700_000_000_500;
const HOST = "golden-signal.default.svc.cluster.local";

function workload(name: string, app = name, version = "latest"): WorkloadRef {
  return { namespace: "default", name, app, version, cluster: "Kubernetes" };
}

const client = workload("client");
const v1 = workload("golden-signal-v1", "golden-signal", "v1");
const v2 = workload("golden-signal-v2", "golden-signal", "v2");
const unknown: WorkloadRef = {
  namespace: "unknown",
  name: "unknown",
  app: "unknown",
  version: "latest",
  cluster: "unknown",
};

function traffic(
  store: TrafficStore,
  destination: WorkloadRef,
  code: number,
  count: number,
  change: Partial<EdgeIdentity> = {},
): void {
  const service = { host: HOST, name: "golden-signal", namespace: "default" };
  const identity: EdgeIdentity = {
    reporter: "destination",
    protocol: "http",
    source: client,
    destination,
    service,
    ...change,
  };
  const record = store.edge(identity, NOW)!;
  for (let at = NOW - 8_000; at < NOW - 1_000; at += 1_000) {
    record.outcome(code, "", code === 503 ? "UH" : "-").requests.add(at - 1_000, at, count / 7);
    record
      .security(identity.reporter === "source" ? "unknown" : "mutual_tls", "spiffe://c", "spiffe://s")
      .amount.add(at - 1_000, at, count / 7);
    record.duration(10)?.add(at - 1_000, at, count / 7);
    record.durationSumMs.add(at - 1_000, at, count);
  }
  store.touch(record, NOW);
}

function proxy(name: string, app: string, version: string, change: Partial<ProxyInfo> = {}): ProxyInfo {
  return {
    id: `${name}-1.default`,
    cluster: "Kubernetes",
    namespace: "default",
    name: `${name}-1`,
    workload: name,
    app,
    version,
    kind: "heddle",
    proxyVersion: "0.1.0",
    address: "127.0.0.1",
    config: { state: "synced" },
    types: {},
    certificate: { spiffeId: "spiffe://cluster.local/ns/default/sa/x", expiresAtMs: NOW + 3_600_000 },
    ...change,
  };
}

const split: ConfiguredSplit = {
  host: HOST,
  by: "VirtualService default/golden-signal",
  destinations: [
    { host: HOST, version: "v1", weight: 80 },
    { host: HOST, version: "v2", weight: 20 },
  ],
};

function sources(store: TrafficStore, changes: { proxies?: ProxyInfo[]; splits?: ConfiguredSplit[] } = {}): Sources {
  return {
    now: () => NOW,
    telemetry: { records: () => store.edges(), targets: () => [], truncated: store.full },
    control: {
      acknowledgement: () => undefined,
      configuration: () => undefined,
      conditions: () => [],
      mesh: () => ({
        name: "demo",
        trustDomain: "cluster.local",
        version: "0.1.0",
        controlPlane: "demo",
        startedAtMs: 0,
        rootExpiresAtMs: undefined,
        errors: 0,
        warnings: 2,
      }),
      proxies: () =>
        changes.proxies ?? [proxy("client", "client", "latest"), proxy("golden-signal-v1", "golden-signal", "v1")],
      services: () => [
        { host: HOST, namespace: "default", name: "golden-signal" },
        { host: "idle.default.svc.cluster.local", namespace: "default", name: "idle" },
      ],
      splits: () => changes.splits ?? [split],
    },
  };
}

describe("stateOf", () => {
  test("sets the measured split beside the configured one", () => {
    const store = new TrafficStore();
    traffic(store, v1, 200, 790);
    traffic(store, v2, 200, 210);
    const service = stateOf(sources(store)).services[0]!;
    expect(service.splitBy).toBe("VirtualService default/golden-signal");
    expect(
      service.versions.map(({ version, measuredShare, configuredShare }) => [version, measuredShare, configuredShare]),
    ).toEqual([
      ["v1", 0.79, 0.8],
      ["v2", 0.21, 0.2],
    ]);
    expect(service.signals.requestRate).toBe(100);
    expect(service.signals.latencyMs).toEqual({ p50: 5, p95: 9.5, p99: 9.9, mean: 7 });
  });

  test("gives no configured share where the split does not tell versions apart", () => {
    const store = new TrafficStore();
    traffic(store, v1, 200, 10);
    const whole: ConfiguredSplit = { ...split, destinations: [{ host: HOST, version: "", weight: 100 }] };
    expect(stateOf(sources(store, { splits: [whole] })).services[0]?.versions[0]?.configuredShare).toBeNull();
    expect(stateOf(sources(store, { splits: [] })).services[0]?.splitBy).toBeNull();
  });

  test("draws who called whom, idle workloads, and the service where nobody answered", () => {
    const store = new TrafficStore();
    traffic(store, v1, 200, 10);
    traffic(store, unknown, 503, 5, { reporter: "source" });
    const { nodes, edges } = stateOf(
      sources(store, { proxies: [proxy("client", "client", "latest"), proxy("spare", "spare", "v1")] }),
    ).topology;
    expect(nodes.map(({ id, kind, proxies }) => [id, kind, proxies.total])).toEqual([
      ["default/client", "workload", 1],
      ["default/golden-signal-v1", "workload", 0],
      ["default/spare", "workload", 1],
      [`service/${HOST}`, "service", 0],
    ]);
    expect(edges.map(({ from, to, mtlsShare, outcomes }) => [from, to, mtlsShare, outcomes[0]?.flags])).toEqual([
      ["default/client", `service/${HOST}`, null, "UH"],
      ["default/client", "default/golden-signal-v1", 1, "-"],
    ]);
  });

  test("remembers for an hour who called whom, which the topology of the moment does not", () => {
    const store = new TrafficStore();
    traffic(store, v1, 200, 10);
    const later = (ms: number) => ({ ...sources(store), now: () => NOW + ms });
    const edge = { from: "default/client", to: "default/golden-signal-v1", service: HOST, protocol: "http" };
    expect(stateOf(later(1_800_000)).topology.edges).toEqual([]);
    expect(callersOf(later(0))).toMatchObject({ edges: [edge], truncated: false });
    expect(callersOf(later(1_800_000)).edges).toMatchObject([edge]);
    expect(callersOf(later(7_200_000))).toEqual({ nodes: [], edges: [], truncated: false });
  });

  test("calls a caller without a proxy unknown, and a host without a service external", () => {
    const store = new TrafficStore();
    traffic(store, v1, 200, 10, { source: unknown });
    traffic(store, unknown, 200, 10, {
      reporter: "source",
      service: { host: "example.com", name: "PassthroughCluster", namespace: "unknown" },
    });
    const { nodes } = stateOf(sources(store, { proxies: [] })).topology;
    expect(nodes.map(({ id, kind }) => `${kind} ${id}`)).toContain("unknown unknown/unknown");
    expect(nodes.map(({ id, kind }) => `${kind} ${id}`)).toContain("external external/example.com");
  });

  test("sums the mesh up, services without traffic included", () => {
    const store = new TrafficStore();
    traffic(store, v1, 200, 75);
    traffic(store, v1, 500, 25);
    const state = stateOf(
      sources(store, {
        proxies: [proxy("a", "a", "v1"), proxy("b", "b", "v1", { config: { state: "disconnected", since: 1 } })],
      }),
    );
    expect(state.mesh).toMatchObject({
      proxies: { total: 2, ready: 1 },
      services: 2,
      requestRate: 10,
      successRate: 0.75,
      mtlsShare: 1,
      findings: { errors: 0, warnings: 2 },
      truncated: false,
      rootExpiresAt: null,
    });
    expect(state.services[1]).toMatchObject({
      name: "idle",
      versions: [],
      signals: { requestRate: 0, successRate: null, latencyMs: null },
    });
  });

  test("of an empty mesh is empty and not an error", () => {
    const state = stateOf(sources(new TrafficStore(), { proxies: [] }));
    expect(state.topology).toEqual({ nodes: [], edges: [] });
    expect(state.mesh).toMatchObject({ requestRate: 0, successRate: null, mtlsShare: null });
  });
});

describe("historyView", () => {
  test("has the service first, then its versions, columns of one length", () => {
    const store = new TrafficStore();
    traffic(store, v1, 200, 70);
    traffic(store, v2, 500, 7);
    const history = historyView(sources(store), { service: HOST, spanMs: 20_000 });
    expect(history.stepMs).toBe(1_000);
    expect(history.at.at(-1)).toBe(1_699_999_999_000);
    expect(history.series.map(({ version }) => version)).toEqual(["", "v1", "v2"]);
    for (const { requestRate, p99, failureRate } of history.series) {
      expect([requestRate.length, p99.length, failureRate.length]).toEqual([
        history.at.length,
        history.at.length,
        history.at.length,
      ]);
    }
    expect(Math.max(...history.series[2]!.failureRate.map((rate) => rate ?? 0))).toBe(1);
    expect(history.series[1]?.p50[0]).toBeNull();
  });

  test("has gaps and no zeros of before the control plane started", () => {
    const store = new TrafficStore();
    traffic(store, v1, 200, 70);
    const all = sources(store);
    const young = {
      ...all,
      control: { ...all.control, mesh: () => ({ ...all.control.mesh(), startedAtMs: NOW - 5_000 }) },
    };
    const { at, series } = historyView(young, { service: HOST, spanMs: 20_000 });
    const before = at.filter((ms) => ms < NOW - 5_000).length;
    expect(before).toBeGreaterThan(10);
    for (const { requestRate, failureRate, inFlight } of series)
      for (const column of [requestRate, failureRate, inFlight])
        expect(column.map((value) => value === null)).toEqual(at.map((_, i) => i < before));
  });

  test("is computed once a step however many ask", () => {
    let reads = 0;
    const store = new TrafficStore();
    const all = sources(store);
    const counted = {
      ...all,
      telemetry: {
        ...all.telemetry,
        records: () => {
          reads++;
          return store.edges();
        },
      },
    };
    const cache = new HistoryCache(counted);
    const first = cache.view({ service: HOST, spanMs: 60_000 });
    expect(cache.view({ service: HOST, spanMs: 60_000 })).toBe(first);
    expect(reads).toBe(1);
    cache.view({ service: HOST, spanMs: 120_000 });
    expect(reads).toBe(2);
  });

  test("is smoother and later where scrapes are rarer", () => {
    const all = sources(new TrafficStore());
    const rare = { ...all, telemetry: { ...all.telemetry, intervalMs: 15_000 } };
    expect(historyView(rare, { service: HOST, spanMs: 60_000 }).at.at(-1)).toBe(1_699_999_985_000);
    expect(stateOf(rare).windowMs).toBe(60_000);
  });

  test("bounds what may be asked for", () => {
    for (const spanMs of [0, -1, 3 * 3_600_000, 1e300]) {
      const { at } = historyView(sources(new TrafficStore()), { service: HOST, spanMs });
      expect(at.length).toBeGreaterThan(0);
      expect(at.length).toBeLessThanOrEqual(1_001);
    }
  });
});
