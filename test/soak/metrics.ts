// What a proxy's metrics say, as far as the account asks.

import { readdirSync } from "node:fs";
import { parseSeries, readExposition } from "../../src/stats/parse.ts";
import type { ProxyProcess } from "../traffic/xds/process.ts";

export class Metrics {
  readonly #series: readonly {
    readonly name: string;
    readonly labels: ReadonlyMap<string, string>;
    readonly value: number;
  }[];

  constructor(text: string) {
    this.#series = [...readExposition(text)].flatMap((line) => {
      if (line.kind !== "sample") return [];
      const series = parseSeries(line.series);
      return series ? [{ ...series, value: line.value }] : [];
    });
  }

  /** Over all series of the metric that have these labels. */
  sum(name: string, having: Readonly<Record<string, string>> = {}): number {
    return [...this.by(name, [], having).values()].reduce((total, value) => total + value, 0);
  }

  /** By the values of these labels, joined. */
  by(name: string, labels: readonly string[], having: Readonly<Record<string, string>> = {}): Map<string, number> {
    const sums = new Map<string, number>();
    for (const series of this.#series) {
      if (series.name !== name) continue;
      if (Object.entries(having).some(([label, value]) => series.labels.get(label) !== value)) continue;
      const key = labels.map((label) => series.labels.get(label) ?? "").join(" ");
      sums.set(key, (sums.get(key) ?? 0) + series.value);
    }
    return sums;
  }
}

/** Gauges that are at rest what they were before the load. */
export const AT_REST = {
  "connections of clients": "envoy_server_total_connections",
  "requests of clients": "envoy_http_downstream_rq_active",
  "connections to hosts": "envoy_cluster_upstream_cx_active",
  "requests to hosts": "envoy_cluster_upstream_rq_active",
  "requests that wait for a connection": "envoy_cluster_upstream_rq_pending_active",
  "deadlines in the wheel": "heddle_proxy_deadlines_armed",
} as const;

export type Rest = Readonly<Record<string, number>>;

/** The gauges, and the descriptors that the kernel counts. */
export async function restOf(proxy: ProxyProcess): Promise<Rest> {
  const metrics = new Metrics(await proxy.admin("/stats/prometheus"));
  const gauges = Object.entries(AT_REST).map(([what, name]) => [what, metrics.sum(name)] as const);
  return { ...Object.fromEntries(gauges), "file descriptors": readdirSync(`/proc/${proxy.pid}/fd`).length };
}
