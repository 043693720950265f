// Metrics as Envoy's statistics: labels that Prometheus has beside a name stand inside of Envoy's (docs: statistics, tag extraction).

import type { Histogram } from "../../stats/histogram.ts";
import { parseSeries } from "../../stats/parse.ts";
import type { Metric, Registry } from "../../stats/registry.ts";

export type Stat =
  | { readonly kind: "counter" | "gauge"; readonly name: string; readonly value: number }
  | {
      readonly kind: "histogram";
      readonly name: string;
      readonly count: number;
      readonly sum: number;
      readonly bounds: readonly number[];
      /** Of each bucket alone, the last one being that above all bounds. */
      readonly counts: readonly number[];
      /** Undefined without a value. */
      readonly quantiles: readonly (number | undefined)[];
    };

/** Envoy's, in percent. */
export const QUANTILES = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100] as const;

/** Prefixes of metrics whose first label is a part of the name, with the label. */
const TAGGED: readonly (readonly [prefix: string, dotted: string, label: string])[] = [
  ["envoy_cluster_", "cluster", "cluster_name"],
  ["envoy_listener_", "listener", "listener_address"],
  ["envoy_http_", "http", "http_conn_manager_prefix"],
];

/** A part of a cluster's name that Envoy has between dots. */
const SCOPE = /^(outlier_detection|health_check|circuit_breakers_(?:default|high))_/;
const OVERLOAD = /^envoy_overload_envoy_overload_actions_(.+)_(active|scale_percent)$/;

/** The names of Envoy's own monitors have dots; of others it is not known where. */
const PRESSURE = /^envoy_overload_(.+)_pressure$/;

/** `downstream_rq_xx` of class 2xx is `downstream_rq_2xx`; a listener's requests stand below the connection manager. */
function leaf(name: string, labels: ReadonlyMap<string, string>): string {
  const status = labels.get("response_code_class");
  if (status === undefined)
    return name.replace(SCOPE, (_, scope: string) => `${scope.replace(/_(default|high)$/, ".$1")}.`);
  const manager = labels.get("http_conn_manager_prefix");
  if (name === "http_downstream_rq") return `http.${manager ?? ""}.downstream_rq_${status}`;
  return name.replace(/_xx$/, `_${status}`);
}

/** `envoy_cluster_upstream_rq_total{cluster_name="a"}` is `cluster.a.upstream_rq_total`; labels of other metrics follow their names. */
export function envoyName(metric: string, labels: ReadonlyMap<string, string>): string {
  for (const [prefix, dotted, label] of TAGGED) {
    const subject = labels.get(label);
    if (metric.startsWith(prefix) && subject !== undefined)
      return `${dotted}.${subject}.${leaf(metric.slice(prefix.length), labels)}`;
  }
  const [, action, figure] = OVERLOAD.exec(metric) ?? [];
  if (action !== undefined) return `overload.envoy.overload_actions.${action}.${figure}`;
  const [, monitor] = PRESSURE.exec(metric) ?? [];
  if (monitor !== undefined)
    return `overload.${monitor.replace(/^envoy_resource_monitors_/, "envoy.resource_monitors.")}.pressure`;
  if (metric.startsWith("envoy_server_")) return `server.${metric.slice("envoy_server_".length)}`;
  return [metric, ...[...labels].map(([label, value]) => `${label}.${value}`)].join(".");
}

/** Linear between the bounds of the bucket that it falls into. */
function quantile(bounds: readonly number[], counts: ArrayLike<number>, total: number, percent: number): number {
  const rank = (percent / 100) * total;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    const count = counts[i]!;
    const lower = i === 0 ? 0 : bounds[i - 1]!;
    if (count > 0 && below + count >= rank) return lower + ((bounds[i]! - lower) * (rank - below)) / count;
    below += count;
  }
  return bounds[bounds.length - 1] ?? 0;
}

/** `counts`: of each bucket alone, the last one being that above all bounds. */
export function histogramStat(name: string, bounds: readonly number[], counts: ArrayLike<number>, sum: number): Stat {
  let count = 0;
  for (let i = 0; i <= bounds.length; i++) count += counts[i] ?? 0;
  const quantiles = QUANTILES.map((percent) => (count === 0 ? undefined : quantile(bounds, counts, count, percent)));
  return { kind: "histogram", name, count, sum, bounds: [...bounds], counts: Array.from(counts), quantiles };
}

function countsAt({ definition, table }: Histogram, offset: number): Float64Array {
  return table.cells.slice(offset, offset + definition.bounds.length + 1);
}

function* metricStats(registry: Registry, metric: Metric): Generator<Stat> {
  const { definition, table } = metric;
  for (const { text, offset } of registry.seriesOf(metric)) {
    const labels = parseSeries(`${definition.name}{${text}}`)?.labels ?? new Map<string, string>();
    const name = envoyName(definition.name, labels);
    if (definition.kind === "histogram") {
      const sum = table.cells[offset + definition.bounds.length + 1]!;
      yield histogramStat(name, definition.bounds, countsAt(metric as Histogram, offset), sum);
    } else yield { kind: definition.kind, name, value: table.cells[offset]! };
  }
}

export function byName(stats: readonly Stat[]): readonly Stat[] {
  return stats.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** By name. */
export function statsOf(registry: Registry): readonly Stat[] {
  return byName(registry.collect().flatMap((metric) => [...metricStats(registry, metric)]));
}
