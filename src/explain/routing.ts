// The virtual host and the route of a request, and which written rule each came from.

import { originPath } from "../compile/metadata.ts";
import { type Source, wholeObject } from "../compile/provenance.ts";
import type { BoundServer } from "../model/gateway-ports.ts";
import { hostMatches } from "../model/hosts.ts";
import type { Mesh } from "../model/mesh.ts";
import { originKey } from "../model/origin.ts";
import type { HttpRule } from "../model/route.ts";
import { tableOf } from "../table/deferred-virtual-host.ts";
import type { RouteConfiguration } from "../table/http.ts";
import { needsTls } from "../table/redirect.ts";
import type { ConnectionFacts, RequestFacts } from "../table/request.ts";
import { chooseRoute, type Route, type VirtualHost } from "../table/route.ts";
import type { FoundMetadata } from "../table/route-match.ts";
import { VirtualHosts } from "../table/virtual-hosts.ts";
import { routeText } from "./describe.ts";
import { tellPatches } from "./patches.ts";
import type { ProxyTables } from "./proxy-tables.ts";
import type { Alternative, Story } from "./story.ts";

export interface Routed {
  readonly host: VirtualHost;
  /** Undefined: none of the host's takes the request. */
  readonly route: Route | undefined;
  /** What the route was made from; undefined: nobody wrote it. */
  readonly source: Source | undefined;
  /** The virtual host sends every request in the clear to https. */
  readonly needsTls: boolean;
}

/** A share of requests that a route takes is taken by the first request: what it leaves comes second. */
const FIRST = 0;

export class Routing {
  readonly #tables: ProxyTables;
  readonly #configuration: RouteConfiguration;
  readonly #servers: readonly BoundServer[];

  /** `servers`: of the gateway's port; none for a sidecar. */
  constructor(tables: ProxyTables, configuration: RouteConfiguration, servers: readonly BoundServer[]) {
    this.#tables = tables;
    this.#configuration = configuration;
    this.#servers = servers;
  }

  /** Undefined: no virtual host has the authority. */
  choose(request: RequestFacts, connection: ConnectionFacts, found: FoundMetadata, story: Story): Routed | undefined {
    const { virtualHosts, name } = this.#configuration;
    const host = virtualHosts.find(request.authority);
    if (!host) {
      const decision = `no virtual host of route configuration ${name} has ${request.authority}`;
      story.tell("virtual host", decision, this.#servers[0] && serverSource(this.#servers[0]));
      return undefined;
    }
    const decision = `${host.name} has ${request.authority}`;
    story.tell("virtual host", decision, this.#hostSource(host), this.#secondHost(host, request.authority));
    tellPatches(story, this.#tables, "virtual host", "rds", name);
    tellPatches(story, this.#tables, "virtual host", "vhds", host.name);
    if (needsTls(host.requireTls, request)) {
      story.tell("route", "every request in the clear is sent to https", this.#hostSource(host));
      return { host, route: undefined, source: undefined, needsTls: true };
    }
    const route = chooseRoute(host, request, connection, FIRST, found);
    if (!route) {
      const [first] = this.#sources(host);
      const by = first && wholeObject(first.origin);
      story.tell("route", "none of the virtual host's routes takes the request", by);
      return { host, route, source: undefined, needsTls: false };
    }
    const source = this.#routeSource(host, route);
    story.tell("route", routeText(route), source, this.#secondRoute(host, route, request, connection, found));
    return { host, route, source, needsTls: false };
  }

  #sources({ name }: VirtualHost): readonly Source[] {
    const own = this.#tables.sources("vhds", name);
    return own.length > 0 ? own : this.#tables.sources("rds", this.#configuration.name);
  }

  /** Routes that rules made say whose they are; the compiler names the rules' places first, and in the routes' order. */
  #routeSource(host: VirtualHost, route: Route): Source | undefined {
    if (!route.origin) return this.#hostSource(host);
    const made = [...host.routes].filter(({ origin }) => origin !== undefined);
    const source = this.#sources(host)[made.indexOf(route)];
    return source && originPath(source.origin) === route.origin.config ? source : undefined;
  }

  /** The service that it stands for, or the server of the Gateway that opens it. */
  #hostSource(host: VirtualHost): Source | undefined {
    const [domain = ""] = host.domains;
    const server = this.#servers.find((bound) => bound.server.hosts.some((at) => covers(at.host, domain)));
    if (server) return serverSource(server);
    const rules = [...host.routes].filter(({ origin }) => origin !== undefined).length;
    // After it come names that stand for it.
    return this.#sources(host)
      .slice(rules)
      .findLast(({ path }) => path === "");
  }

  #secondHost(host: VirtualHost, authority: string): Alternative | undefined {
    const { virtualHosts } = this.#configuration;
    const others = virtualHosts.all.filter((other) => tableOf(other) !== host);
    const second = new VirtualHosts(others, this.#tables.ignoresPort(this.#configuration.name)).find(authority);
    return second && { decision: second.name, by: this.#hostSource(second) };
  }

  #secondRoute(
    host: VirtualHost,
    route: Route,
    request: RequestFacts,
    connection: ConnectionFacts,
    found: FoundMetadata,
  ): Alternative | undefined {
    const all = [...host.routes];
    const routes = all.slice(all.indexOf(route) + 1);
    const second = chooseRoute({ ...host, routes, paths: undefined }, request, connection, FIRST, found);
    return second && { decision: routeText(second), by: this.#routeSource(host, second) };
  }
}

function covers(pattern: string, domain: string): boolean {
  return pattern === domain || hostMatches(pattern, domain);
}

function serverSource({ gateway, server }: BoundServer): Source {
  return { origin: gateway.origin, path: server.path };
}

/** The rule at a place; undefined: the source is no rule of HTTP. */
export function ruleAt(mesh: Mesh, source: Source | undefined): HttpRule | undefined {
  if (!source || source.path === "") return undefined;
  const key = originKey(source.origin);
  for (const route of [...mesh.routes, ...mesh.gatewayRoutes]) {
    if (route.kind !== "http") continue;
    const rule = route.rules.find(({ path, origin }) => path === source.path && originKey(origin) === key);
    if (rule) return rule;
  }
  return undefined;
}
