// The mesh as it is meant, whoever wrote it and however: immutable, without a trace of a dialect or of xDS.

import { concatenated, type List } from "../base/list.ts";
import type { AuthorizationPolicy } from "./authorization.ts";
import type { ClientPolicy } from "./client-policy.ts";
import type { Credential } from "./credential.ts";
import type { EndpointList, ServiceEndpoints } from "./endpoint.ts";
import type { EnvoyPatches } from "./envoy-patch.ts";
import { sameItems } from "./equality.ts";
import type { Gateway, GatewayKey } from "./gateway.ts";
import type { LabelIndex, SelectorIndex } from "./label-index.ts";
import type { ProxyScope, ProxyScopeIndex } from "./proxy-scope.ts";
import type { ProxyStartRule } from "./proxy-start.ts";
import type { KeySet, RequestAuthentication } from "./request-authentication.ts";
import type { HttpRoute, Route, TcpRoute, TlsRoute } from "./route.ts";
import type { ServerPolicy } from "./server-policy.ts";
import type { Service, ServiceAlias, ServiceKey, ServicePort } from "./service.ts";
import type { SettledAliases } from "./service-alias.ts";
import type { MeshSettings } from "./settings.ts";
import type { Telemetry } from "./telemetry.ts";
import type { TrafficExtension } from "./traffic-extension.ts";
import type { Workload, WorkloadKey } from "./workload.ts";
import type { ScopeIndex } from "./workload-scope.ts";

