// Route configurations of a gateway: the hosts of its servers, with the rules of the routes that are bound to them. A host that no route
// speaks of has no virtual host, and is answered 404.

import { create } from "@bufbuild/protobuf";
import { type GatewayServer, gatewayKey, type ServerHost } from "../model/gateway.ts";
import type { BoundServer } from "../model/gateway-ports.ts";
import { hostMatches } from "../model/hosts.ts";
import { serviceFor } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { compareText } from "../model/origin.ts";
import type { HttpRoute, RetryPolicy, Route } from "../model/route.ts";
import { portByNumber } from "../model/service.ts";
import { visibleTo } from "../model/visibility.ts";
import { ApiVersion } from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import {
  type VirtualHost,
  VirtualHost_TlsRequirementType,
  VirtualHostSchema,
} from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import { virtualHostName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import { type SelectedRule, selectFrom } from "./http-rules.ts";
import type { Memo } from "./memo.ts";
import type { Compiled, Source } from "./provenance.ts";
import { featuresOf } from "./proxy-features.ts";
import { ruleRoute } from "./route.ts";
import { matchesEverything } from "./route-match.ts";
import type { RouteHeaders } from "./virtual-host.ts";
import { meshRequestHeaders } from "./virtual-host.ts";
import { routeHeaders } from "./virtual-host-plan.ts";
import type { View } from "./visibility.ts";

/** What a rule's requests carry into the mesh: nothing to servers outside of it. */
type Reaches = "outside" | "declared" | "undeclared";

interface HostRule {
  readonly selected: SelectedRule;
  readonly reaches: Reaches;
}

/** One virtual host. Plain data: the memo compares it. */
interface HostPlan {
  readonly host: string;
  /** As clients call it. */
  readonly port: number;
  readonly scheme: "http" | "https";
  readonly redirectsToHttps: boolean;
  readonly rules: readonly HostRule[];
  readonly retry: RetryPolicy;
  readonly headers: RouteHeaders;
}

interface GatheredHost {
  readonly port: number;
  redirectsToHttps: boolean;
  readonly rules: HostRule[];
  /** Routes whose rules are in there: two servers of a port may lead to one of them. */
  readonly routes: Set<Route>;
}

/** The narrower of two hosts, if one covers the other. */
export function narrower(a: string, b: string): string | undefined {
  if (a === b || hostMatches(a, b)) return b;
  return hostMatches(b, a) ? a : undefined;
}

/** Hosts that routes of a namespace may have at the server, narrowed to those that they want. */
export function commonHosts(
  hosts: readonly ServerHost[],
  wanted: readonly string[],
  namespace: string,
): readonly string[] {
  const mine = hosts.filter((host) => host.namespace === undefined || host.namespace === namespace);
  return [...new Set(mine.flatMap(({ host }) => wanted.flatMap((other) => narrower(host, other) ?? [])))];
}

/** Routes of a kind that are bound to the Gateway and exported to its proxy, oldest first, each with the hosts that are left to it. */
export function routesAtServer<Kind extends Route["kind"]>(
  mesh: Mesh,
  view: View,
  { gateway, server }: BoundServer,
  kind: Kind,
): readonly { readonly route: Route & { readonly kind: Kind }; readonly hosts: readonly string[] }[] {
  const bound = mesh.index.gatewayRoutes.get(gatewayKey(gateway)) ?? [];
  return bound.flatMap((route) => {
    if (route.kind !== kind || !visibleTo(route.visibility, view.namespace)) return [];
    const hosts = commonHosts(server.hosts, route.hosts, route.namespace);
    return hosts.length === 0 ? [] : [{ route: route as Route & { readonly kind: Kind }, hosts }];
  });
}

function reachOfRule(mesh: Mesh, view: View, { backends }: SelectedRule): Reaches {
  const ports = backends.flatMap(({ host, port }) => {
    const service = serviceFor(mesh, host, view.namespace);
    return service?.location === "mesh" ? [portByNumber(service, port)?.protocol] : [];
  });
  if (ports.length === 0) return "outside";
  return ports.includes("undeclared") ? "undeclared" : "declared";
}

/**
 * For a proxy that verifies no token, and lets none in where one would be looked at: nobody has a claim, so that a route that asks for one is none, and a
 * route that asks for its absence is open to all.
 */
function withoutClaims(route: HttpRoute): HttpRoute {
  if (!route.rules.some(({ matches }) => matches.some(({ claims }) => claims))) return route;
  const rules = route.rules.flatMap((rule) => {
    const matches = rule.matches.filter(({ claims = [] }) => claims.every(({ invert }) => invert));
    if (matches.length === 0 && rule.matches.length > 0) return [];
    return [{ ...rule, matches: matches.map(({ claims: _, ...match }) => match) }];
  });
  return { ...route, rules };
}

function rulesOf(mesh: Mesh, view: View, route: HttpRoute, { port }: GatewayServer): readonly HostRule[] {
  const known = featuresOf(view.proxyKind).verifiesTokens ? route : withoutClaims(route);
  const selected = selectFrom(mesh, known, port, view) ?? [];
  return selected.map((rule) => ({ selected: rule, reaches: reachOfRule(mesh, view, rule) }));
}

function isCatchAll({ selected: { match } }: HostRule): boolean {
  return !match || matchesEverything(match);
}

/** The rules of several routes one after the other, and of those that match everything the first, at the end (Istio's SortVHostRoutes). */
function settled(rules: readonly HostRule[]): readonly HostRule[] {
  const last = rules.find(isCatchAll);
  return [...rules.filter((rule) => !isCatchAll(rule)), ...(last ? [last] : [])];
}

function gather(mesh: Mesh, view: View, servers: readonly BoundServer[]): ReadonlyMap<string, GatheredHost> {
  const gathered = new Map<string, GatheredHost>();
  const at = (host: string, server: GatewayServer): GatheredHost => {
    const entry = gathered.get(host) ?? { port: server.port, redirectsToHttps: false, rules: [], routes: new Set() };
    gathered.set(host, entry);
    entry.redirectsToHttps ||= server.redirectsToHttps;
    return entry;
  };
  for (const bound of servers) {
    const { server } = bound;
    for (const { route, hosts } of routesAtServer(mesh, view, bound, "http")) {
      const rules = rulesOf(mesh, view, route, server);
      if (rules.length === 0) continue;
      for (const host of hosts) {
        const entry = at(host, server);
        if (!entry.routes.has(route)) entry.rules.push(...rules);
        entry.routes.add(route);
      }
    }
    // Sent to https whether or not a route speaks of them.
    if (server.redirectsToHttps) for (const { host } of server.hosts) at(host, server);
  }
  return gathered;
}

export function planHosts(
  mesh: Mesh,
  view: View,
  servers: readonly BoundServer[],
  scheme: HostPlan["scheme"],
): readonly HostPlan[] {
  const { retry } = mesh.settings.defaults;
  return [...gather(mesh, view, servers)]
    .sort(([a], [b]) => compareText(a, b))
    .map(([host, { port, redirectsToHttps, rules }]) => ({
      host,
      port,
      scheme,
      redirectsToHttps,
      rules: settled(rules),
      retry,
      headers: routeHeaders(mesh, view),
    }));
}

function routeOf({ selected, reaches }: HostRule, { port, retry, scheme, headers }: HostPlan) {
  const route = ruleRoute(selected, port, { retry, scheme, forwardedHost: headers.forwardedHost });
  if (reaches !== "outside") route.requestHeadersToAdd.push(...meshRequestHeaders(reaches === "undeclared"));
  return route;
}

function virtualHostOf(name: string, plan: HostPlan): VirtualHost {
  return create(VirtualHostSchema, {
    name,
    domains: [plan.host],
    includeRequestAttemptCount: plan.headers.attemptCount,
    requireTls: plan.redirectsToHttps ? VirtualHost_TlsRequirementType.ALL : VirtualHost_TlsRequirementType.NONE,
    routes: plan.rules.map((rule) => routeOf(rule, plan)),
  });
}

/** Its virtual hosts come by VHDS; the port in a Host header says nothing. */
function shell(name: string): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    vhds: { configSource: { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 } },
    validateClusters: false,
    ignorePortInHostMatching: true,
  });
}

export interface GatewayRoutes {
  readonly routes: Compiled;
  readonly virtualHosts: readonly Compiled[];
}

/** `scope`: tells gateways apart whose routes differ under one name. */
export function gatewayRoutes(
  memo: Memo,
  scope: string,
  name: string,
  hosts: readonly HostPlan[],
  sources: readonly Source[],
): GatewayRoutes {
  const routes = memo.get(`rds/${scope}/${name}`, [sources], () => ({
    resource: encodeResource("rds", shell(name)),
    sources,
  }));
  const virtualHosts = hosts.map((plan) => {
    const resource = virtualHostName({ route: name, host: `${plan.host}:${plan.port}` });
    return memo.get(`vhds/${scope}/${resource}`, [plan, sources], () => ({
      resource: encodeResource("vhds", virtualHostOf(resource, plan)),
      sources: [...plan.rules.map(({ selected: { rule } }) => ({ origin: rule.origin, path: rule.path })), ...sources],
    }));
  });
  return { routes, virtualHosts };
}
