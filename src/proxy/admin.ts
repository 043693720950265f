// The proxy's admin port (15000), as Envoy's where tools read it. Read-only but for draining; loopback.

import { CONTENT_TYPE, expositionText } from "../stats/exposition.ts";
import { negotiateFormat } from "../stats/negotiate.ts";
import type { Registry } from "../stats/registry.ts";
import type { Configuration } from "./configuration.ts";
import { healthFlags } from "./upstream/health-flags.ts";

export interface AdminState {
  readonly configuration: Configuration;
  readonly registry: Registry;
  readonly version: string;
  readonly nodeId: string;
  readonly startedAt: number;
  /** LIVE once every listener of the first configuration is open. */
  isReady(): boolean;
  drain(): void;
}

function json(value: unknown, status = 200): Response {
  return new Response(`${JSON.stringify(value, null, 1)}\n`, {
    status,
    headers: { "content-type": "application/json" },
  });
}

function text(body: string, status = 200): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

function clusters({ configuration }: AdminState): Response {
  const lines: string[] = [];
  for (const [name, cluster] of configuration.clusters) {
    const { default: breakers, high } = cluster.table.breakers;
    lines.push(
      `${name}::default_priority::max_connections::${breakers.maxConnections}`,
      `${name}::default_priority::max_requests::${breakers.maxRequests}`,
      `${name}::high_priority::max_connections::${high.maxConnections}`,
      `${name}::high_priority::max_requests::${high.maxRequests}`,
    );
    for (const host of cluster.hosts) {
      const prefix = `${name}::${host.label}`;
      lines.push(
        `${prefix}::cx_active::${host.stats.activeConnections}`,
        `${prefix}::cx_connect_fail::${host.stats.connectFailures}`,
        `${prefix}::cx_total::${host.stats.connections}`,
        `${prefix}::rq_active::${host.active}`,
        `${prefix}::rq_error::${host.stats.errors}`,
        `${prefix}::rq_total::${host.stats.requests}`,
        `${prefix}::health_flags::${healthFlags(host)}`,
        `${prefix}::weight::${host.weight}`,
        `${prefix}::priority::${host.priority}`,
      );
    }
  }
  return text(`${lines.join("\n")}\n`);
}

function listeners({ configuration }: AdminState): Response {
  const statuses = [...configuration.listeners].map(([name, listener]) => ({
    name,
    address: listener.table.address,
    port: listener.port,
    connections: listener.connections,
    ...listener.stats,
  }));
  const datagrams = [...configuration.udpListeners].map(([name, listener]) => ({
    name,
    address: listener.table.address,
    port: listener.port,
    activeSessions: listener.activeSessions,
    ...listener.stats,
  }));
  return json({ listener_statuses: [...statuses, ...datagrams], warming: configuration.warmingListeners });
}

function serverInfo(state: AdminState): Response {
  const { configuration } = state;
  const phase = configuration.draining ? "DRAINING" : state.isReady() ? "LIVE" : "INITIALIZING";
  return json({
    version: `heddle/${state.version}`,
    state: phase,
    uptime_current_epoch: `${Math.floor((performance.now() - state.startedAt) / 1_000)}s`,
    node: { id: state.nodeId },
  });
}

function certificates({ configuration }: AdminState): Response {
  return json({ certificates: configuration.secrets.certificates() });
}

/** Text or OpenMetrics, as `Accept` asks. */
function metrics({ registry }: AdminState, request: Request): Response {
  const format = negotiateFormat(request.headers.get("accept"));
  return new Response(expositionText(registry, format), { headers: { "content-type": CONTENT_TYPE[format] } });
}

type Handler = (state: AdminState, request: Request) => Response;

const GET_PATHS: Readonly<Record<string, Handler>> = {
  "/ready": (state) =>
    state.configuration.draining
      ? text("DRAINING\n", 503)
      : state.isReady()
        ? text("LIVE\n")
        : text("INITIALIZING\n", 503),
  "/stats/prometheus": metrics,
  "/clusters": clusters,
  "/listeners": listeners,
  "/server_info": serverInfo,
  "/certs": certificates,
  "/": () => text(`${Object.keys(GET_PATHS).join("\n")}\n`),
};

/** Answers one admin request. Unknown paths get 404, other methods 405. */
export function adminResponse(state: AdminState, request: Request): Response {
  const url = new URL(request.url);
  if (request.method === "POST" && url.pathname === "/drain_listeners") {
    state.drain();
    return text("OK\n");
  }
  if (request.method === "POST" && (url.pathname === "/healthcheck/fail" || url.pathname === "/healthcheck/ok")) {
    state.configuration.healthCheckFailed = url.pathname === "/healthcheck/fail";
    return text("OK\n");
  }
  const handler = GET_PATHS[url.pathname];
  if (!handler) return text(`unknown path ${url.pathname}\n`, 404);
  if (request.method !== "GET") return text("only GET\n", 405);
  return handler(state, request);
}
