// Parts from dialects → a mesh with the indexes that the compiler asks. Linear in the number of objects.

import { corrected } from "../base/corrected-map.ts";
import { correctionsOf, listDifference } from "../base/list.ts";
import type { ClientPolicy } from "./client-policy.ts";
import { CONFIG_MAP_NAME, type Credential, credentialKey } from "./credential.ts";
import { indexEndpoints } from "./endpoints.ts";
import { indexInboundPorts } from "./inbound-ports.ts";
import { file, SelectorIndex } from "./label-index.ts";
import type { Mesh, MeshIndex, MeshParts, Namespace } from "./mesh.ts";
import { type Authored, byAge, originKey } from "./origin.ts";
import { ProxyScopeIndex } from "./proxy-scope.ts";
import type { KeySet } from "./request-authentication.ts";
import type { Route } from "./route.ts";
import type { ServerPolicy } from "./server-policy.ts";
import { type Service, serviceKey } from "./service.ts";
import { settleAliases, withAliases, withSettledTargets } from "./service-alias.ts";
import type { MeshSettings } from "./settings.ts";
import { settled, settledList } from "./settle.ts";
import { workloadKey } from "./workload.ts";
import { ScopeIndex } from "./workload-scope.ts";

/**
 * Never fails: what contradicts itself is settled by age (the oldest wins) and reported by `validateMesh`. What is as it was in `before`
 * is the same object again, lists and indexes too, so that whoever compares two meshes compares references.
 */
export function buildMesh(settings: MeshSettings, parts: MeshParts, before?: Mesh): Mesh {
  const aliases = settled(before?.aliases, parts.aliases, policyKey);
  const settledAliases = before?.aliases === aliases ? before.index.aliases : settleAliases(aliases);
  const services = settled(before?.services, withAliases(parts.services, settledAliases), serviceKey, byAge);
  const workloads = settledList(before?.workloads, parts.workloads, workloadKey);
  const written = parted(withSettledTargets(parts.routes, settledAliases));
  const routes = settled(before?.routes, written.sidecars, routeKey);
  const gatewayRoutes = settled(before?.gatewayRoutes, written.gateways, routeKey);
  const gateways = settled(before?.gateways, parts.gateways, policyKey);
  const credentials = settled(before?.credentials, parts.credentials, keyOfCredential);
  const clientPolicies = settled(before?.clientPolicies, parts.clientPolicies, policyKey);
  const serverPolicies = settled(before?.serverPolicies, parts.serverPolicies, policyKey);
  const authorizationPolicies = settled(before?.authorizationPolicies, parts.authorizationPolicies, policyKey);
  const requestAuthentications = settled(before?.requestAuthentications, parts.requestAuthentications, policyKey);
  const keySets = settled(before?.keySets, parts.keySets, keySetKey);
  const proxyScopes = settled(before?.proxyScopes, parts.proxyScopes, policyKey);
  const proxyStarts = settled(before?.proxyStarts, parts.proxyStarts, policyKey);
  const telemetries = settled(before?.telemetries, parts.telemetries, policyKey);
  const envoyPatches = settled(before?.envoyPatches, parts.envoyPatches, policyKey);
  const trafficExtensions = settled(before?.trafficExtensions, parts.trafficExtensions, policyKey);
  const namespaces = settled(before?.namespaces, parts.namespaces, namespaceKey);
  const found = indexEndpoints(services, workloads, parts.endpointLists, before);
  const ofServices =
    before?.services === services ? pick(before.index, SERVICE_INDEXES) : indexServices(services, before);
  const index: MeshIndex = {
    ...ofServices,
    aliases: settledAliases,
    ...found,
    inboundPorts: indexInboundPorts({ all: services, byKey: ofServices.services }, found.endpoints, before?.index),
    ...(before?.routes === routes ? pick(before.index, ROUTE_INDEXES) : indexRoutes(routes, before)),
    gatewayRoutes:
      before?.gatewayRoutes === gatewayRoutes
        ? before.index.gatewayRoutes
        : groups(gatewayRoutes, ({ gateway }) => (gateway === undefined ? [] : [gateway])),
    credentials:
      before?.credentials === credentials
        ? before.index.credentials
        : new Map(credentials.map((credential) => [keyOfCredential(credential), credential])),
    clientPolicies:
      before?.clientPolicies === clientPolicies ? before.index.clientPolicies : indexClientPolicies(clientPolicies),
    ...(before?.serverPolicies === serverPolicies
      ? pick(before.index, SERVER_POLICY_INDEXES)
      : indexServerPolicies(serverPolicies)),
    authorizationPolicies:
      before?.authorizationPolicies === authorizationPolicies
        ? before.index.authorizationPolicies
        : new ScopeIndex([...authorizationPolicies].sort(byAge)),
    requestAuthentications:
      before?.requestAuthentications === requestAuthentications
        ? before.index.requestAuthentications
        : new ScopeIndex([...requestAuthentications].sort(byAge)),
    proxyScopes: before?.proxyScopes === proxyScopes ? before.index.proxyScopes : new ProxyScopeIndex(proxyScopes),
    proxyStarts: before?.proxyStarts === proxyStarts ? before.index.proxyStarts : new ScopeIndex(proxyStarts),
    telemetries:
      before?.telemetries === telemetries ? before.index.telemetries : new ScopeIndex([...telemetries].sort(byAge)),
    envoyPatches:
      before?.envoyPatches === envoyPatches ? before.index.envoyPatches : new ScopeIndex([...envoyPatches].sort(byAge)),
    trafficExtensions:
      before?.trafficExtensions === trafficExtensions
        ? before.index.trafficExtensions
        : new ScopeIndex([...trafficExtensions].sort(byAge)),
    keySets: before?.keySets === keySets ? before.index.keySets : new Map(keySets.map((keys) => [keys.uri, keys])),
  };
  return {
    settings,
    namespaces,
    services,
    aliases,
    workloads,
    routes,
    gatewayRoutes,
    clientPolicies,
    serverPolicies,
    authorizationPolicies,
    requestAuthentications,
    telemetries,
    keySets,
    envoyPatches,
    trafficExtensions,
    gateways,
    credentials,
    proxyScopes,
    proxyStarts,
    index,
  };
}

