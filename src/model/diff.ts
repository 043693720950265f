// What changed between two meshes, by content: so that a change recompiles what depends on it, and an edited comment nothing.

import type { List } from "../base/list.ts";
import { routeKey } from "./build.ts";
import { sameContent } from "./equality.ts";
import type { Mesh } from "./mesh.ts";
import { compareText, originKey } from "./origin.ts";
import type { Route } from "./route.ts";
import { type ServiceKey, serviceKey } from "./service.ts";
import { workloadKey } from "./workload.ts";

/** Keys, sorted. */
export interface Changes {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export interface MeshDiff {
  readonly settings: boolean;
  readonly namespaces: Changes;
  readonly services: Changes;
  readonly workloads: Changes;
  /** Services that are in both meshes and whose endpoints differ, on any port. */
  readonly endpoints: readonly ServiceKey[];
  /** Keys of `routeKey`. */
  readonly routes: Changes;
  /** Keys of `originKey`, as for server policies. */
  readonly clientPolicies: Changes;
  readonly serverPolicies: Changes;
  readonly authorizationPolicies: Changes;
  readonly requestAuthentications: Changes;
  readonly telemetries: Changes;
  /** By URI. */
  readonly keySets: Changes;
  readonly envoyPatches: Changes;
  readonly trafficExtensions: Changes;
  readonly gateways: Changes;
  /** Whether any certificate differs. */
  readonly credentials: boolean;
}

/** Objects that both meshes share by reference cost one comparison. */
export function diffMesh(before: Mesh, after: Mesh): MeshDiff {
  return {
    settings: !sameContent(before.settings, after.settings),
    namespaces: changes(before.namespaces, after.namespaces, (namespace) => namespace.name),
    services: changes(before.services, after.services, serviceKey),
    workloads: changes(before.workloads, after.workloads, workloadKey),
    endpoints: changedEndpoints(before, after),
    routes: changes(everyRoute(before), everyRoute(after), routeKey),
    clientPolicies: changes(before.clientPolicies, after.clientPolicies, (policy) => originKey(policy.origin)),
    serverPolicies: changes(before.serverPolicies, after.serverPolicies, (policy) => originKey(policy.origin)),
    authorizationPolicies: changes(before.authorizationPolicies, after.authorizationPolicies, (policy) =>
      originKey(policy.origin),
    ),
    requestAuthentications: changes(before.requestAuthentications, after.requestAuthentications, (policy) =>
      originKey(policy.origin),
    ),
    telemetries: changes(before.telemetries, after.telemetries, ({ origin }) => originKey(origin)),
    keySets: changes(before.keySets, after.keySets, ({ uri }) => uri),
    envoyPatches: changes(before.envoyPatches, after.envoyPatches, (patches) => originKey(patches.origin)),
    trafficExtensions: changes(before.trafficExtensions, after.trafficExtensions, (plugin) => originKey(plugin.origin)),
    gateways: changes(before.gateways, after.gateways, (gateway) => originKey(gateway.origin)),
    credentials: !sameContent(before.credentials, after.credentials),
  };
}

function everyRoute({ routes, gatewayRoutes }: Mesh): readonly Route[] {
  return [...routes, ...gatewayRoutes];
}

export function isEmptyDiff(diff: MeshDiff): boolean {
  const { settings, credentials, endpoints, ...rest } = diff;
  return !settings && !credentials && endpoints.length === 0 && Object.values(rest).every(isUnchanged);
}

function isUnchanged({ added, removed, changed }: Changes): boolean {
  return added.length + removed.length + changed.length === 0;
}

function changes<T>(before: List<T>, after: List<T>, keyOf: (thing: T) => string): Changes {
  const old = new Map(before.map((thing) => [keyOf(thing), thing]));
  const added: string[] = [];
  const changed: string[] = [];
  for (const thing of after) {
    const key = keyOf(thing);
    const previous = old.get(key);
    old.delete(key);
    if (previous === undefined) added.push(key);
    else if (!sameContent(previous, thing)) changed.push(key);
  }
  return {
    added: added.sort(compareText),
    removed: [...old.keys()].sort(compareText),
    changed: changed.sort(compareText),
  };
}

function changedEndpoints(before: Mesh, after: Mesh): readonly ServiceKey[] {
  const keys: ServiceKey[] = [];
  for (const [key, { ports }] of after.index.endpoints) {
    const previous = before.index.endpoints.get(key)?.ports;
    if (!previous || previous === ports) continue;
    const numbers = new Set([...previous.keys(), ...ports.keys()]);
    if ([...numbers].some((number) => !sameContent(previous.get(number) ?? [], ports.get(number) ?? [])))
      keys.push(key);
  }
  return keys.sort(compareText);
}
