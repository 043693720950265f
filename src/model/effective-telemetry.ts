// What holds for one workload: Telemetry of the root namespace, then of its namespace, then one that selects it, field by field as Istio
// merges them (pilot/pkg/model/telemetry.go, which decides in which order providers are settled).

import type { Mesh } from "./mesh.ts";
import type { Origin } from "./origin.ts";
import type { MeshSettings } from "./settings.ts";
import {
  type LabelRule,
  type LogRule,
  STANDARD_METRICS,
  type StandardMetric,
  type Telemetry,
  type TelemetryProvider,
  type TelemetrySide,
  type TraceRule,
  type TraceTag,
  telemetryProvider,
} from "./telemetry.ts";
import type { Workload } from "./workload.ts";

export interface EffectiveLog {
  readonly provider: TelemetryProvider;
  readonly filter: string | undefined;
}

export interface EffectiveTracing {
  readonly provider: TelemetryProvider;
  readonly samplingPercent: number;
  readonly tags: Readonly<Record<string, TraceTag>>;
  readonly byRequestId: boolean;
  readonly istioTags: boolean;
  readonly keepsContext: boolean;
  /** Of the path in a span; undefined: the proxy's. */
  readonly maxTagLength: number | undefined;
}

/** A standard metric that somebody overrides; labels sorted by name. */
export interface EffectiveMetric {
  readonly metric: StandardMetric;
  readonly disabled: boolean;
  readonly labels: readonly (readonly [name: string, rule: LabelRule])[];
}

export interface SideTelemetry {
  /** Undefined: nobody said anything, and the mesh's own access log holds. */
  readonly logs: readonly EffectiveLog[] | undefined;
  readonly tracing: EffectiveTracing | undefined;
  readonly metrics: readonly EffectiveMetric[];
  /** How often byte streams are counted while they last; undefined: as often as proxies do. */
  readonly reportMs: number | undefined;
}

export interface WorkloadTelemetry {
  readonly client: SideTelemetry;
  readonly server: SideTelemetry;
  /** Of the objects that say so, the least specific first. */
  readonly origins: readonly Origin[];
}

/** PILOT_TRACE_SAMPLING. */
const SAMPLING_PERCENT = 1;

/** Undefined where nobody, neither an object nor the mesh's settings, says anything. */
export function telemetryOf(
  { settings, index }: Pick<Mesh, "settings" | "index">,
  workload: Pick<Workload, "namespace" | "labels">,
): WorkloadTelemetry | undefined {
  const levels = levelsOf(index.telemetries.of(workload));
  const { defaultProviders: named, tracing, logServices } = settings;
  const isSaidByDefault = named.logging.length + named.tracing.length + logServices.length > 0 || tracing.receiver;
  if (levels.length === 0 && !isSaidByDefault) return undefined;
  const of = (side: TelemetrySide): SideTelemetry => ({
    logs: logsOf(settings, levels, side),
    tracing: tracingOf(settings, levels, side),
    ...metricsOf(settings, levels, side),
  });
  return { client: of("client"), server: of("server"), origins: levels.map(({ origin }) => origin) };
}

/** Of each level the oldest one: the mesh's, the namespace's, one that selects the workload. They come oldest first, the mesh's before others. */
function levelsOf(all: readonly Telemetry[]): readonly Telemetry[] {
  const mesh = all.find(({ scope }) => scope.kind === "mesh");
  const namespace = all.find(({ scope }) => scope.kind === "namespace" && !selects(scope.labels));
  const workload = all.find(({ scope }) => scope.kind === "namespace" && selects(scope.labels));
  return [mesh, namespace, workload].filter((telemetry) => telemetry !== undefined);
}

function selects(labels: Readonly<Record<string, string>>): boolean {
  return Object.keys(labels).length > 0;
}

function isOf(rule: { readonly side: TelemetrySide | undefined }, side: TelemetrySide): boolean {
  return rule.side === undefined || rule.side === side;
}

function logsOf(
  settings: MeshSettings,
  levels: readonly Telemetry[],
  side: TelemetrySide,
): readonly EffectiveLog[] | undefined {
  const byDefault = settings.defaultProviders.logging;
  const written = levels.map(({ logging }) => logging).filter((rules) => rules.length > 0);
  if (written.length === 0 && byDefault.length === 0) return ownLogs(settings);
  const inForce = new Set(written.map(namesIn).findLast((names) => names.length > 0) ?? byDefault);
  if (written.length === 0) return entriesOf(settings, [...inForce]);
  const said = new Map<string, LogRule>();
  let names = byDefault;
  for (const rule of written.flat()) {
    if (rule.providers.length > 0) names = rule.providers;
    if (isOf(rule, side)) for (const name of names) said.set(name, rule);
  }
  return entriesOf(
    settings,
    [...inForce].filter((name) => said.has(name) && !said.get(name)?.disabled),
    (name) => said.get(name)?.filter,
  );
}

