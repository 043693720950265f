// What resilience did, for a scrape: ejections, health checks, circuit breakers, overload.

import type { CounterDefinition } from "../stats/definition.ts";
import type { Gauge } from "../stats/gauge.ts";
import * as names from "../stats/names/resilience.ts";
import type { Registry } from "../stats/registry.ts";
import type { EjectionType } from "../table/outlier-detection.ts";
import { countOf, type Figure, gaugeOf } from "./figure.ts";
import type { OverloadState } from "./overload/state.ts";
import type { Breakers } from "./upstream/breakers.ts";
import type { Cluster } from "./upstream/cluster.ts";
import type { HealthStats } from "./upstream/health/session.ts";
import type { Host } from "./upstream/host.ts";
import type { EjectionCounts, OutlierStats } from "./upstream/outlier/detector.ts";

/** Envoy's names of the kinds (OutlierDetectionStats). */
const KINDS: Readonly<Record<EjectionType, string>> = {
  "consecutive-5xx": "consecutive_5xx",
  "consecutive-gateway-failure": "consecutive_gateway_failure",
  "consecutive-local-origin-failure": "consecutive_local_origin_failure",
  "success-rate": "success_rate",
  "success-rate-local-origin": "local_origin_success_rate",
  "failure-percentage": "failure_percentage",
  "failure-percentage-local-origin": "local_origin_failure_percentage",
};

function ejectionFigures(registry: Registry): Figure<Cluster>[] {
  return (Object.keys(KINDS) as EjectionType[]).flatMap((type) =>
    (["detected", "enforced"] as const).map((what: keyof EjectionCounts) =>
      countOf(
        registry.counter(names.ejections(what, KINDS[type])),
        ({ outliers }: Cluster) => outliers?.byType.get(type)?.[what] ?? 0,
      ),
    ),
  );
}

export function outlierFigures(registry: Registry): Figure<Cluster>[] {
  const count = (definition: CounterDefinition<readonly ["cluster_name"]>, field: keyof OutlierStats) =>
    countOf(registry.counter(definition), ({ outliers }: Cluster) => outliers?.stats[field] ?? 0);
  return [
    gaugeOf(registry.gauge(names.EJECTIONS_ACTIVE), ({ outliers }: Cluster) => outliers?.ejected ?? 0),
    count(names.EJECTIONS_ENFORCED, "enforced"),
    count(names.EJECTIONS_OVERFLOW, "overflow"),
    ...ejectionFigures(registry),
  ];
}

export function healthCheckFigures(registry: Registry): Figure<Cluster>[] {
  const count = (definition: CounterDefinition<readonly ["cluster_name"]>, field: keyof HealthStats) =>
    countOf(registry.counter(definition), ({ checker }: Cluster) => checker?.stats[field] ?? 0);
  const hosts = (is: (host: Host) => boolean) => (cluster: Cluster) => cluster.hosts.filter(is).length;
  return [
    count(names.CHECK_ATTEMPTS, "attempts"),
    count(names.CHECK_SUCCESSES, "successes"),
    count(names.CHECK_FAILURES, "failures"),
    count(names.CHECK_PASSIVE_FAILURES, "passiveFailures"),
    count(names.CHECK_NETWORK_FAILURES, "networkFailures"),
    count(names.CHECK_VERIFICATIONS, "verified"),
    gaugeOf(
      registry.gauge(names.CHECK_HEALTHY),
      hosts(({ failedActiveCheck }) => !failedActiveCheck),
    ),
    gaugeOf(
      registry.gauge(names.CHECK_DEGRADED),
      hosts(({ degradedActiveCheck }) => degradedActiveCheck),
    ),
  ];
}

/** Of clusters whose circuit breakers say so (track_remaining). */
export function remainingFigures(
  registry: Registry,
  priority: "default" | "high",
  breakers: (cluster: Cluster) => Breakers,
): Figure<Cluster>[] {
  return names.REMAINING.map((what) =>
    gaugeOf(registry.gauge(names.breakerRemaining(priority, what)), (cluster) => breakers(cluster).remaining(what)),
  );
}

export function breakerFigures(registry: Registry): Figure<Cluster>[] {
  const of = (priority: "default" | "high", breakers: (cluster: Cluster) => Breakers): Figure<Cluster>[] =>
    names.BREAKERS.map((what) =>
      gaugeOf(registry.gauge(names.breakerOpen(priority, what)), (cluster) => (breakers(cluster).isOpen(what) ? 1 : 0)),
    );
  return [...of("default", ({ breakers }) => breakers), ...of("high", ({ highBreakers }) => highBreakers)];
}

/** Actions and monitors that are configured have their gauges, as in Envoy (OverloadAction::updateResourcePressure). */
export function overloadMetrics(registry: Registry): (state: OverloadState) => void {
  const gauges = new Map<string, ReturnType<typeof gaugesOf>>();
  const pressures = new Map<string, Gauge<readonly []>>();
  const gaugesOf = (action: string) => ({
    active: registry.gauge(names.overloadAction(action, "active")),
    scale: registry.gauge(names.overloadAction(action, "scale_percent")),
  });
  return (state) => {
    for (const [monitor, pressure] of state.pressures) {
      const gauge = pressures.get(monitor) ?? registry.gauge(names.overloadPressure(monitor));
      pressures.set(monitor, gauge);
      gauge.set(gauge.series([]), Math.floor(pressure * 100));
    }
    for (const action of state.watched) {
      const { active, scale } = gauges.get(action) ?? gaugesOf(action);
      gauges.set(action, { active, scale });
      active.set(active.series([]), state[action] >= 1 ? 1 : 0);
      scale.set(scale.series([]), Math.floor(state[action] * 100));
    }
  };
}
