// From the mesh to the plan of one virtual host: everything that needs a look-up is looked up here.

import type { Client } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Service, ServicePort } from "../model/service.ts";
import { encodeResource } from "../xds/resource.ts";
import { hashKeyOf } from "./hash-policy.ts";
import { selectRules } from "./http-rules.ts";
import type { Memo } from "./memo.ts";
import { mayBeHttp } from "./protocol.ts";
import { type Compiled, type Source, wholeObject } from "./provenance.ts";
import { serviceRoutes } from "./route-configuration.ts";
import { streamRoute } from "./stream-route.ts";
import { type RouteHeaders, type VirtualHostKind, type VirtualHostPlan, virtualHost } from "./virtual-host.ts";
import type { View } from "./visibility.ts";

export interface PlannedHost {
  readonly plan: VirtualHostPlan;
  readonly sources: readonly Source[];
  /** Distinguishes plans of one name for different clients in the memo. */
  readonly variant: string;
}

export interface HostNames {
  /** Name of the resource. */
  readonly name: string;
  readonly domains: readonly string[];
}

export function planVirtualHost(
  mesh: Mesh,
  client: Client & Pick<View, "http" | "key" | "scope">,
  kind: VirtualHostKind,
  service: Service,
  port: ServicePort,
  { name, domains }: HostNames,
): PlannedHost {
  const rules = mayBeHttp(port.protocol) ? selectRules(mesh, service.host, port.number, client) : undefined;
  const stream = kind === "proxy" ? streamRoute(mesh, service, port, client) : undefined;
  const hash = rules ? undefined : hashKeyOf(mesh, client, service.host, port.number);
  const plan: VirtualHostPlan = {
    kind,
    name,
    domains,
    host: service.host,
    port: port.number,
    protocol: port.protocol,
    external: service.location === "external",
    rules,
    stream: stream?.clusters ?? [],
    retry: mesh.settings.defaults.retry,
    headers: routeHeaders(mesh, client),
    hash,
  };
  const ruleSources = (rules ?? []).map(({ rule }) => ({ origin: rule.origin, path: rule.path }));
  const { aliases = [] } = service;
  const own = service.namespace === client.namespace ? "own" : "other";
  const named = aliases.some(({ namespace }) => namespace === client.namespace) ? client.namespace : "";
  // Rules differ by client only when some rule looks at the client, or when it sees less of what they lead to; then the view tells them apart.
  const looked = rules && (client.scope || rules.some(({ match }) => match?.client)) ? client.key : "";
  const route = rules?.[0] ? `${rules[0].rule.origin.namespace}/${rules[0].routeName}` : "";
  const headed = client.http?.headers ? JSON.stringify(plan.headers) : "";
  const variant = `${own}/${route}/${looked}/${hash ? client.namespace : ""}/${named}/${headed}`;
  return {
    plan,
    sources: [
      ...ruleSources,
      ...(stream?.sources ?? [wholeObject(service.origin)]),
      ...aliases.map(({ origin, path }) => ({ origin, path })),
    ],
    variant,
  };
}

export function routeHeaders({ settings }: Mesh, { http }: Pick<View, "http">): RouteHeaders {
  const { attemptCount, forwardedHost } = http?.headers ?? settings.proxyHeaders;
  return { attemptCount, forwardedHost };
}

/** A virtual host that travels on its own. */
export function compileVirtualHost(memo: Memo, { plan, sources, variant }: PlannedHost): Compiled {
  return memo.get(`vhds/${plan.name}/${variant}`, [plan, sources], () => ({
    resource: encodeResource("vhds", virtualHost(plan)),
    sources,
  }));
}

/** A route configuration that holds this virtual host alone, under the same name. */
export function compileServiceRoutes(memo: Memo, { plan, sources, variant }: PlannedHost): Compiled {
  return memo.get(`rds/${plan.name}/${plan.kind}/${variant}`, [plan, sources], () => ({
    resource: encodeResource("rds", serviceRoutes(plan.name, virtualHost(plan))),
    sources,
  }));
}
