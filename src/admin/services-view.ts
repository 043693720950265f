// Services with their versions: measured against what the configuration wants.

import { edgeSignals } from "../telemetry/edges.ts";
import type { TargetStatus } from "../telemetry/scrape.ts";
import type { ServiceTraffic, VersionTraffic } from "../telemetry/services.ts";
import { signalsOf, type Window } from "../telemetry/signals.ts";
import type { Service, Version } from "./api.ts";
import { saturationView, share, signalsView } from "./signals-view.ts";
import type { ConfiguredSplit, ProxyInfo, ServiceInfo } from "./sources.ts";

export interface ServicesInput {
  readonly traffic: readonly ServiceTraffic[];
  readonly known: readonly ServiceInfo[];
  readonly splits: readonly ConfiguredSplit[];
  readonly proxies: readonly ProxyInfo[];
  readonly targets: readonly TargetStatus[];
  readonly window: Window;
}

/** Share of the split that a version gets; null when the split does not tell versions apart. */
function configuredShare(split: ConfiguredSplit | undefined, version: string): number | null {
  if (!split || split.destinations.every((destination) => destination.version === "")) return null;
  const total = split.destinations.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return null;
  const own = split.destinations.filter((destination) => destination.version === version);
  return share(own.reduce((sum, { weight }) => sum + weight, 0) / total);
}

function versionView(
  input: ServicesInput,
  { workload, edges, share: measured }: VersionTraffic,
  split: ConfiguredSplit | undefined,
): Version {
  const ids = new Set(
    input.proxies
      .filter((proxy) => proxy.workload === workload.name && proxy.namespace === workload.namespace)
      .map(({ id }) => id),
  );
  return {
    namespace: workload.namespace,
    workload: workload.name,
    version: workload.version,
    signals: signalsView(edgeSignals(edges, input.window)),
    measuredShare: share(measured) ?? 0,
    configuredShare: configuredShare(split, workload.version),
    saturation: saturationView(
      input.targets.filter(({ target }) => ids.has(target.id)),
      input.window,
    ),
  };
}

/** Every service that was called or is known, by host. */
export function servicesView(input: ServicesInput): Service[] {
  const splits = new Map(input.splits.map((split) => [split.host, split]));
  const called = input.traffic.map(({ service, edges, versions }): Service => {
    const split = splits.get(service.host);
    return {
      ...service,
      signals: signalsView(edgeSignals(edges, input.window)),
      versions: versions.map((version) => versionView(input, version, split)),
      splitBy: split?.by ?? null,
    };
  });
  const hosts = new Set(called.map(({ host }) => host));
  const idle = input.known
    .filter(({ host }) => !hosts.has(host))
    .map(({ host, namespace, name }): Service => {
      const signals = signalsView(signalsOf([], input.window));
      return { host, namespace, name, signals, versions: [], splitBy: splits.get(host)?.by ?? null };
    });
  return [...called, ...idle].sort((a, b) => (a.host < b.host ? -1 : 1));
}