/** A namespace and its labels. Namespaces that only objects name are not listed. */
export interface Namespace {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What dialects contribute. Parts of several dialects are joined by concatenation; order does not matter. */
export interface MeshParts {
  readonly namespaces: readonly Namespace[];
  readonly services: readonly Service[];
  readonly aliases: readonly ServiceAlias[];
  readonly workloads: List<Workload>;
  readonly endpointLists: readonly EndpointList[];
  readonly routes: readonly Route[];
  readonly clientPolicies: readonly ClientPolicy[];
  readonly serverPolicies: readonly ServerPolicy[];
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  readonly telemetries: readonly Telemetry[];
  /** Of no dialect: the control plane fetched them. */
  readonly keySets: readonly KeySet[];
  readonly envoyPatches: readonly EnvoyPatches[];
  readonly trafficExtensions: readonly TrafficExtension[];
  readonly gateways: readonly Gateway[];
  readonly credentials: readonly Credential[];
  readonly proxyScopes: readonly ProxyScope[];
  readonly proxyStarts: readonly ProxyStartRule[];
}

export const NO_PARTS: MeshParts = {
  namespaces: [],
  services: [],
  aliases: [],
  workloads: [],
  endpointLists: [],
  routes: [],
  clientPolicies: [],
  serverPolicies: [],
  authorizationPolicies: [],
  requestAuthentications: [],
  telemetries: [],
  keySets: [],
  envoyPatches: [],
  trafficExtensions: [],
  gateways: [],
  credentials: [],
  proxyScopes: [],
  proxyStarts: [],
};

type Part = Exclude<keyof MeshParts, "workloads">;

/** A list that one of them alone has is that very list; the same lists give the same list again. */
export function joinParts(parts: readonly MeshParts[]): MeshParts {
  const joined: Partial<Record<Part, readonly unknown[]>> = {};
  for (const name of Object.keys(NO_PARTS) as (keyof MeshParts)[])
    if (name !== "workloads") joined[name] = joinedLists(parts.map((part): readonly unknown[] => part[name]));
  const workloads = concatenated(parts.map((part) => part.workloads));
  return { ...(joined as unknown as Omit<MeshParts, "workloads">), workloads };
}

interface JoinedList {
  readonly lists: readonly (readonly unknown[])[];
  readonly joined: readonly unknown[];
}

/** By the first of the lists. */
const joinedBefore = new WeakMap<readonly unknown[], JoinedList>();

function joinedLists(all: readonly (readonly unknown[])[]): readonly unknown[] {
  const lists = all.filter((list) => list.length > 0);
  const [first] = lists;
  if (!first || lists.length === 1) return first ?? [];
  const known = joinedBefore.get(first);
  if (known && sameItems(known.lists, lists)) return known.joined;
  const joined = lists.flat();
  joinedBefore.set(first, { lists, joined });
  return joined;
}

/** One port that a workload serves, with every service port that leads to it, oldest service first. */
export interface InboundPort {
  /** The application's port. */
  readonly number: number;
  readonly bindings: readonly { readonly service: Service; readonly port: ServicePort }[];
}

export type InboundPorts = ReadonlyMap<WorkloadKey, readonly InboundPort[]>;

/** Answers prepared by `buildMesh`; read through the functions of lookup.ts, which know the order of precedence. */
export interface MeshIndex {
  readonly services: ReadonlyMap<ServiceKey, Service>;
  /** All services of a host, oldest first. */
  readonly servicesByHost: ReadonlyMap<string, readonly Service[]>;
  readonly aliases: SettledAliases;
  readonly workloads: ReadonlyMap<WorkloadKey, Workload>;
  /** By service, then by service port number; sorted by address and port. The same object as long as nothing of it changed. */
  readonly endpoints: ReadonlyMap<ServiceKey, ServiceEndpoints>;
  readonly workloadsByNamespace: ReadonlyMap<string, LabelIndex<Workload>>;
  /** Those that have a proxy, sorted. The same object as long as they are the same. */
  readonly proxied: readonly WorkloadKey[];
  readonly inboundPorts: InboundPorts;
  /** Of sidecars. By host as written, wildcards included; each list sorted by age. */
  readonly httpRoutes: ReadonlyMap<string, readonly HttpRoute[]>;
  readonly tlsRoutes: ReadonlyMap<string, readonly TlsRoute[]>;
  readonly tcpRoutes: ReadonlyMap<string, readonly TcpRoute[]>;
  /** By the Gateway that they are bound to, each list sorted by age. */
  readonly gatewayRoutes: ReadonlyMap<GatewayKey, readonly Route[]>;
  /** By `<namespace>/<name>`. */
  readonly credentials: ReadonlyMap<string, Credential>;
  /** By namespace, then by host as written; each list sorted by age. */
  readonly clientPolicies: ReadonlyMap<string, ReadonlyMap<string, readonly ClientPolicy[]>>;
  readonly meshServerPolicy: ServerPolicy | undefined;
  readonly namespaceServerPolicies: ReadonlyMap<string, ServerPolicy>;
  /** By namespace; found by a workload's labels, oldest first. */
  readonly workloadServerPolicies: ReadonlyMap<string, SelectorIndex<ServerPolicy>>;
  /** By age. */
  readonly authorizationPolicies: ScopeIndex<AuthorizationPolicy>;
  readonly requestAuthentications: ScopeIndex<RequestAuthentication>;
  readonly proxyScopes: ProxyScopeIndex;
  readonly proxyStarts: ScopeIndex<ProxyStartRule>;
  readonly telemetries: ScopeIndex<Telemetry>;
  readonly envoyPatches: ScopeIndex<EnvoyPatches>;
  readonly trafficExtensions: ScopeIndex<TrafficExtension>;
  /** By URI. */
  readonly keySets: ReadonlyMap<string, KeySet>;
}

/** Lists are sorted by key, so that equal input gives an equal mesh. */
export interface Mesh {
  readonly settings: MeshSettings;
  readonly namespaces: readonly Namespace[];
  /** With the names that stand for them. */
  readonly services: readonly Service[];
  readonly aliases: readonly ServiceAlias[];
  readonly workloads: List<Workload>;
  /** Those of sidecars. They lead to services, whatever name of theirs is written. */
  readonly routes: readonly Route[];
  readonly gatewayRoutes: readonly Route[];
  readonly clientPolicies: readonly ClientPolicy[];
  readonly serverPolicies: readonly ServerPolicy[];
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly requestAuthentications: readonly RequestAuthentication[];
  readonly telemetries: readonly Telemetry[];
  readonly keySets: readonly KeySet[];
  readonly envoyPatches: readonly EnvoyPatches[];
  readonly trafficExtensions: readonly TrafficExtension[];
  readonly gateways: readonly Gateway[];
  readonly credentials: readonly Credential[];
  readonly proxyScopes: readonly ProxyScope[];
  readonly proxyStarts: readonly ProxyStartRule[];
  readonly index: MeshIndex;
}
