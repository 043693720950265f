// Edges gathered by the service that was called, and by the version that answered: what an SRE is asked about.

import type { Edge } from "./edges.ts";
import { outcomeCounts, type Window } from "./signals.ts";
import type { ServiceRef, WorkloadRef } from "./traffic-store.ts";

export interface VersionTraffic {
  readonly workload: WorkloadRef;
  readonly edges: readonly Edge[];
  /** Share of the service's requests that reached a workload, 0 to 1. */
  readonly share: number;
}

export interface ServiceTraffic {
  readonly service: ServiceRef;
  readonly edges: readonly Edge[];
  readonly versions: readonly VersionTraffic[];
}

function requests(edges: readonly Edge[], window: Window): number {
  return edges
    .flatMap((edge) => outcomeCounts(edge.records, window))
    .reduce((sum, outcome) => sum + outcome.requests, 0);
}

function versionsOf(edges: readonly Edge[], window: Window): VersionTraffic[] {
  const byWorkload = new Map<string, { workload: WorkloadRef; edges: Edge[] }>();
  for (const edge of edges) {
    if (!edge.destination) continue;
    const key = `${edge.destination.namespace}/${edge.destination.name}`;
    const known = byWorkload.get(key);
    if (known) known.edges.push(edge);
    else byWorkload.set(key, { workload: edge.destination, edges: [edge] });
  }
  const total = requests(
    edges.filter((edge) => edge.destination),
    window,
  );
  return [...byWorkload]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, version]) => ({ ...version, share: total > 0 ? requests(version.edges, window) / total : 0 }));
}

/** The services that were called in the window, by host. */
export function servicesOf(edges: readonly Edge[], window: Window): ServiceTraffic[] {
  const byHost = new Map<string, Edge[]>();
  for (const edge of edges) {
    const known = byHost.get(edge.service.host);
    if (known) known.push(edge);
    else byHost.set(edge.service.host, [edge]);
  }
  return [...byHost]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, called]) => ({ service: called[0]!.service, edges: called, versions: versionsOf(called, window) }));
}
