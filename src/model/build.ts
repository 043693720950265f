// Parts from dialects → a mesh with the indexes that the compiler asks. Linear in the number of objects.

import type { ClientPolicy } from "./client-policy.ts";
import { indexEndpoints, indexInboundPorts } from "./endpoints.ts";
import { file, SelectorIndex } from "./label-index.ts";
import type { Mesh, MeshIndex, MeshParts, Namespace } from "./mesh.ts";
import { type Authored, byAge, compareText, originKey } from "./origin.ts";
import type { Route } from "./route.ts";
import type { ServerPolicy } from "./server-policy.ts";
import { type Service, serviceKey } from "./service.ts";
import type { MeshSettings } from "./settings.ts";
import { workloadKey } from "./workload.ts";

/** Never fails: what contradicts itself is settled by age (the oldest wins) and reported by `validateMesh`. */
export function buildMesh(settings: MeshSettings, parts: MeshParts): Mesh {
  const namespaces = distinct(parts.namespaces, (namespace: Namespace) => namespace.name);
  const services = distinct([...parts.services].sort(byAge), serviceKey);
  const workloads = distinct(parts.workloads, workloadKey);
  const routes = distinct(parts.routes, routeKey);
  const clientPolicies = distinct(parts.clientPolicies, (policy) => originKey(policy.origin));
  const serverPolicies = distinct(parts.serverPolicies, (policy) => originKey(policy.origin));
  const workloadsByKey = new Map(workloads.map((workload) => [workloadKey(workload), workload]));
  const endpoints = indexEndpoints(services, workloadsByKey, parts.endpointLists);
  const index: MeshIndex = {
    services: new Map(services.map((service) => [serviceKey(service), service])),
    servicesByHost: groups(services, (service: Service) => [service.host]),
    workloads: workloadsByKey,
    endpoints,
    inboundPorts: indexInboundPorts(services, endpoints),
    httpRoutes: groups(
      routes.filter((route) => route.kind === "http"),
      (route) => route.hosts,
    ),
    tlsRoutes: groups(
      routes.filter((route) => route.kind === "tls"),
      (route) => route.hosts,
    ),
    tcpRoutes: groups(
      routes.filter((route) => route.kind === "tcp"),
      (route) => route.hosts,
    ),
    clientPolicies: indexClientPolicies(clientPolicies),
    ...indexServerPolicies(serverPolicies),
  };
  return { settings, namespaces, services, workloads, routes, clientPolicies, serverPolicies, index };
}

/** One object may make a route of each kind. */
export function routeKey(route: Route): string {
  return `${route.kind}/${originKey(route.origin)}`;
}

/** The first of each key, sorted by key. */
function distinct<T>(things: readonly T[], keyOf: (thing: T) => string): readonly T[] {
  const byKey = new Map<string, T>();
  for (const thing of things) {
    const key = keyOf(thing);
    if (!byKey.has(key)) byKey.set(key, thing);
  }
  return [...byKey].sort(([a], [b]) => compareText(a, b)).map(([, thing]) => thing);
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
): Pick<MeshIndex, "meshServerPolicy" | "namespaceServerPolicies" | "workloadServerPolicies"> {
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
