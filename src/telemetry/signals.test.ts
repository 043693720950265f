import { describe, expect, test } from "bun:test";
import { type Edge, edgeIdentities, edgeOutcomes, edgeSignals, edgesOf, mtlsShare } from "./edges.ts";
import { historyOf } from "./history.ts";
import { servicesOf } from "./services.ts";
import { type EdgeIdentity, type Reporter, TrafficStore, type WorkloadRef } from "./traffic-store.ts";

const T = 1_700_000_000_000;
const window = { fromMs: T - 10_000, toMs: T };

function workload(name: string, app = name, version = "latest"): WorkloadRef {
  return { namespace: "default", name, app, version, cluster: "Kubernetes" };
}

const client = workload("client");
const v1 = workload("golden-signal-v1", "golden-signal", "v1");
const v2 = workload("golden-signal-v2", "golden-signal", "v2");
const nowhere: WorkloadRef = {
  namespace: "unknown",
  name: "unknown",
  app: "unknown",
  version: "latest",
  cluster: "unknown",
};
const service = { namespace: "default", name: "golden-signal", host: "golden-signal.default.svc.cluster.local" };

interface Report {
  reporter: Reporter;
  destination: WorkloadRef;
  outcomes: readonly (readonly [code: number, count: number, flags?: string, grpc?: string])[];
  policy?: string;
  durations?: readonly (readonly [le: number, count: number])[];
  atMs?: number;
}

function store(...reports: readonly Report[]): TrafficStore {
  const result = new TrafficStore();
  for (const { reporter, destination, outcomes, policy, durations, atMs = T - 5_000 } of reports) {
    const identity: EdgeIdentity = { reporter, protocol: "http", source: client, destination, service };
    const record = result.edge(identity, atMs)!;
    const add = (increments: { add(from: number, to: number, n: number): void }, n: number) =>
      increments.add(atMs - 1_000, atMs, n);
    for (const [code, count, flags = "-", grpc = ""] of outcomes) {
      add(record.outcome(code, grpc, flags).requests, count);
      add(record.security(policy ?? "unknown", "spiffe://client", "spiffe://server").amount, count);
    }
    for (const [le, count] of durations ?? []) {
      add(record.duration(le)!, count);
      add(record.durationSumMs, le * count);
    }
    result.touch(record, atMs);
  }
  return result;
}

describe("edges", () => {
  test("take the server's word and do not count a request twice", () => {
    const edges = edgesOf(
      store(
        { reporter: "source", destination: v1, outcomes: [[200, 80]] },
        { reporter: "destination", destination: v1, outcomes: [[200, 80]], policy: "mutual_tls" },
      ).edges(),
      window,
    );
    expect(edges.length).toBe(1);
    expect(edgeSignals(edges, window)).toMatchObject({ requests: 80, requestRate: 8, successRate: 1 });
    expect(mtlsShare(edges, window)).toBe(1);
    expect(edgeIdentities(edges[0] as Edge, window)).toEqual([
      { source: "spiffe://client", destination: "spiffe://server", policy: "mutual_tls", amount: 80 },
    ]);
  });

  test("add what the client's proxy answered without asking the server", () => {
    const edges = edgesOf(
      store(
        {
          reporter: "source",
          destination: v1,
          outcomes: [
            [200, 90],
            [503, 6, "UF"],
            [503, 4, "UC"],
            [503, 5, "UF,URX"],
          ],
        },
        {
          reporter: "destination",
          destination: v1,
          outcomes: [
            [200, 90],
            [0, 4, "DC"],
          ],
          policy: "mutual_tls",
        },
      ).edges(),
      window,
    );
    expect(edgeOutcomes(edges[0] as Edge, window)).toEqual([
      { code: 200, grpcStatus: "", flags: "-", requests: 90 },
      { code: 0, grpcStatus: "", flags: "DC", requests: 4 },
      { code: 503, grpcStatus: "", flags: "UF", requests: 6 },
      { code: 503, grpcStatus: "", flags: "UF,URX", requests: 5 },
    ]);
    expect(edgeSignals(edges, window).successRate).toBeCloseTo(90 / 105);
  });

  test("end at the service when no workload was reached", () => {
    const edges = edgesOf(
      store({ reporter: "source", destination: nowhere, outcomes: [[503, 10, "UH"]] }).edges(),
      window,
    );
    expect(edges[0]?.destination).toBeUndefined();
    expect(edgeSignals(edges, window)).toMatchObject({ requests: 10, successRate: 0, failureRate: 1 });
    expect(mtlsShare(edges, window)).toBeUndefined();
  });

  test("show the share of mTLS by requests", () => {
    const edges = edgesOf(
      store(
        { reporter: "destination", destination: v1, outcomes: [[200, 30]], policy: "mutual_tls" },
        { reporter: "destination", destination: v2, outcomes: [[200, 10]], policy: "none" },
      ).edges(),
      window,
    );
    expect(mtlsShare(edges, window)).toBe(0.75);
  });

  test("are not there without traffic in the window", () => {
    const edges = edgesOf(
      store({ reporter: "destination", destination: v1, outcomes: [[200, 1]], atMs: T - 60_000 }).edges(),
      window,
    );
    expect(edges).toEqual([]);
  });
});

