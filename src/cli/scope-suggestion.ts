// Who called whom → the Sidecars that would have let it. Nothing is applied: what was not seen may be needed tomorrow.

import type { Callers } from "../admin/api.ts";
import { parseAddress } from "../base/cidr.ts";

type Caller = Callers["nodes"][number];

export interface SuggestedSidecar {
  readonly apiVersion: "networking.istio.io/v1";
  readonly kind: "Sidecar";
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly workloadSelector?: { readonly labels: Readonly<Record<string, string>> };
    readonly egress: readonly [{ readonly hosts: readonly string[] }];
  };
}

/** `app`: one for each app label, where callers have one. */
export type Granularity = "namespace" | "app";

/** Sorted by namespace and name. Of callers that called nobody nothing is said, nor of addresses, which no scope names. */
export function suggestedSidecars(
  { nodes, edges }: Pick<Callers, "nodes" | "edges">,
  granularity: Granularity,
): readonly SuggestedSidecar[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const hosts = new Map<string, { readonly caller: Caller; readonly hosts: Set<string> }>();
  for (const { from, to, service } of edges) {
    const caller = byId.get(from);
    if (caller?.kind !== "workload" || byId.get(to)?.kind === "external" || parseAddress(service)) continue;
    const key = `${caller.namespace}/${granularity === "app" ? caller.app : ""}`;
    const entry = hosts.get(key) ?? { caller, hosts: new Set() };
    hosts.set(key, entry);
    entry.hosts.add(importOf(service, caller));
  }
  return [...hosts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, entry]) => sidecarOf(entry.caller, [...entry.hosts].sort(), granularity));
}

/** `reviews.shop.svc.cluster.local` says its namespace. Of other hosts the server's says nothing, for a ServiceEntry may be anybody's. */
function importOf(host: string, caller: Caller): string {
  const [, namespace, kind] = host.split(".");
  if (namespace === undefined || kind !== "svc") return `*/${host}`;
  return `${namespace === caller.namespace ? "." : namespace}/${host}`;
}

function sidecarOf({ namespace, app }: Caller, hosts: readonly string[], granularity: Granularity): SuggestedSidecar {
  const chosen = granularity === "app" && app !== "";
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name: chosen ? app : "default", namespace },
    spec: { ...(chosen ? { workloadSelector: { labels: { app } } } : {}), egress: [{ hosts }] },
  };
}
