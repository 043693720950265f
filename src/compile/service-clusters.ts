// All clusters of one service as one policy shapes them, with their endpoints. What a changed endpoint touches ends here.

import type { ClientPolicy, Subset } from "../model/client-policy.ts";
import type { Endpoint } from "../model/endpoint.ts";
import { identityText } from "../model/identity.ts";
import { endpointsOf } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { originKey } from "../model/origin.ts";
import type { Service, ServicePort } from "../model/service.ts";
import { serviceKey } from "../model/service.ts";
import type { MeshSettings } from "../model/settings.ts";
import { encodeResource } from "../xds/resource.ts";
import { defaultsTowards, settingsAt } from "./client-settings.ts";
import { type ClusterPlan, discoveryOf, edsName, outboundCluster, planName } from "./cluster-outbound.ts";
import type { Target } from "./endpoint.ts";
import { type AcknowledgedServerNames, type Reach, reachOf } from "./leg.ts";
import type { Memo } from "./memo.ts";
import { type CredentialHolder, originationOf } from "./origination.ts";
import { labelOf, NODE_LABEL, NOWHERE, type Place, placeKey } from "./place.ts";
import { PortMembers } from "./port-members.ts";
import { type Compiled, wholeObject } from "./provenance.ts";
import { endpointsResource, groupsOf, targetsOf } from "./shared-endpoints.ts";

export interface ServiceClusters {
  readonly clusters: readonly Compiled[];
  readonly endpoints: readonly Compiled[];
}

export interface ServiceClusterContext {
  readonly mesh: Mesh;
  readonly acknowledged: AcknowledgedServerNames;
  readonly memo: Memo;
  /** See View. */
  readonly machineAddress: string | undefined;
  /** Of the client, where policies ask for it. */
  readonly place: Place | undefined;
  /** Whose Secrets the client may have, where policies name some. */
  readonly holder: CredentialHolder | undefined;
  /** Of names of HTTP/1.1's fields. */
  readonly preservesCase: boolean;
}

interface Reached {
  readonly endpoint: Endpoint;
  readonly reach: Reach;
}

/** Clusters of every port but UDP, whole service first, then subsets in the policy's order. */
export function serviceClusters(
  context: ServiceClusterContext,
  service: Service,
  policy: ClientPolicy | undefined,
): ServiceClusters {
  const clusters: Compiled[] = [];
  const endpoints: Compiled[] = [];
  for (const port of service.ports) {
    if (port.protocol === "udp") continue;
    const subsets = policy?.subsets ?? [];
    const members = membersOf(context, service, port, subsets.length);
    for (const subset of [undefined, ...subsets]) {
      const made = portClusters(context, service, port, members, policy, subset, undefined);
      clusters.push(made.cluster);
      if (made.endpoints) endpoints.push(made.endpoints);
    }
  }
  return { clusters, endpoints };
}

export interface PortClusters {
  readonly cluster: Compiled;
  readonly endpoints: Compiled | undefined;
}

/** The cluster of one address of the service alone, with a subset's settings where there is one: whether its labels are the subset's is not asked. */
export function endpointCluster(
  context: ServiceClusterContext,
  service: Service,
  port: ServicePort,
  policy: ClientPolicy | undefined,
  subset: Subset | undefined,
  address: string,
): PortClusters {
  return portClusters(context, service, port, membersOf(context, service, port, 0), policy, subset, address);
}

function membersOf({ mesh }: ServiceClusterContext, service: Service, port: ServicePort, subsets: number): PortMembers {
  const all = endpointsOf(mesh, service, port.number);
  return new PortMembers(all, subsets, () => serverIdentities(service, all, mesh.settings));
}

