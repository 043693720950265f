// Clusters and their hosts: Envoy's lines, and envoy.admin.v3.Clusters.

import { RE2JS } from "re2js";
import type { CircuitBreakers } from "../../table/cluster.ts";
import type { Address } from "../../table/endpoint.ts";
import type { Cluster } from "../upstream/cluster.ts";
import type { Host } from "../upstream/host.ts";
import { json, streamed, text } from "./answer.ts";
import { healthFlags, healthStatus } from "./host-health.ts";
import type { AdminState } from "./state.ts";

/** In Envoy's order. */
function hostCounts({ stats, active }: Host): readonly (readonly [name: string, value: number, gauge: boolean])[] {
  return [
    ["cx_active", stats.activeConnections, true],
    ["cx_connect_fail", stats.connectFailures, false],
    ["cx_total", stats.connections, false],
    ["rq_active", active, true],
    ["rq_error", stats.errors, false],
    ["rq_success", Math.max(0, stats.requests - stats.errors - active), false],
    ["rq_timeout", stats.timeouts, false],
    ["rq_total", stats.requests, false],
  ];
}

/** The thresholds of both priorities by Envoy's names. */
function thresholds(breakers: CircuitBreakers): readonly (readonly [name: string, value: number])[] {
  return [
    ["max_connections", breakers.maxConnections],
    ["max_pending_requests", breakers.maxPendingRequests],
    ["max_requests", breakers.maxRequests],
    ["max_retries", breakers.maxRetries],
  ];
}

function isDiscovered({ configuration }: AdminState, name: string): boolean {
  return configuration.held.of("cds").has(name);
}

function* clusterLines(state: AdminState, name: string, cluster: Cluster): Generator<string> {
  const { breakers, statName, discovery } = cluster.table;
  const lines = [`${name}::observability_name::${statName}`];
  for (const [field, value] of thresholds(breakers.default))
    lines.push(`${name}::default_priority::${field}::${value}`);
  for (const [field, value] of thresholds(breakers.high)) lines.push(`${name}::high_priority::${field}::${value}`);
  lines.push(`${name}::added_via_api::${isDiscovered(state, name)}`);
  if (discovery.kind === "eds") lines.push(`${name}::eds_service_name::${discovery.serviceName}`);
  yield `${lines.join("\n")}\n`;
  for (const host of cluster.hosts) yield hostLines(`${name}::${host.label}`, host);
}

function hostLines(prefix: string, host: Host): string {
  const { locality } = host;
  const fields: readonly (readonly [string, string | number])[] = [
    ...hostCounts(host).map(([name, value]) => [name, value] as const),
    ["hostname", host.hostname],
    ["health_flags", healthFlags(host)],
    ["weight", host.weight],
    ["region", locality.region],
    ["zone", locality.zone],
    ["sub_zone", locality.subZone],
    ["canary", host.lbMetadata.get("canary") === "true" ? "true" : "false"],
    ["priority", host.priority],
  ];
  return fields.map(([name, value]) => `${prefix}::${name}::${value}\n`).join("");
}

function addressJson(address: Address): object {
  switch (address.kind) {
    case "socket":
      return { socket_address: { address: address.host, port_value: address.port } };
    case "pipe":
      return { pipe: { path: address.path } };
    case "internal":
      return { envoy_internal_address: { server_listener_name: address.listener } };
  }
}

/** Protobuf's JSON: what is 0 or empty is left out. */
function hostJson(host: Host): object {
  const { region, zone, subZone } = host.locality;
  const locality = {
    ...(region === "" ? {} : { region }),
    ...(zone === "" ? {} : { zone }),
    ...(subZone === "" ? {} : { sub_zone: subZone }),
  };
  return {
    address: addressJson(host.address),
    stats: hostCounts(host).map(([name, value, gauge]) => ({
      ...(gauge ? { type: "GAUGE" } : {}),
      name,
      ...(value === 0 ? {} : { value: String(value) }),
    })),
    health_status: healthStatus(host),
    weight: host.weight,
    ...(host.priority === 0 ? {} : { priority: host.priority }),
    ...(host.hostname === "" ? {} : { hostname: host.hostname }),
    locality,
  };
}

function clusterJson(state: AdminState, name: string, { table, hosts }: Cluster): object {
  return {
    name,
    ...(isDiscovered(state, name) ? { added_via_api: true } : {}),
    host_statuses: hosts.map(hostJson),
    circuit_breakers: {
      thresholds: [
        Object.fromEntries(thresholds(table.breakers.default)),
        { priority: "HIGH", ...Object.fromEntries(thresholds(table.breakers.high)) },
      ],
    },
    observability_name: table.statName,
    ...(table.discovery.kind === "eds" ? { eds_service_name: table.discovery.serviceName } : {}),
  };
}

function* jsonPieces(state: AdminState, clusters: readonly (readonly [string, Cluster])[]): Generator<string> {
  yield '{"cluster_statuses": [\n';
  for (const [i, [name, cluster]] of clusters.entries())
    yield `${i === 0 ? "" : ",\n"}${JSON.stringify(clusterJson(state, name, cluster), null, 1)}`;
  yield "\n]}\n";
}

function* textPieces(state: AdminState, clusters: readonly (readonly [string, Cluster])[]): Generator<string> {
  for (const [name, cluster] of clusters) yield* clusterLines(state, name, cluster);
}

export function clusters(state: AdminState, query: URLSearchParams): Response {
  const filter = query.get("filter");
  let pattern: RE2JS | undefined;
  try {
    pattern = filter === null ? undefined : RE2JS.compile(filter);
  } catch (thrown) {
    return text(`Invalid re2 regex: ${(thrown as Error).message}\n`, 400);
  }
  const chosen = [...state.configuration.clusters].filter(
    ([name]) => pattern === undefined || pattern.matcher(name).find(),
  );
  if (query.get("format") !== "json") return streamed(textPieces(state, chosen), "text/plain; charset=UTF-8");
  return chosen.length === 0 ? json({}) : streamed(jsonPieces(state, chosen), "application/json");
}
