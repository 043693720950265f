// Findings about routes: hosts that several have, and destinations that lead nowhere. What was found of a route is kept until it, another
// one of its hosts, or what destinations may be is other.

import { listDifference } from "../base/list.ts";
import { streamsOfAlias } from "./alias-findings.ts";
import { sameItems } from "./equality.ts";
import { type Finding, markOf } from "./finding.ts";
import * as findings from "./findings.ts";
import { clientPolicyFor, serviceFor } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import type { Route } from "./route.ts";
import { type Service, serviceKey } from "./service.ts";
import { settledHost } from "./service-alias.ts";
import { targetsWrittenIn, type WrittenTarget } from "./written-targets.ts";

/** What was found of some routes; those of which nothing was are not in it. */
interface Kept {
  readonly routes: readonly Route[];
  readonly found: ReadonlyMap<Route, readonly Finding[]>;
}

interface KeptOfMesh {
  readonly settings: Mesh["settings"];
  readonly aliases: Mesh["aliases"];
  readonly clientPolicies: Mesh["clientPolicies"];
  readonly sidecars: Kept;
  readonly gateways: Kept;
}

/** By the services of a mesh. */
const keptFindings = new WeakMap<readonly Service[], KeptOfMesh>();

/** Routes that came and went beyond which all are looked at. */
const MANY = 500;

export function routeFindings(mesh: Mesh): readonly Finding[] {
  const { settings, aliases, clientPolicies, services } = mesh;
  const known = keptFindings.get(services);
  const before =
    known && sameItems([known.settings, known.aliases, known.clientPolicies], [settings, aliases, clientPolicies])
      ? known
      : undefined;
  const routes = new RouteValidation(mesh);
  const sidecars = after(
    before?.sidecars,
    mesh.routes,
    (route) => routes.rivals(route),
    (route) => routes.ofSidecars(route),
  );
  const gateways = after(
    before?.gateways,
    mesh.gatewayRoutes,
    () => [],
    (route) => routes.targets(route),
  );
  keptFindings.set(services, { settings, aliases, clientPolicies, sidecars, gateways });
  return [...inOrder(sidecars), ...inOrder(gateways)];
}

/** `rivals`: of whom something else may be found because of the route. */
function after(
  before: Kept | undefined,
  routes: readonly Route[],
  rivals: (route: Route) => readonly Route[],
  find: (route: Route) => readonly Finding[],
): Kept {
  if (before?.routes === routes) return before;
  const difference = before && listDifference(before.routes, routes);
  const isSmall = difference && difference.gone.length + difference.come.length <= MANY;
  const { gone, come } = isSmall ? difference : { gone: [], come: routes };
  const found = new Map(isSmall ? before?.found : undefined);
  for (const route of gone) found.delete(route);
  const looked = isSmall ? new Set([...come, ...[...gone, ...come].flatMap(rivals)]) : come;
  for (const route of looked) {
    const now = find(route);
    if (now.length > 0) found.set(route, now);
    else found.delete(route);
  }
  return { routes, found };
}

/** As the routes stand in the mesh. */
function inOrder({ routes, found }: Kept): readonly Finding[] {
  return found.size === 0 ? [] : routes.flatMap((route) => found.get(route) ?? []);
}

/** One look at the routes of one mesh. */
class RouteValidation {
  readonly #mesh: Mesh;
  readonly #firstRoutes = new Map<readonly Route[], ReadonlyMap<string, Route>>();
  readonly #subsets = new Map<string, ReadonlySet<string>>();
  readonly #ports = new Map<Service, ReadonlySet<number>>();

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  rivals({ kind, hosts }: Route): readonly Route[] {
    const byHost = this.#routesOf(kind);
    return hosts.flatMap((host) => byHost.get(host) ?? []);
  }

  ofSidecars(route: Route): readonly Finding[] {
    return [...this.#hosts(route), ...this.targets(route)];
  }

  targets(route: Route): readonly Finding[] {
    return targetsWrittenIn(route).flatMap((written) => this.#target(written));
  }

  #routesOf(kind: Route["kind"]): ReadonlyMap<string, readonly Route[]> {
    const { httpRoutes, tlsRoutes, tcpRoutes } = this.#mesh.index;
    return kind === "http" ? httpRoutes : kind === "tls" ? tlsRoutes : tcpRoutes;
  }

  /** The first for each visibility, of thousands for one host. */
  #winnersOf(kind: Route["kind"], host: string): ReadonlyMap<string, Route> {
    const ofHost = this.#routesOf(kind).get(host) ?? [];
    const known = this.#firstRoutes.get(ofHost);
    if (known) return known;
    const firsts = new Map<string, Route>();
    for (const route of ofHost) {
      const visibility = JSON.stringify(route.visibility);
      if (!firsts.has(visibility)) firsts.set(visibility, route);
    }
    this.#firstRoutes.set(ofHost, firsts);
    return firsts;
  }