function portClusters(
  { mesh, acknowledged, memo, machineAddress, place, holder, preservesCase }: ServiceClusterContext,
  service: Service,
  port: ServicePort,
  ofPort: PortMembers,
  policy: ClientPolicy | undefined,
  subset: Subset | undefined,
  address: string | undefined,
): PortClusters {
  const settings = settingsAt(defaultsTowards(mesh.settings.defaults.client, service), policy, subset, port.number);
  const node = place?.labels[NODE_LABEL] ?? "";
  const chosen = subset && address === undefined ? ofPort.withLabels(subset.labels) : ofPort.all;
  const isAny = !service.nodeLocal && address === undefined;
  const members = isAny
    ? chosen
    : chosen.filter(
        (endpoint) =>
          (!service.nodeLocal || labelOf(endpoint, NODE_LABEL) === node) &&
          (address === undefined || endpoint.address === address),
      );
  const reached = members.map(
    (endpoint): Reached => ({
      endpoint,
      reach: reachOf(mesh, acknowledged, service, port.number, endpoint, settings.tls),
    }),
  );
  const reaches = reached.map(({ reach }) => reach);
  const targets = targetsOf(mesh, members, reaches, machineAddress);
  const groups = (found: readonly Target[]) => groupsOf(found, settings.locality, place ?? NOWHERE);
  const origination = originationOf(mesh, holder, policy, settings.tls);
  const discovery = discoveryOf(service, settings, origination);
  const isDns = discovery === "dns" || discovery === "dns-round-robin";
  // Whom it reaches no list says, and so nobody knows a leg to him.
  const isUnlisted = discovery === "original-destination" || discovery === "dynamic-dns";
  const origin = subset?.origin ?? policy?.origin ?? service.origin;
  const plan: ClusterPlan = {
    service,
    port,
    subset: subset?.name ?? "",
    address: address ?? "",
    settings,
    origination,
    outsideTls: settings.tls?.kind === "simple" ? mesh.settings.outsideTls : undefined,
    allLeg: !isUnlisted && reached.every(({ endpoint, reach }) => speaksLeg(reach) || !isReady(endpoint)),
    meetsIstio: ofPort.meetsIstio,
    preservesCase,
    names: ofPort.names,
    inline: isDns ? groups(dnsTargets(service, port, targets)) : undefined,
    origin,
    statName: mesh.settings.clusterStatNames.outbound,
  };
  const owner = ownerOf(service, policy, machineAddress, place, holder, preservesCase);
  const cluster = memo.get(`cluster/${owner}/${planName(plan)}`, [plan], () => ({
    resource: encodeResource("cds", outboundCluster(plan)),
    sources: [...(origin === service.origin ? [] : [wholeObject(origin)]), wholeObject(service.origin)],
  }));
  if (discovery !== "eds") return { cluster, endpoints: undefined };
  const name = edsName(plan);
  const grouped = groups(targets);
  // Who prefers by place shapes the list of endpoints.
  const preferring = settings.locality.kind !== "none" && policy ? [wholeObject(origin)] : [];
  const sources = [...preferring, wholeObject(service.origin)];
  const endpoints = memo.get(`endpoints/${owner}/${name}`, [grouped, sources], () => ({
    resource: endpointsResource(name, grouped),
    sources,
  }));
  return { cluster, endpoints };
}

/** Who shares clusters and endpoints of the service. */
export function ownerOf(
  service: Service,
  policy: ClientPolicy | undefined,
  machineAddress: string | undefined,
  place: Place | undefined,
  holder: CredentialHolder | undefined,
  preservesCase: boolean,
): string {
  const at = place ? placeKey(place) : "";
  const secrets = holder ? `${holder.namespace}${holder.gateway ? " gateway" : ""}` : "";
  const by = policy ? originKey(policy.origin) : "";
  return `${serviceKey(service)}/${by}/${machineAddress ?? ""}/${at}/${secrets}${preservesCase ? "/case" : ""}`;
}

/** An endpoint that is just starting has acknowledged nothing; it must not turn the protocol of its cluster back and forth. */
function isReady(endpoint: Endpoint): boolean {
  return endpoint.health === "healthy" || endpoint.transport.kind !== "leg";
}

/** A gateway's server may take bytes, so that it gets the protocol that it would get in the clear. */
function speaksLeg(reach: Reach): boolean {
  return reach === "leg" || reach === "withheld";
}

/** Of all endpoints, ready or not, in the subset or not: what comes and goes must not change the cluster, which rebuilds its connections. */
function serverIdentities(
  service: Service,
  endpoints: readonly Endpoint[],
  { trustDomain, trustDomainAliases }: MeshSettings,
): readonly string[] {
  if (service.subjectAltNames) return [...service.subjectAltNames].sort();
  const names = new Set(endpoints.flatMap(({ identity }) => (identity ? [identityText(identity)] : [])));
  const own = `spiffe://${trustDomain}/`;
  const others = trustDomainAliases.flatMap((alias) =>
    [...names].filter((name) => name.startsWith(own)).map((name) => `spiffe://${alias}/${name.slice(own.length)}`),
  );
  return [...new Set([...names, ...others])].sort();
}

/** A service that is resolved by DNS, and neither lists endpoints nor selects them, is its own. */
function dnsTargets(service: Service, port: ServicePort, targets: readonly Target[]): readonly Target[] {
  if (targets.length > 0 || service.selector || service.host.startsWith("*")) return targets;
  return [
    {
      address: service.host,
      port: typeof port.target === "number" ? port.target : port.number,
      reach: "plaintext",
      weight: 1,
      locality: NOWHERE.locality,
      cluster: "",
      network: "",
      workload: undefined,
      labels: {},
    },
  ];
}
