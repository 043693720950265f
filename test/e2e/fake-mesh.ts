// A mesh that exists only as metrics: proxies whose counters move as if requests came, scraped and shown by the real telemetry and admin.

import type { ConfiguredSplit, ProxyInfo, Sources } from "../../src/admin/sources.ts";
import { expositionText } from "../../src/stats/exposition.ts";
import { SERVER_CONNECTIONS } from "../../src/stats/names/proxy.ts";
import { collectProcess } from "../../src/stats/process-collector.ts";
import { Registry } from "../../src/stats/registry.ts";
import {
  type CalledService,
  type Peer,
  type Traffic,
  UNKNOWN_PEER,
  type Workload,
} from "../../src/stats/traffic-labels.ts";
import { TrafficMetrics } from "../../src/stats/traffic-metrics.ts";
import { Scraper } from "../../src/telemetry/scrape.ts";
import { TrafficStore } from "../../src/telemetry/traffic-store.ts";

export interface Flow {
  /** Names of workloads; undefined for a caller without a proxy, or a service where nobody answers. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly service: string;
  /** Requests, or connections of TCP, per second. */
  readonly rate: number;
  readonly protocol?: Traffic["protocol"];
  readonly latencyMs?: number;
  /** Share that fails with 503. */
  readonly failing?: number;
}

/** `app@version`, as `golden-signal@v1`. */
export interface Scenario {
  readonly workloads: readonly string[];
  readonly flows: readonly Flow[];
  readonly splits: readonly ConfiguredSplit[];
  readonly proxies?: Readonly<Record<string, Partial<ProxyInfo>>>;
}

interface Member {
  readonly workload: Workload;
  readonly peer: Peer;
  readonly registry: Registry;
  readonly metrics: TrafficMetrics;
}

export function hostOf(service: string): string {
  return `${service}.default.svc.cluster.local`;
}

function memberOf(id: string): Member {
  const [app = "", version = ""] = id.split("@");
  const name = version === "latest" ? app : `${app}-${version}`;
  const workload = {
    name,
    namespace: "default",
    canonicalName: app,
    canonicalRevision: version,
    app,
    version,
    cluster: "Kubernetes",
  };
  const registry = new Registry();
  return {
    workload,
    peer: { workload, principal: `spiffe://cluster.local/ns/default/sa/${app}` },
    registry,
    metrics: new TrafficMetrics(registry),
  };
}