  /** Only routes that the same clients see shadow each other: a private one beats a public one on purpose. */
  #hosts(route: Route): readonly Finding[] {
    const visibility = JSON.stringify(route.visibility);
    const { aliases } = this.#mesh.index;
    const streams = ({ origin }: Route, path: string, host: string): readonly Finding[] => [
      { origin, path, message: streamsOfAlias(host, settledHost(aliases, host)) },
    ];
    return route.hosts.flatMap((host, i): readonly Finding[] => {
      const path = `spec.hosts[${i}]`;
      const winner = this.#winnersOf(route.kind, host).get(visibility);
      if (winner && winner !== route) return shadowed(route, path, winner, host);
      if (aliases.has(host)) return route.kind === "http" ? [] : streams(route, path, host);
      const isKnown = host.startsWith("*") || this.#mesh.index.servicesByHost.has(host);
      if (route.kind !== "http" || isKnown) return [];
      return [{ origin: route.origin, path, message: findings.routeOutsideRegistry(host) }];
    });
  }

  /** Told once, in however many places the rule holds. */
  #target({ origin, target: { host, port, subset, path } }: WrittenTarget): readonly Finding[] {
    const { namespace } = origin;
    const service = serviceFor(this.#mesh, host, namespace);
    if (!service) {
      const message = (near: string | undefined) => findings.unknownHost(host, near);
      const once = markOf(origin, path, "host");
      return [{ origin, path: `${path}.host`, message: { text: host, among: undefined, message }, once }];
    }
    const found: Finding[] = [];
    const ports = this.#portsOf(service);
    const once = markOf(origin, path, "port");
    if (port !== undefined && !ports.has(port))
      found.push({ origin, path: `${path}.port`, message: findings.unknownPort(port, host, ports), once });
    if (port === undefined && ports.size > 1)
      found.push({ origin, path, message: findings.ambiguousPort(host, ports), once });
    if (subset === undefined) return found;
    const subsets = this.#subsetsSeenBy(service, namespace);
    if (subsets.has(subset)) return found;
    const message = (near: string | undefined) => findings.unknownSubset(subset, host, subsets, near);
    found.push({
      origin,
      path: `${path}.subset`,
      message: { text: subset, among: subsets, message },
      once: markOf(origin, path, "subset"),
    });
    return found;
  }

  #portsOf(service: Service): ReadonlySet<number> {
    const known = this.#ports.get(service) ?? new Set(service.ports.map(({ number }) => number));
    this.#ports.set(service, known);
    return known;
  }

  /** Names of subsets that clients of a namespace may use, those of policies for chosen clients included. */
  #subsetsSeenBy(service: Service, namespace: string): ReadonlySet<string> {
    const key = `${namespace} ${serviceKey(service)}`;
    const known = this.#subsets.get(key);
    if (known) return known;
    const policy = clientPolicyFor(this.#mesh, service, { namespace, labels: {} });
    const selecting = this.#mesh.index.clientPolicies
      .get(namespace)
      ?.get(service.host)
      ?.filter((candidate) => candidate.clients);
    const subsets = [policy, ...(selecting ?? [])].flatMap((candidate) => candidate?.subsets ?? []);
    const names = new Set(subsets.map((subset) => subset.name));
    this.#subsets.set(key, names);
    return names;
  }
}

/** The winner is told of the first rival alone: more of them change nothing. */
function shadowed({ origin }: Route, path: string, winner: Route, host: string): readonly Finding[] {
  const winnerPath = `spec.hosts[${winner.hosts.indexOf(host)}]`;
  return [
    {
      origin,
      path,
      message: findings.shadowedRoute(host, winner.origin),
      other: { origin: winner.origin, path: winnerPath },
    },
    {
      origin: winner.origin,
      path: winnerPath,
      message: findings.shadowsRoute(host, origin),
      other: { origin, path },
      once: markOf(winner.origin, winnerPath, "winner"),
    },
  ];
}
