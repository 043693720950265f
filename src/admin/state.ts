// Everything the first page shows, out of what control and telemetry know now.

import { edgeSignals, edgesOf, mtlsShare } from "../telemetry/edges.ts";
import type { TargetStatus } from "../telemetry/scrape.ts";
import { servicesOf } from "../telemetry/services.ts";
import type { Window } from "../telemetry/signals.ts";
import type { Callers, ProxyStatus, State } from "./api.ts";
import { callersWindow, rateWindow } from "./rate-window.ts";
import { servicesView } from "./services-view.ts";
import { round, saturationView, share } from "./signals-view.ts";
import type { ProxyInfo, Sources } from "./sources.ts";
import { callersView, topologyView } from "./topology-view.ts";

/** Services and edges a page is sent; the busiest stay. A larger mesh is looked at through queries. */
const MAX_SERVICES = 200;
const MAX_EDGES = 1_000;
/** Calls without figures are short. */
const MAX_CALLS = 10_000;

function proxyView(proxy: ProxyInfo, status: TargetStatus | undefined, window: Window): ProxyStatus {
  const { id, cluster, namespace, name, workload, app, version, kind, proxyVersion, address } = proxy;
  const { config, types, certificate } = proxy;
  return {
    id,
    cluster,
    namespace,
    name,
    workload,
    app,
    version,
    kind,
    proxyVersion,
    address,
    config,
    types,
    certificate: certificate
      ? { spiffeId: certificate.spiffeId, expiresAt: renewedExpiryMs(status) ?? certificate.expiresAtMs }
      : null,
    metrics: {
      health: status?.health ?? "new",
      error: status?.error ?? null,
      lastSuccess: status?.lastSuccessMs ?? null,
    },
    saturation: saturationView(status ? [status] : [], window),
    cost: proxy.cost ?? null,
  };
}

/** The certificate of a connection stays that of its beginning, hours ago: the agent knows which one it holds now. */
function renewedExpiryMs(status: TargetStatus | undefined): number | undefined {
  const secondsLeft = status?.process.certificateSecondsLeft;
  if (secondsLeft === undefined || status?.lastSuccessMs === undefined) return undefined;
  return Math.round(status.lastSuccessMs / 1_000 + secondsLeft) * 1_000;
}

/** The state at this moment. */
export function stateOf({ control, telemetry, now }: Sources): State {
  const at = now();
  const window = rateWindow(at, telemetry.intervalMs);
  const edges = edgesOf(telemetry.records(), window);
  const proxies = control.proxies();
  const targets = telemetry.targets();
  const statuses = new Map(targets.map((status) => [status.target.id, status]));
  const services = servicesView({
    traffic: servicesOf(edges, window),
    known: control.services(),
    splits: control.splits(),
    proxies,
    targets,
    window,
  });
  const topology = topologyView(edges, proxies, window);
  const total = edgeSignals(edges, window);
  const mesh = control.mesh();
  const truncated = telemetry.truncated || services.length > MAX_SERVICES || topology.edges.length > MAX_EDGES;
  return {
    at,
    windowMs: window.toMs - window.fromMs,
    mesh: {
      name: mesh.name,
      trustDomain: mesh.trustDomain,
      version: mesh.version,
      controlPlane: mesh.controlPlane,
      startedAt: mesh.startedAtMs,
      rootExpiresAt: mesh.rootExpiresAtMs ?? null,
      proxies: { total: proxies.length, ready: proxies.filter(({ config }) => config.state === "synced").length },
      services: services.length,
      requestRate: round(total.requestRate),
      successRate: share(total.successRate),
      mtlsShare: share(mtlsShare(edges, window)),
      findings: { errors: mesh.errors, warnings: mesh.warnings },
      truncated,
    },
    topology: { ...topology, edges: busiest(topology.edges, MAX_EDGES) },
    services: busiest(services, MAX_SERVICES),
    proxies: proxies.map((proxy) => proxyView(proxy, statuses.get(proxy.id), window)),
  };
}

/** Who called whom in the last hour. */
export function callersOf({ telemetry, now }: Sources): Callers {
  const edges = edgesOf(telemetry.records(), callersWindow(now()));
  return { ...callersView(edges.slice(0, MAX_CALLS)), truncated: telemetry.truncated || edges.length > MAX_CALLS };
}

function busiest<Item extends { readonly signals: { readonly requestRate: number } }>(
  items: readonly Item[],
  limit: number,
): readonly Item[] {
  if (items.length <= limit) return items;
  return [...items].sort((a, b) => b.signals.requestRate - a.signals.requestRate).slice(0, limit);
}