/** Undefined: the mesh's own log is all. */
function ownLogs({ accessLog, logServices }: MeshSettings): readonly EffectiveLog[] | undefined {
  if (logServices.length === 0) return undefined;
  const own = { kind: "access-log", name: "accessLogFile", log: accessLog, omitsEmpty: false } as const;
  return [own, ...logServices].map((provider) => ({ provider, filter: undefined }));
}

/** Whatever the side: a level that names somebody for one side alone has nobody for the other. */
function namesIn(rules: readonly LogRule[]): readonly string[] {
  return rules.flatMap(({ providers }) => providers);
}

function entriesOf(
  settings: MeshSettings,
  names: readonly string[],
  filterOf: (name: string) => string | undefined = () => undefined,
): readonly EffectiveLog[] {
  return [...names].sort().flatMap((name) => {
    const provider = telemetryProvider(settings, name);
    return provider ? [{ provider, filter: filterOf(name) }] : [];
  });
}

function tracingOf(
  settings: MeshSettings,
  levels: readonly Telemetry[],
  side: TelemetrySide,
): EffectiveTracing | undefined {
  const written = levels.flatMap(({ tracing }) => tracing);
  const rules = written.filter((rule) => isOf(rule, side));
  const last = <K extends keyof TraceRule>(field: K) => rules.findLast((rule) => rule[field] !== undefined)?.[field];
  const { defaultProviders, tracing: byDefault } = settings;
  const name = last("provider") ?? defaultProviders.tracing[0];
  // Who writes of traces names whom they are told to (telemetry.go, Tracing).
  const receiver = written.length === 0 ? byDefault.receiver : undefined;
  const provider = name === undefined ? receiver : telemetryProvider(settings, name);
  if (!provider || last("disabled")) return undefined;
  const tags = last("tags") ?? {};
  const own = "maxTagLength" in provider ? provider.maxTagLength : undefined;
  return {
    provider,
    samplingPercent: last("samplingPercent") ?? byDefault.samplingPercent ?? SAMPLING_PERCENT,
    tags: Object.keys(tags).length > 0 ? tags : byDefault.tags,
    byRequestId: last("byRequestId") ?? true,
    // A Telemetry that says nothing of them means them (configureCustomTags).
    istioTags: last("istioTags") ?? (written.length === 0 ? (byDefault.istioTags ?? true) : true),
    maxTagLength: own || byDefault.maxTagLength,
    keepsContext: last("keepsContext") ?? false,
  };
}

/** Prometheus is told where nobody says who is. */
const DEFAULT_METRICS_PROVIDERS: readonly string[] = ["prometheus"];

/** Override by override, the last to speak of a metric's label or of whether it is kept (telemetry.go, mergeMetrics). */
function metricsOf(
  settings: MeshSettings,
  levels: readonly Telemetry[],
  side: TelemetrySide,
): Pick<SideTelemetry, "metrics" | "reportMs"> {
  const rules = levels.flatMap(({ metrics }) => metrics);
  const inForce = rules.findLast(({ providers }) => providers.length > 0)?.providers ?? DEFAULT_METRICS_PROVIDERS;
  const told = inForce.find((name) => telemetryProvider(settings, name)?.kind === "prometheus");
  let names = DEFAULT_METRICS_PROVIDERS;
  const acting = rules.filter((rule) => {
    if (rule.providers.length > 0) names = rule.providers;
    return told !== undefined && names.includes(told);
  });
  const overrides = acting.flatMap((rule) => rule.overrides.filter((override) => isOf(override, side)));
  const metrics = STANDARD_METRICS.flatMap((metric): readonly EffectiveMetric[] => {
    const own = overrides.filter(({ metrics }) => metrics.length === 0 || metrics.includes(metric));
    const disabled = own.findLast((override) => override.disabled !== undefined)?.disabled ?? false;
    const merged: Readonly<Record<string, LabelRule>> = Object.assign({}, ...own.map((override) => override.labels));
    const labels = Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1));
    return disabled || labels.length > 0 ? [{ metric, disabled, labels }] : [];
  });
  return { metrics, reportMs: acting.findLast(({ reportMs }) => reportMs !== undefined)?.reportMs };
}
