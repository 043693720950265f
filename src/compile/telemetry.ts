// What one proxy tells of its traffic, with the clusters by which it reaches those whom it tells.

import {
  type EffectiveLog,
  type EffectiveMetric,
  type EffectiveTracing,
  type SideTelemetry,
  telemetryOf,
} from "../model/effective-telemetry.ts";
import { serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Origin, originKey } from "../model/origin.ts";
import { portByNumber } from "../model/service.ts";
import { spanServiceOf } from "../model/service-naming.ts";
import type { Workload } from "../model/workload.ts";
import { clusterName } from "../xds/names.ts";

export interface ProxyTracing extends EffectiveTracing {
  /** Undefined: the proxy sees no such service, and its spans go nowhere. */
  readonly cluster: string | undefined;
  /** As whom the proxy reports, where the provider is told; "" elsewhere, so that more proxies say the same. */
  readonly serviceName: string;
  /** Of the service that is asked how many traces begin; undefined: nobody is, or the proxy sees none. */
  readonly samplerCluster: string | undefined;
  /** Tags of all of its spans, beside those that people wrote. */
  readonly ownTags: Readonly<Record<string, string>>;
}

export interface ProxyLog extends EffectiveLog {
  /** Of the service that the log is streamed to; undefined: it is none, or the proxy sees none. */
  readonly cluster: string | undefined;
}

export interface ProxySide {
  readonly logs: readonly ProxyLog[] | undefined;
  readonly tracing: ProxyTracing | undefined;
  readonly metrics: readonly EffectiveMetric[];
  readonly reportMs: number | undefined;
}

export interface ProxyTelemetry {
  readonly client: ProxySide;
  readonly server: ProxySide;
  readonly origins: readonly Origin[];
}

/** Undefined where the mesh's own settings are all. */
export function proxyTelemetry(mesh: Mesh, workload: Workload): ProxyTelemetry | undefined {
  const telemetry = telemetryOf(mesh, workload);
  if (!telemetry) return undefined;
  const { client, server, origins } = telemetry;
  return { client: sideOf(mesh, workload, client), server: sideOf(mesh, workload, server), origins };
}

/** Equal keys in one mesh: equal telemetry of what a proxy sends. */
export function clientTelemetryKey({ origins, client }: ProxyTelemetry): string {
  const { cluster = "", serviceName = "", samplerCluster = "", ownTags = {} } = client.tracing ?? {};
  const logs = client.logs?.map((log) => log.cluster ?? "") ?? [];
  return [...origins.map(originKey), cluster, serviceName, samplerCluster, ...Object.values(ownTags), ...logs].join(
    " ",
  );
}

function sideOf(mesh: Mesh, workload: Workload, side: SideTelemetry): ProxySide {
  const { logs: told, tracing, metrics, reportMs } = side;
  const logs = told?.map((log) => ({ ...log, cluster: clusterOf(mesh, workload, log) }));
  if (!tracing) return { logs, tracing: undefined, metrics, reportMs };
  const { provider } = tracing;
  const { naming } = mesh.settings.tracing;
  const isNamed = provider.kind === "opentelemetry" || provider.kind === "datadog";
  const serviceName = isNamed ? spanServiceOf(naming, workload) : "";
  const sampler = provider.kind === "opentelemetry" ? provider.sampler : undefined;
  const samplerCluster = sampler && clusterTowards(mesh, workload, sampler);
  const ownTags = tracing.istioTags ? istioTags(mesh, workload) : {};
  const cluster = clusterOf(mesh, workload, tracing);
  return { logs, tracing: { ...tracing, cluster, serviceName, samplerCluster, ownTags }, metrics, reportMs };
}

/** Istio's (tracing.go, buildServiceTags), with what it writes where it knows nothing. */
function istioTags({ settings }: Mesh, workload: Workload): Readonly<Record<string, string>> {
  return {
    "istio.canonical_revision": workload.canonicalRevision || "latest",
    "istio.canonical_service": workload.canonicalName || "unknown",
    "istio.cluster_id": workload.cluster || "unknown",
    "istio.mesh_id": settings.trustDomain || "unknown",
    "istio.namespace": workload.namespace || "default",
  };
}

function clusterOf(mesh: Mesh, workload: Workload, { provider }: EffectiveLog | EffectiveTracing): string | undefined {
  if ("reach" in provider && provider.reach) return provider.reach.cluster;
  return "host" in provider ? clusterTowards(mesh, workload, provider) : undefined;
}

function clusterTowards(
  mesh: Mesh,
  { namespace }: Workload,
  { host, port }: { readonly host: string; readonly port: number },
): string | undefined {
  const service = serviceFor(mesh, host, namespace);
  const known = service && portByNumber(service, port);
  return known && clusterName({ direction: "outbound", port, subset: "", host });
}