describe("signals", () => {
  test("count no answer, 5xx and the server's gRPC codes as failures, 4xx apart", () => {
    const edges = edgesOf(
      store({
        reporter: "destination",
        destination: v1,
        outcomes: [
          [200, 50],
          [404, 10],
          [500, 10],
          [0, 10, "DC"],
          [200, 10, "-", "14"],
          [200, 10, "-", "5"],
        ],
      }).edges(),
      window,
    );
    const signals = edgeSignals(edges, window);
    expect(signals.successRate).toBeCloseTo(0.7);
    expect(signals.failureRate).toBe(3);
    expect(signals.clientErrorRate).toBe(1);
  });

  test("read latency from the buckets of all records together, and requests in flight by Little's law", () => {
    const edges = edgesOf(
      store(
        { reporter: "destination", destination: v1, outcomes: [[200, 50]], durations: [[10, 50]] },
        { reporter: "destination", destination: v2, outcomes: [[200, 50]], durations: [[100, 50]] },
      ).edges(),
      window,
    );
    const signals = edgeSignals(edges, window);
    expect(signals.latencyMs).toEqual({ p50: 10, p95: 91, p99: 98.2, mean: 55 });
    expect(signals.inFlight).toBeCloseTo((100 / 10) * 0.055);
  });
});

describe("services", () => {
  test("show each version's signals and its share of what arrived", () => {
    const records = store(
      { reporter: "destination", destination: v1, outcomes: [[200, 80]] },
      {
        reporter: "destination",
        destination: v2,
        outcomes: [
          [200, 15],
          [500, 5],
        ],
      },
      { reporter: "source", destination: nowhere, outcomes: [[503, 100, "UH"]] },
    ).edges();
    const [one, ...others] = servicesOf(edgesOf(records, window), window);
    expect(others).toEqual([]);
    expect(one?.service).toEqual(service);
    expect(one?.versions.map(({ workload: { version }, share }) => [version, share])).toEqual([
      ["v1", 0.8],
      ["v2", 0.2],
    ]);
    expect(edgeSignals(one!.versions[1]!.edges, window).successRate).toBe(0.75);
    expect(edgeSignals(one!.edges, window).requests).toBe(200);
  });
});

describe("history", () => {
  test("has a point for every step, zero where nothing came", () => {
    const edges = edgesOf(
      store({ reporter: "destination", destination: v1, outcomes: [[200, 30]], atMs: T - 5_000 }).edges(),
      window,
    );
    const points = historyOf(edges, { fromMs: T - 8_000, toMs: T, stepMs: 1_000, windowMs: 2_000 });
    expect(points.map(({ signals }) => signals.requestRate)).toEqual([0, 0, 0, 0, 15, 15, 0, 0, 0]);
  });
});
