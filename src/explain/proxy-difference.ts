// What one proxy would be told otherwise, by what it means: routes, endpoints, policies; never which bytes of which resource.

import type { JsonObject } from "@bufbuild/protobuf";
import { changesBetween } from "../compile/changes.ts";
import type { ProxySnapshot } from "../compile/proxy-snapshot.ts";
import { tableOf } from "../table/deferred-virtual-host.ts";
import { type Endpoint, formatAddress } from "../table/endpoint.ts";
import type { VirtualHost } from "../table/route.ts";
import { envoyRegistry } from "../xds/envoy-types.ts";
import { parseVirtualHostName } from "../xds/names.ts";
import { resourceJson } from "../xds/resource-json.ts";
import { resourcesOf } from "../xds/snapshot.ts";
import type { ResourceKind } from "../xds/type-urls.ts";
import { routeText } from "./describe.ts";
import { fieldDifferences } from "./field-difference.ts";
import { ProxyTables } from "./proxy-tables.ts";

export interface ProxyChange {
  readonly kind: "routes" | "endpoints" | "policies" | "listener" | "cluster" | "secret";
  readonly name: string;
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** What is there before and after, and is another. */
  readonly changed: readonly string[];
  /** Of those that are changed, and of routes that are added what stands in their way, by what they are called: in which fields. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
}

type Kind = "heddle" | "envoy";
/** What something says, by what it is called. */
type Texts = ReadonlyMap<string, string>;

const NONE: Texts = new Map();

/** Undefined: there is no such proxy then. */
export function proxyDifference(
  before: ProxySnapshot | undefined,
  after: ProxySnapshot | undefined,
  kind: Kind,
): readonly ProxyChange[] {
  if (!before || !after) return [];
  const names = changesBetween(before, after);
  const sides = [new Side(before, kind), new Side(after, kind)] as const;
  const of = (resource: ResourceKind) => [...(names[resource] ?? [])].sort();
  const routes = new Set([...of("rds"), ...of("vhds").map((name) => parseVirtualHostName(name)?.route ?? "")]);
  return [
    ...[...routes].sort().flatMap((name) => hostChanges(sides, name)),
    ...of("eds").flatMap((name) => compared("endpoints", name, sides, (side) => side.endpoints(name))),
    ...of("lds").flatMap((name) => [
      ...compared("policies", name, sides, (side) => side.policies(name)),
      ...compared("listener", name, sides, (side) => side.listener(name)),
    ]),
    ...of("cds").flatMap((name) => compared("cluster", name, sides, (side) => side.whole("cds", name))),
    ...of("sds").flatMap((name) => compared("secret", name, sides, (side) => side.whole("sds", name))),
  ];
}

function hostChanges(sides: readonly [Side, Side], routes: string): readonly ProxyChange[] {
  const hosts = sides.map((side) => side.hosts(routes));
  const names = new Set(hosts.flatMap((all) => [...all.keys()]));
  return [...names].sort().flatMap((name) => {
    const [before, after] = hosts.map((all) => all.get(name) ?? NONE);
    return changeOf("routes", `${routes} ${name}`, before!, after!);
  });
}

function compared(
  kind: ProxyChange["kind"],
  name: string,
  [before, after]: readonly [Side, Side],
  of: (side: Side) => Texts,
): readonly ProxyChange[] {
  return changeOf(kind, name, of(before), of(after));
}

function changeOf(kind: ProxyChange["kind"], name: string, before: Texts, after: Texts): readonly ProxyChange[] {
  const removed = [...before.keys()].filter((key) => !after.has(key));
  const added = [...after.keys()].filter((key) => !before.has(key));
  const changed = [...after].filter(([key, text]) => before.has(key) && before.get(key) !== text).map(([key]) => key);
  if (removed.length + added.length + changed.length === 0) return [];
  const told = [
    // Of a secret nobody is to read what it holds.
    ...(kind === "secret" ? [] : changed).map(
      (key) => [key, fieldDifferences(before.get(key)!, after.get(key)!)] as const,
    ),
    ...(kind === "routes" ? added : []).map((key) => [key, filtersOf(after.get(key)!)] as const),
  ];
  const fields = Object.fromEntries(told.filter(([, lines]) => lines.length > 0));
  return [{ kind, name, removed, added, changed, fields }];
}

/** Of a route: words say where it leads, and not that a filter aborts what takes it. */
function filtersOf(route: string): readonly string[] {
  const { typed_per_filter_config: filters = {} } = JSON.parse(route) ?? {};
  return fieldDifferences("{}", JSON.stringify(filters));
}

class Side {
  readonly #snapshot: ProxySnapshot;
  readonly #tables: ProxyTables;

  constructor(snapshot: ProxySnapshot, kind: Kind) {
    this.#snapshot = snapshot;
    this.#tables = new ProxyTables(snapshot, kind);
  }

