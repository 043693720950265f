// Further names of services. A name may stand for a name; where it leads in the end is settled here, and every service knows its names.

import { sameItems } from "./equality.ts";
import { file } from "./label-index.ts";
import { compareText } from "./origin.ts";
import type { BackendTarget, Mirror, Route, WeightedBackend } from "./route.ts";
import type { Service, ServiceAlias } from "./service.ts";

export interface SettledAlias {
  readonly alias: ServiceAlias;
  /** Undefined: it stands for itself by way of others, and so for nothing. */
  readonly target: string | undefined;
}

/** By host. */
export type SettledAliases = ReadonlyMap<string, SettledAlias>;

export const NO_ALIASES: SettledAliases = new Map();

export function settleAliases(aliases: readonly ServiceAlias[]): SettledAliases {
  if (aliases.length === 0) return NO_ALIASES;
  const byHost = new Map(aliases.map((alias) => [alias.host, alias]));
  return new Map(aliases.map((alias) => [alias.host, { alias, target: endOf(alias, byHost) }]));
}

function endOf({ host, target }: ServiceAlias, byHost: ReadonlyMap<string, ServiceAlias>): string | undefined {
  const seen = new Set([host]);
  for (let end = target; !seen.has(end); ) {
    const next = byHost.get(end);
    if (!next) return end;
    seen.add(end);
    end = next.target;
  }
  return undefined;
}

/** What a list was made of last, and what came of it: the same list for the same aliases. */
type Made<T> = WeakMap<readonly T[], { readonly aliases: SettledAliases; readonly list: readonly T[] }>;

const namedServices: Made<Service> = new WeakMap();
const ledRoutes: Made<Route> = new WeakMap();

function once<T>(made: Made<T>, of: readonly T[], aliases: SettledAliases, make: () => readonly T[]): readonly T[] {
  if (aliases.size === 0) return of;
  const known = made.get(of);
  if (known?.aliases === aliases) return known.list;
  const list = make();
  made.set(of, { aliases, list });
  return list;
}

/** Every service of a host that is stood for has the names that stand for it, in an order that does not depend on theirs. */
export function withAliases(services: readonly Service[], aliases: SettledAliases): readonly Service[] {
  return once(namedServices, services, aliases, () => {
    const byTarget = new Map<string, ServiceAlias[]>();
    for (const { alias, target } of aliases.values()) if (target !== undefined) file(byTarget, target, alias);
    for (const names of byTarget.values())
      names.sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.host, b.host));
    return services.map((service) => {
      const names = byTarget.get(service.host);
      return names ? named(service, names) : service;
    });
  });
}

const namedLast = new WeakMap<Service, Service>();

function named(service: Service, aliases: readonly ServiceAlias[]): Service {
  const known = namedLast.get(service);
  if (known?.aliases && sameItems(known.aliases, aliases)) return known;
  const made = { ...service, aliases };
  namedLast.set(service, made);
  return made;
}

/** The same service where it keeps all of them. */
export function keepAliases(service: Service, keeps: (alias: ServiceAlias) => boolean): Service {
  const { aliases = [] } = service;
  const kept = aliases.filter(keeps);
  return kept.length === aliases.length ? service : { ...service, aliases: kept };
}

/** Routes lead to the service that a name stands for: names have no clusters. */
export function withSettledTargets(routes: readonly Route[], aliases: SettledAliases): readonly Route[] {
  return once(ledRoutes, routes, aliases, () => routes.map((route) => settledRoute(route, aliases)));
}

function settledRoute(route: Route, aliases: SettledAliases): Route {
  const led = <T extends { readonly target: BackendTarget }>(backends: readonly T[]): readonly T[] => {
    if (!backends.some(({ target }) => aliases.get(target.host)?.target !== undefined)) return backends;
    return backends.map((backend) => {
      const host = aliases.get(backend.target.host)?.target;
      return host === undefined ? backend : { ...backend, target: { ...backend.target, host } };
    });
  };
  if (route.kind !== "http") {
    const rules = route.rules.map((rule) => withBackends(rule, led(rule.backends)));
    return rules.every((rule, i) => rule === route.rules[i]) ? route : ({ ...route, rules } as Route);
  }
  const rules = route.rules.map((rule) => {
    const { action } = rule;
    if (action.kind !== "forward") return rule;
    const mirrors: readonly Mirror[] = led(rule.mirrors);
    const forwarding = withBackends(action, led(action.backends));
    return forwarding === action && mirrors === rule.mirrors ? rule : { ...rule, action: forwarding, mirrors };
  });
  return rules.every((rule, i) => rule === route.rules[i]) ? route : { ...route, rules };
}

function withBackends<T extends { readonly backends: readonly WeightedBackend[] }>(
  of: T,
  backends: readonly WeightedBackend[],
): T {
  return backends === of.backends ? of : { ...of, backends };
}

/** The host of the service that clients mean by this one. */
export function settledHost(aliases: SettledAliases, host: string): string {
  return aliases.get(host)?.target ?? host;
}
