// What one proxy tells of its traffic, with the clusters by which it reaches those whom it tells.

import {
  type EffectiveLog,
  type EffectiveTracing,
  type SideTelemetry,
  telemetryOf,
} from "../model/effective-telemetry.ts";
import { serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Origin, originKey } from "../model/origin.ts";
import { portByNumber } from "../model/service.ts";
import type { Workload } from "../model/workload.ts";
import { clusterName } from "../xds/names.ts";

export interface ProxyTracing extends EffectiveTracing {
  /** Undefined: the proxy sees no such service, and its spans go nowhere. */
  readonly cluster: string | undefined;
  /** As whom the proxy reports, where the provider is told; "" elsewhere, so that more proxies say the same. */
  readonly serviceName: string;
}

export interface ProxySide {
  readonly logs: readonly EffectiveLog[] | undefined;
  readonly tracing: ProxyTracing | undefined;
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
  return [...origins.map(originKey), client.tracing?.cluster ?? "", client.tracing?.serviceName ?? ""].join(" ");
}

function sideOf(mesh: Mesh, workload: Workload, { logs, tracing }: SideTelemetry): ProxySide {
  if (!tracing) return { logs, tracing: undefined };
  const { provider } = tracing;
  const serviceName = provider.kind === "opentelemetry" ? `${workload.canonicalName}.${workload.namespace}` : "";
  return { logs, tracing: { ...tracing, cluster: clusterOf(mesh, workload, tracing), serviceName } };
}

function clusterOf(mesh: Mesh, { namespace }: Workload, { provider }: EffectiveTracing): string | undefined {
  if (provider.kind !== "zipkin" && provider.kind !== "opentelemetry") return undefined;
  const { host, port } = provider;
  const service = serviceFor(mesh, host, namespace);
  const known = service && portByNumber(service, port);
  return known && clusterName({ direction: "outbound", port, subset: "", host });
}