  #json(kind: ResourceKind, name: string): JsonObject | undefined {
    const resource = resourcesOf(this.#snapshot, kind).get(name);
    return resource && resourceJson(resource, envoyRegistry());
  }

  whole(kind: ResourceKind, name: string): Texts {
    const json = this.#json(kind, name);
    return json ? new Map([[kind === "cds" ? "cluster" : "secret", JSON.stringify(json, withoutOrigins)]]) : NONE;
  }

  /** Of a locality's weight what it is for each of its endpoints': 1, unless a policy shares requests out by places. */
  endpoints(name: string): Texts {
    const { endpoints } = this.#tables.endpoints({ discovery: { kind: "eds", serviceName: name, fetchTimeoutMs: 0 } });
    const totals = new Map<string, number>();
    const group = ({ locality, priority }: Endpoint) => JSON.stringify([locality, priority]);
    for (const each of endpoints) totals.set(group(each), (totals.get(group(each)) ?? 0) + each.weight);
    return new Map(
      endpoints.map((endpoint) => {
        const { address, health, weight, priority, localityWeight, socketMatch } = endpoint;
        const share = localityWeight / totals.get(group(endpoint))!;
        const facts = [health, weight, priority, share, [...socketMatch].sort()];
        return [formatAddress(address), JSON.stringify(facts)] as const;
      }),
    );
  }

  /** Routes in words, by virtual host; what words do not say (time-outs, headers, rewrites) tells two of the same words apart. */
  hosts(routes: string): ReadonlyMap<string, Texts> {
    const configuration = this.#tables.routes(routes);
    return new Map(
      (configuration?.virtualHosts.all ?? []).map((host) => [host.name, this.#routes(routes, tableOf(host))]),
    );
  }

  #routes(configuration: string, host: VirtualHost): Texts {
    const json = this.#json("vhds", host.name) ?? hostOf(this.#json("rds", configuration), host.name);
    const messages = Array.isArray(json?.routes) ? json.routes : [];
    const seen = new Map<string, number>();
    return new Map(
      [...host.routes].map((route, i) => {
        const text = routeText(route);
        const count = (seen.get(text) ?? 0) + 1;
        seen.set(text, count);
        return [
          count === 1 ? text : `${text} (${count})`,
          JSON.stringify(messages[i] ?? null, withoutOrigins),
        ] as const;
      }),
    );
  }

  /** Rules, by what they do. */
  policies(name: string): Texts {
    return new Map([...rulesIn(this.#json("lds", name))].map(([rule, text]) => [rule, text]));
  }

  /** All of it but the rules. */
  listener(name: string): Texts {
    const json = this.#json("lds", name);
    return json ? new Map([["listener", JSON.stringify(json, withoutRules)]]) : NONE;
  }
}

function hostOf(configuration: JsonObject | undefined, name: string): JsonObject | undefined {
  const hosts = configuration?.virtual_hosts;
  return Array.isArray(hosts) ? (hosts as readonly JsonObject[]).find((host) => host.name === name) : undefined;
}

const RULES = ["rules", "shadow_rules"] as const;
const isRbac = (value: object): boolean =>
  "@type" in value && typeof value["@type"] === "string" && value["@type"].endsWith(".rbac.v3.RBAC");

/** Metadata say which objects something is made of, for people and metrics. */
function withoutOrigins(key: string, value: unknown): unknown {
  return key === "metadata" ? undefined : value;
}

/** A filter that is there for its rules alone comes and goes with them. */
function withoutRules(key: string, value: unknown): unknown {
  if (key === "metadata") return undefined;
  return Array.isArray(value) ? value.filter((item) => !isRbacFilter(item)) : value;
}

function isRbacFilter(value: unknown): boolean {
  if (typeof value !== "object" || value === null || !("typed_config" in value)) return false;
  const { typed_config: config } = value;
  return typeof config === "object" && config !== null && isRbac(config);
}

function* rulesIn(value: unknown): Generator<readonly [name: string, text: string]> {
  if (typeof value !== "object" || value === null) return;
  if (isRbac(value)) {
    for (const field of RULES) {
      const rules = (value as Readonly<Record<string, unknown>>)[field];
      if (typeof rules === "object" && rules !== null) yield* namedRules(rules, field);
    }
    return;
  }
  for (const item of Object.values(value)) yield* rulesIn(item);
}

function* namedRules(rules: object, field: (typeof RULES)[number]): Generator<readonly [name: string, text: string]> {
  const { action = "ALLOW", policies = {} } = rules as { readonly action?: string; readonly policies?: object };
  const what = field === "rules" ? action : `${action} (on trial)`;
  const named = Object.entries(policies);
  if (named.length === 0) yield [`${what} nothing`, ""];
  for (const [name, policy] of named) yield [`${what} ${name}`, JSON.stringify(policy)];
}
