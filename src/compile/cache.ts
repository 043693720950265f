// What compilations remember of each other. One for each control plane; a new one makes everything anew, with the same result.

import { differingKeys } from "../base/corrected-map.ts";
import { type ListDifference, listDifference } from "../base/list.ts";
import { sameContent, sameItems } from "../model/equality.ts";
import type { ClientSelector } from "../model/match.ts";
import type { InboundPorts, Mesh } from "../model/mesh.ts";
import type { Route } from "../model/route.ts";
import { hostOfKey, type ServiceKey } from "../model/service.ts";
import type { WorkloadKey } from "../model/workload.ts";
import type { AcknowledgedServerNames } from "./leg.ts";
import { Memo } from "./memo.ts";
import { outlineOf, Perspectives } from "./perspective.ts";
import { ReachVersions } from "./reach-versions.ts";
import { ReferenceMemo } from "./reference-memo.ts";
import { ResourceSets } from "./resource-set.ts";
import { choosesClients, clientSelectors } from "./visibility.ts";

/** After so many compilations that looked at little, one looks at everything, and what nobody asked for in between is forgotten. */
const MAX_SMALL_COMPILATIONS = 1_000;

/** All that routes and captured listeners of a view are made from, beside the view itself and the routes that people write. */
function routingInputs(mesh: Mesh, selectors: readonly ClientSelector[]): readonly unknown[] {
  const { settings, services, aliases, clientPolicies, proxyScopes, telemetries } = mesh;
  return [settings, services, aliases, clientPolicies, proxyScopes, telemetries, selectors];
}

/** All that proxies are told of, but for routes, endpoints, workloads and what proxies acknowledge. */
function lastingInputs({ index, workloads, routes, gatewayRoutes, ...lists }: Mesh): readonly unknown[] {
  return Object.values(lists);
}

/** What clusters and endpoints of services are made from that comes and goes with workloads. */
export interface Moving {
  readonly endpoints: Mesh["index"]["endpoints"];
  readonly reach: ReadonlyMap<ServiceKey, number>;
}

/** What all proxies are told of, but for what is theirs alone. */
type Routed = Pick<Mesh, "routes" | "gatewayRoutes"> & { readonly lasting: readonly unknown[] };

/** Hosts of the routes that are in one list alone; undefined: some of them are wildcards, which concern any host. */
export function hostsOfChanged(before: Mesh["routes"], now: Mesh["routes"]): ReadonlySet<string> | undefined {
  const { gone, come } = listDifference(before, now);
  const hosts = new Set([...gone, ...come].flatMap((route) => route.hosts));
  for (const host of hosts) if (host.startsWith("*")) return undefined;
  return hosts;
}

/** Routes that came and went beyond which all are looked at. */
const MANY_ROUTES = 500;

function hasSameOutlines({ gone, come }: ListDifference<Route>): boolean {
  return (
    gone.length === come.length &&
    gone.length <= MANY_ROUTES &&
    gone.every((route, i) => outlineOf(route) === outlineOf(come[i]!))
  );
}

export class CompileCache {
  readonly memo = new Memo();
  /** Of what depends on routing alone, which most changes leave as it is: endpoints come and go far more often. */
  readonly routing = new Memo();
  readonly references = new ReferenceMemo();
  readonly sets = new ResourceSets();
  readonly #reach = new ReachVersions();
  #routingInputs: readonly unknown[] = [];
  #routes: Mesh["routes"] = [];
  /** Those by which selectors and outlines were found: the routes since choose the same clients, and have the same outlines. */
  #choosing: Mesh["routes"] = [];
  #outlined: Mesh["routes"] = [];
  #routeChanges = 0;
  #routingVersion = 0;
  #lasting: readonly unknown[] = [];
  #routed: Routed = { lasting: [], routes: [], gatewayRoutes: [] };
  #small = 0;
  #selectors: readonly ClientSelector[] = [];
  #perspectives: Perspectives | undefined;
  #unrouted: readonly unknown[] = [];
  #rerouted: { readonly since: Mesh["routes"]; readonly hosts: ReadonlySet<string> | undefined } | undefined;
  #moving: Moving | undefined;
  #inboundPorts: InboundPorts = new Map();
  #bound: { readonly since: InboundPorts; readonly workloads: ReadonlySet<WorkloadKey> } | undefined;
  #moved: { readonly since: Moving; readonly hosts: ReadonlySet<string> } | undefined;