/** The same numbers in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export class FakeMesh {
  readonly #scenario: Scenario;
  readonly #members: ReadonlyMap<string, Member>;
  readonly #store = new TrafficStore();
  readonly #scraper: Scraper;
  readonly #stops: (() => void)[] = [];
  readonly #random = random(7);
  #nowMs: number;
  #flows: readonly Flow[];
  #splits: readonly ConfiguredSplit[];

  constructor(scenario: Scenario, startMs: number) {
    this.#scenario = scenario;
    this.#flows = scenario.flows;
    this.#splits = scenario.splits;
    this.#nowMs = startMs;
    this.#members = new Map(scenario.workloads.map((id) => [id, memberOf(id)]));
    for (const { registry } of this.#members.values()) {
      const connections = registry.gauge(SERVER_CONNECTIONS);
      registry.onCollect(() => connections.set(connections.series([]), 12 + Math.round(this.#random() * 6)));
      this.#stops.push(collectProcess(registry, { prefix: "istio_agent_", component: "proxy", version: "0.1.0" }));
    }
    this.#scraper = new Scraper({
      targets: {
        list: () =>
          [...this.#members.values()].map(({ workload }) => ({
            id: podOf(workload),
            namespace: "default",
            workload: workload.name,
            url: "",
          })),
      },
      store: this.#store,
      intervalMs: 1_000,
      timeoutMs: 1_000,
      now: () => this.#nowMs,
      fetch: async ({ workload }) => {
        const member = [...this.#members.values()].find((one) => one.workload.name === workload);
        if (!member) throw new Error("no such proxy");
        return expositionText(member.registry, "text");
      },
    });
  }

  /** Changes what flows from now on. */
  set(changes: { readonly flows?: readonly Flow[]; readonly splits?: readonly ConfiguredSplit[] }): void {
    this.#flows = changes.flows ?? this.#flows;
    this.#splits = changes.splits ?? this.#splits;
  }

  /** Lives through the seconds until `untilMs`, each with its traffic and its scrape. */
  async advance(untilMs: number): Promise<void> {
    for (; this.#nowMs + 1_000 <= untilMs; ) {
      this.#nowMs += 1_000;
      for (const flow of this.#flows) this.#second(flow);
      await this.#scraper.scrapeAll();
    }
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  sources(): Sources {
    return {
      now: () => this.#nowMs,
      telemetry: {
        records: () => this.#store.edges(),
        targets: () => this.#scraper.status(),
        truncated: this.#store.full,
      },
      control: {
        acknowledgement: () => undefined,
        configuration: () => undefined,
        conditions: () => [],
        mesh: () => ({
          name: "demo",
          trustDomain: "cluster.local",
          version: "0.1.0",
          controlPlane: "demo",
          startedAtMs: this.#nowMs - 300_000,
          rootExpiresAtMs: this.#nowMs + 3_650 * 86_400_000,
          errors: 0,
          warnings: 0,
        }),
        proxies: () => [...this.#members.entries()].map(([id, member]) => this.#proxy(id, member)),
        services: () =>
          [...new Set(this.#scenario.flows.map(({ service }) => service))].map((name) => ({
            host: hostOf(name),
            namespace: "default",
            name,
          })),
        splits: () => this.#splits,
      },
    };
  }

  #proxy(id: string, { workload, peer }: Member): ProxyInfo {
    return {
      id: podOf(workload),
      cluster: "Kubernetes",
      namespace: "default",
      name: podOf(workload),
      workload: workload.name,
      app: workload.app,
      version: workload.version,
      kind: "heddle",
      proxyVersion: "0.1.0",
      address: "127.0.0.1:15008",
      config: { state: "synced" },
      types: {},
      certificate: { spiffeId: peer.principal, expiresAtMs: this.#nowMs + 23 * 3_600_000 },
      ...this.#scenario.proxies?.[id],
    };
  }

  #second(flow: Flow): void {
    const { protocol = "http" } = flow;
    const source = flow.from === undefined ? undefined : this.#members.get(flow.from);
    const destination = flow.to === undefined ? undefined : this.#members.get(flow.to);
    const service: CalledService = { host: hostOf(flow.service), name: flow.service, namespace: "default" };
    const from = source?.peer ?? UNKNOWN_PEER;
    const to = destination?.peer ?? UNKNOWN_PEER;
    const plain = source === undefined;
    const traffic: Omit<Traffic, "reporter"> = {
      protocol,
      service,
      source: from,
      destination: plain ? { ...to, principal: "" } : to,
    };
    const reports = [
      ...(source ? [{ metrics: source.metrics, traffic: { ...traffic, reporter: "source" as const } }] : []),
      ...(destination
        ? [{ metrics: destination.metrics, traffic: { ...traffic, reporter: "destination" as const } }]
        : []),
    ];
    const wave = 1 + 0.15 * Math.sin(this.#nowMs / 17_000) + 0.1 * (this.#random() - 0.5);
    const amount = Math.round(flow.rate * wave + this.#random() - 0.5);
    for (let i = 0; i < amount; i++) {
      const failed = this.#random() < (flow.failing ?? 0);
      // Log-normal, roughly: most near the median, a tail to four times it.
      const latency = (flow.latencyMs ?? 3) * Math.exp((this.#random() + this.#random() + this.#random() - 1.5) * 0.9);
      for (const { metrics, traffic: seen } of reports)
        record(metrics, seen, failed, latency, destination === undefined);
    }
  }
}

function podOf({ name }: Workload): string {
  return `${name}-0`;
}

function record(
  metrics: TrafficMetrics,
  traffic: Traffic,
  failed: boolean,
  latencyMs: number,
  unreached: boolean,
): void {
  if (traffic.protocol === "tcp") {
    const edge = metrics.tcp(traffic, "-");
    edge.opened();
    edge.bytes(4_200, 900);
    edge.closed();
    return;
  }
  const grpc = traffic.protocol === "grpc" ? (failed ? 14 : 0) : -1;
  const code = traffic.protocol === "grpc" ? 200 : failed || unreached ? 503 : 200;
  metrics.requests(traffic).record(code, grpc, unreached ? "UH" : "-", latencyMs, 210, 1_350);
}