const SERVICE_INDEXES = ["services", "servicesByHost"] as const;
const ROUTE_INDEXES = ["httpRoutes", "tlsRoutes", "tcpRoutes"] as const;
const SERVER_POLICY_INDEXES = ["meshServerPolicy", "namespaceServerPolicies", "workloadServerPolicies"] as const;

function pick<K extends keyof MeshIndex>(index: MeshIndex, keys: readonly K[]): Pick<MeshIndex, K> {
  return Object.fromEntries(keys.map((key) => [key, index[key]])) as Pick<MeshIndex, K>;
}

const policyKey = ({ origin }: Authored) => originKey(origin);
const keySetKey = ({ uri }: KeySet) => uri;
const namespaceKey = ({ name }: Namespace) => name;

type ServiceIndexes = Pick<MeshIndex, (typeof SERVICE_INDEXES)[number]>;

/** `before`: of other services; hosts whose services are the same keep their lists. */
export function indexServices(
  services: readonly Service[],
  before?: { readonly services: readonly Service[]; readonly index: ServiceIndexes },
): ServiceIndexes {
  const difference = before && listDifference(before.services, services);
  if (!before || !difference || difference.gone.length + difference.come.length > MANY)
    return {
      services: new Map(services.map((service) => [serviceKey(service), service])),
      servicesByHost: groups(services, hostsOfService),
    };
  const { gone, come } = difference;
  return {
    services: corrected(before.index.services, correctionsOf(difference, serviceKey)),
    servicesByHost: regrouped(before.index.servicesByHost, gone, come, hostsOfService),
  };
}

function hostsOfService({ host }: Service): readonly string[] {
  return [host];
}

type RouteIndexes = Pick<MeshIndex, (typeof ROUTE_INDEXES)[number]>;

/** `before`: of other routes; hosts whose routes are the same keep their lists. */
export function indexRoutes(
  routes: readonly Route[],
  before?: { readonly routes: readonly Route[]; readonly index: RouteIndexes },
): RouteIndexes {
  const { gone, come } = before ? listDifference(before.routes, routes) : { gone: [], come: routes };
  const last = gone.length + come.length <= MANY ? before?.index : undefined;
  const of = <R extends Route>(
    isOf: (route: Route) => route is R,
    known: ReadonlyMap<string, readonly R[]> | undefined,
  ) =>
    known
      ? regrouped(known, gone.filter(isOf), come.filter(isOf), hostsOfRoute)
      : groups(routes.filter(isOf), hostsOfRoute);
  return {
    httpRoutes: of((route) => route.kind === "http", last?.httpRoutes),
    tlsRoutes: of((route) => route.kind === "tls", last?.tlsRoutes),
    tcpRoutes: of((route) => route.kind === "tcp", last?.tcpRoutes),
  };
}