  /** Begins a compilation. */
  begin(mesh: Mesh, acknowledged: AcknowledgedServerNames): void {
    this.#rest(mesh);
    this.#reach.update(mesh, acknowledged);
    this.#moving = { endpoints: mesh.index.endpoints, reach: this.#reach.all };
    this.#moved = undefined;
    this.#inboundPorts = mesh.index.inboundPorts;
    this.#bound = undefined;
    this.#rerouted = undefined;
    const difference = listDifference(this.#routes, mesh.routes);
    const changed = [...difference.gone, ...difference.come];
    const choosing = changed.length > MANY_ROUTES || changed.some(choosesClients) ? mesh.routes : undefined;
    this.#selectors = this.references.get("selectors", [choosing ?? this.#choosing, mesh.clientPolicies], () => {
      const selectors = clientSelectors(mesh);
      return sameContent(selectors, this.#selectors) ? this.#selectors : selectors;
    });
    this.#choosing = choosing ?? this.#choosing;
    const inputs = routingInputs(mesh, this.#selectors);
    const isSame = sameContent(inputs, this.#routingInputs);
    const isRouted = sameContent(difference.gone, difference.come);
    if (!isSame || !isRouted) this.#routingVersion++;
    if (!isRouted) this.#routeChanges++;
    this.#routes = mesh.routes;
    if (!isSame || this.#routeChanges >= MAX_SMALL_COMPILATIONS) {
      this.#routingInputs = inputs;
      this.#routeChanges = 0;
      this.routing.nextGeneration();
    }
    if (!hasSameOutlines(difference)) this.#outlined = mesh.routes;
    const outlined = this.#outlined;
    const outlines = this.references.list("outlines", [outlined], () => outlined.map(outlineOf));
    this.#perspectives = this.references.get(
      "perspectives",
      [mesh.settings, mesh.services, mesh.aliases, outlines, mesh.clientPolicies],
      () => new Perspectives(mesh),
    );
    const unrouted = [this.#lasting, this.#selectors, this.#perspectives];
    if (!sameItems(unrouted, this.#unrouted)) this.#unrouted = unrouted;
  }

  /** What is remembered holds for one list of inputs: while they are the same, nothing is asked for again and nothing forgotten. */
  #rest(mesh: Mesh): void {
    const inputs = lastingInputs(mesh);
    if (!sameItems(inputs, this.#lasting) || this.#small++ >= MAX_SMALL_COMPILATIONS) {
      this.#lasting = inputs;
      this.#small = 0;
      this.memo.nextGeneration();
      this.references.nextGeneration();
      this.sets.nextGeneration();
    }
    const { routes, gatewayRoutes } = mesh;
    const routed = { lasting: this.#lasting, routes, gatewayRoutes };
    if (!sameItems(Object.values(routed), Object.values(this.#routed))) this.#routed = routed;
  }

  /** The same object as long as nothing changed but routes, endpoints, workloads and what proxies acknowledge. */
  get lasting(): readonly unknown[] {
    return this.#lasting;
  }

  /** The same object as long as neither that changed nor routes. */
  get routed(): Routed {
    return this.#routed;
  }

  /** The same object as long as nothing changed of what proxies without routes of their own are made from, beside endpoints and workloads. */
  get unrouted(): readonly unknown[] {
    return this.#unrouted;
  }

  /** Hosts of routes that came or went; undefined: any. */
  reroutedSince(since: Mesh["routes"]): ReadonlySet<string> | undefined {
    if (this.#rerouted?.since !== since) this.#rerouted = { since, hosts: hostsOfChanged(since, this.#routes) };
    return this.#rerouted.hosts;
  }

  get moving(): Moving {
    return this.#moving!;
  }

  /** Hosts of services whose endpoints are others than they were, or are reached otherwise. */
  movedSince(since: Moving): ReadonlySet<string> {
    if (this.#moved?.since === since) return this.#moved.hosts;
    const { endpoints, reach } = this.moving;
    const keys = [...differingKeys(since.endpoints, endpoints), ...differingKeys(since.reach, reach)];
    const hosts = new Set(keys.map(hostOfKey));
    this.#moved = { since, hosts };
    return hosts;
  }

  /** Workloads that serve other ports than they did. */
  boundOtherwiseSince(since: InboundPorts): ReadonlySet<WorkloadKey> {
    if (this.#bound?.since !== since) this.#bound = { since, workloads: differingKeys(since, this.#inboundPorts) };
    return this.#bound.workloads;
  }

  /** The mesh's. */
  get selectors(): readonly ClientSelector[] {
    return this.#selectors;
  }

  get perspectives(): Perspectives {
    return this.#perspectives!;
  }

  /** The same object as long as nothing that routing depends on changed but routes. */
  get routingLasting(): readonly unknown[] {
    return this.#routingInputs;
  }

  /** Changes when what routing depends on does. */
  get routingVersion(): number {
    return this.#routingVersion;
  }

  /** Changes when a proxy of the service's acknowledged other server names than before. */
  reachVersion(service: ServiceKey): number {
    return this.#reach.of(service);
  }
}
