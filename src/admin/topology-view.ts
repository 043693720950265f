// The mesh as a graph: workloads, the services nobody answered for, and who called whom.

import { type Edge, edgeIdentities, edgeOutcomes, edgeSignals, mtlsShare } from "../telemetry/edges.ts";
import { seconds, type Window } from "../telemetry/signals.ts";
import type { WorkloadRef } from "../telemetry/traffic-store.ts";
import type { Callers, NodeKind, Topology, TopologyEdge, TopologyNode } from "./api.ts";
import { round, share, signalsView } from "./signals-view.ts";
import type { ProxyInfo } from "./sources.ts";

/** An edge keeps its most frequent outcomes and identities; the rest is noise on a page. */
const MAX_DETAILS = 8;

type NodeSeed = Pick<TopologyNode, "id" | "kind" | "namespace" | "name" | "app" | "version">;

function workloadNode({ namespace, name, app, version }: WorkloadRef): NodeSeed {
  const kind: NodeKind = name === "unknown" && app === "unknown" ? "unknown" : "workload";
  const id = kind === "unknown" ? `unknown/${namespace}` : `${namespace}/${name}`;
  return { id, kind, namespace, name, app: app === "unknown" ? name : app, version };
}

/** Clusters for hosts that the mesh has no service for. */
function isOutside(serviceName: string): boolean {
  return serviceName === "PassthroughCluster" || serviceName === "BlackHoleCluster";
}

function serviceNode({ service }: Edge): NodeSeed {
  const { host, namespace, name } = service;
  if (isOutside(name))
    return { id: `external/${host}`, kind: "external", namespace: "", name: host, app: host, version: "" };
  return { id: `service/${host}`, kind: "service", namespace, name, app: name, version: "" };
}

function edgeView(edge: Edge, from: string, to: string, window: Window): TopologyEdge {
  const identities = edgeIdentities(edge, window);
  const total = identities.reduce((sum, { amount }) => sum + amount, 0);
  return {
    id: `${from}>${to}>${edge.service.host}>${edge.protocol}`,
    from,
    to,
    service: edge.service.host,
    protocol: edge.protocol,
    signals: signalsView(edgeSignals([edge], window)),
    mtlsShare: share(mtlsShare([edge], window)),
    identities: identities.slice(0, MAX_DETAILS).map(({ source, destination, policy, amount }) => ({
      source,
      destination,
      policy,
      share: share(amount / total) ?? 0,
    })),
    outcomes: edgeOutcomes(edge, window)
      .slice(0, MAX_DETAILS)
      .map(({ code, grpcStatus, flags, requests }) => ({
        code,
        grpcStatus,
        flags,
        rate: round(requests / seconds(window)),
      })),
  };
}

/** Who called whom, without figures: over a long window they would be much to sum. */
export function callersView(edges: readonly Edge[]): Pick<Callers, "nodes" | "edges"> {
  const nodes = new Map<string, NodeSeed>();
  const drawn = edges.map((edge) => {
    const from = workloadNode(edge.source);
    const to = edge.destination ? workloadNode(edge.destination) : serviceNode(edge);
    nodes.set(from.id, from);
    nodes.set(to.id, to);
    return { from: from.id, to: to.id, service: edge.service.host, protocol: edge.protocol };
  });
  return { nodes: [...nodes.values()], edges: drawn };
}

/** The graph of the window's edges, with the workloads of registered proxies also where they are idle. Sorted by id. */
export function topologyView(edges: readonly Edge[], proxies: readonly ProxyInfo[], window: Window): Topology {
  const nodes = new Map<string, NodeSeed>();
  const inbound = new Map<string, Edge[]>();
  const drawn: TopologyEdge[] = [];
  for (const edge of edges) {
    const from = workloadNode(edge.source);
    const to = edge.destination ? workloadNode(edge.destination) : serviceNode(edge);
    nodes.set(from.id, from);
    nodes.set(to.id, to);
    inbound.set(to.id, [...(inbound.get(to.id) ?? []), edge]);
    drawn.push(edgeView(edge, from.id, to.id, window));
  }
  const counts = new Map<string, { total: number; ready: number }>();
  for (const { namespace, workload, app, version, config } of proxies) {
    const id = `${namespace}/${workload}`;
    if (!nodes.has(id)) nodes.set(id, { id, kind: "workload", namespace, name: workload, app, version });
    const count = counts.get(id) ?? { total: 0, ready: 0 };
    counts.set(id, { total: count.total + 1, ready: count.ready + (config.state === "synced" ? 1 : 0) });
  }
  return {
    nodes: [...nodes.values()]
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map((node) => {
        const received = inbound.get(node.id);
        return {
          ...node,
          signals: received ? signalsView(edgeSignals(received, window)) : null,
          proxies: counts.get(node.id) ?? { total: 0, ready: 0 },
        };
      }),
    edges: drawn,
  };
}