/** Things that came and went beyond which all are grouped anew. */
const MANY = 500;

function hostsOfRoute({ hosts }: Route): readonly string[] {
  return hosts;
}

/** What `groups` gives of others. */
function regrouped<T extends Authored>(
  before: ReadonlyMap<string, readonly T[]>,
  gone: readonly T[],
  come: readonly T[],
  keysOf: (thing: T) => readonly string[],
): ReadonlyMap<string, readonly T[]> {
  const [left, keys] = [new Set(gone), new Set([...gone, ...come].flatMap(keysOf))];
  return corrected(
    before,
    [...keys].map((key) => {
      const kept = (before.get(key) ?? []).filter((thing) => !left.has(thing));
      const list = [...kept, ...come.filter((thing) => keysOf(thing).includes(key))].sort(byAge);
      return [key, list.length === 0 ? undefined : list];
    }),
  );
}

interface PartedRoutes {
  readonly sidecars: readonly Route[];
  readonly gateways: readonly Route[];
}

const partedRoutes = new WeakMap<readonly Route[], PartedRoutes>();

/** The same lists of the same routes. */
function parted(routes: readonly Route[]): PartedRoutes {
  const known = partedRoutes.get(routes) ?? {
    sidecars: routes.filter(isForSidecars),
    gateways: routes.filter((route) => !isForSidecars(route)),
  };
  partedRoutes.set(routes, known);
  return known;
}

/** One object may make a route of each kind, for sidecars and for each Gateway that it is bound to. */
export function routeKey(route: Route): string {
  return `${route.kind}/${originKey(route.origin)}${route.gateway === undefined ? "" : `@${route.gateway}`}`;
}

function keyOfCredential({ origin: { kind, namespace, name } }: Credential): string {
  const whole = credentialKey(namespace, name);
  return kind === "ConfigMap" ? `${CONFIG_MAP_NAME}${whole}` : whole;
}

function isForSidecars({ gateway }: Route): boolean {
  return gateway === undefined;
}

/** Things under each of their keys, every list sorted by age. */
function groups<T extends Authored>(
  things: readonly T[],
  keysOf: (thing: T) => readonly string[],
): ReadonlyMap<string, readonly T[]> {
  const lists = new Map<string, T[]>();
  for (const thing of [...things].sort(byAge)) for (const key of new Set(keysOf(thing))) file(lists, key, thing);
  return lists;
}

/** Policies are looked for namespace by namespace, and in each by host. */
function indexClientPolicies(policies: readonly ClientPolicy[]): MeshIndex["clientPolicies"] {
  const byNamespace = groups(policies, (policy) => [policy.namespace]);
  return new Map(
    [...byNamespace].map(([namespace, members]) => [namespace, groups(members, (policy) => [policy.host])]),
  );
}

/** Per scope the oldest wins, as Istio's PeerAuthentication. */
function indexServerPolicies(
  policies: readonly ServerPolicy[],
): Pick<MeshIndex, (typeof SERVER_POLICY_INDEXES)[number]> {
  let meshServerPolicy: ServerPolicy | undefined;
  const namespaceServerPolicies = new Map<string, ServerPolicy>();
  const selecting = new Map<string, ServerPolicy[]>();
  for (const policy of [...policies].sort(byAge)) {
    const { scope } = policy;
    if (scope.kind === "mesh") meshServerPolicy ??= policy;
    else if (scope.kind === "workloads") file(selecting, scope.namespace, policy);
    else if (!namespaceServerPolicies.has(scope.namespace)) namespaceServerPolicies.set(scope.namespace, policy);
  }
  const workloadServerPolicies = new Map(
    [...selecting].map(([namespace, members]) => [
      namespace,
      new SelectorIndex(members, ({ scope }) => (scope.kind === "workloads" ? scope.labels : {})),
    ]),
  );
  return { meshServerPolicy, namespaceServerPolicies, workloadServerPolicies };
}
