// Which rules hold for one service port as one client sees it: chosen here, so that what follows is a pure translation of plain data.

import type { HashKey } from "../model/client-policy.ts";
import { type Client, httpRouteFor, serviceFor, targetPort } from "../model/lookup.ts";
import type { ClientSelector, HttpMatch } from "../model/match.ts";
import type { Mesh } from "../model/mesh.ts";
import type { BackendTarget, HttpRoute, HttpRule, WeightedBackend } from "../model/route.ts";
import { labelsMatch } from "../model/workload.ts";
import { clusterName } from "../xds/names.ts";
import { hashKeyOf } from "./hash-policy.ts";
import { matchesEverything } from "./route-match.ts";

/** A share of the traffic with the cluster that it goes to. */
export interface ResolvedBackend {
  readonly cluster: string;
  readonly host: string;
  readonly port: number;
  readonly backend: WeightedBackend;
  /** Undefined: its endpoints are not chosen by a hash. */
  readonly hash: HashKey | undefined;
}

export interface ResolvedMirror {
  readonly cluster: string;
  readonly percent: number;
}

/** One route of the proxy: a rule under one of its matches. */
export interface SelectedRule {
  readonly rule: HttpRule;
  /** Undefined: every request. */
  readonly match: HttpMatch | undefined;
  /** Of a forwarding rule. */
  readonly backends: readonly ResolvedBackend[];
  /** Of a forwarding rule. */
  readonly mirrors: readonly ResolvedMirror[];
  /** Name of the object, as route operations in traces show it. */
  readonly routeName: string;
}

export function selects(selector: ClientSelector | undefined, client: Client): boolean {
  if (!selector) return true;
  if (selector.namespace !== undefined && selector.namespace !== client.namespace) return false;
  return labelsMatch(selector.labels, client.labels);
}

/** The cluster of a backend for a client that called `calledPort`. One that does not exist stays: its share is answered 503, flag NC. */
export function resolveBackend(
  mesh: Mesh,
  client: Client,
  backend: WeightedBackend,
  calledPort: number,
): ResolvedBackend {
  const { target } = backend;
  const { cluster, port } = resolveTarget(mesh, client, target, calledPort);
  const hash = hashKeyOf(mesh, client, target.host, port, target.subset);
  return { cluster, port, host: target.host, backend, hash };
}

function resolveTarget(
  mesh: Mesh,
  client: Client,
  target: BackendTarget,
  calledPort: number,
): Pick<ResolvedBackend, "cluster" | "port"> {
  const { host, subset = "" } = target;
  const port = targetPort(target, serviceFor(mesh, host, client.namespace), calledPort);
  return { port, cluster: clusterName({ direction: "outbound", port, subset, host }) };
}

/**
 * Undefined: no rule concerns this client and port, so that the service's default route holds. The first rule under a match that every
 * request satisfies ends the list: later ones could never be reached (Istio's BuildHTTPRoutesForVirtualService).
 */
export function selectRules(
  mesh: Mesh,
  host: string,
  port: number,
  client: Client,
): readonly SelectedRule[] | undefined {
  const route = httpRouteFor(mesh, host, client.namespace);
  return route && selectFrom(mesh, route, port, client);
}

export function selectFrom(
  mesh: Mesh,
  route: HttpRoute,
  port: number,
  client: Client,
): readonly SelectedRule[] | undefined {
  const selected: SelectedRule[] = [];
  for (const rule of route.rules) {
    const { action, matches } = rule;
    const concerning = matches.filter(
      (match) => (match.port === undefined || match.port === port) && selects(match.client, client),
    );
    if (matches.length > 0 && concerning.length === 0) continue;
    const backends =
      action.kind === "forward" ? action.backends.map((backend) => resolveBackend(mesh, client, backend, port)) : [];
    const mirrors =
      action.kind === "forward"
        ? rule.mirrors.map(({ target, percent }) => ({
            cluster: resolveTarget(mesh, client, target, port).cluster,
            percent,
          }))
        : [];
    for (const match of concerning.length > 0 ? concerning : [undefined]) {
      selected.push({ rule, match, backends, mirrors, routeName: route.origin.name });
      if (!match || matchesEverything(match)) return selected;
    }
  }
  return selected.length > 0 ? selected : undefined;
}
