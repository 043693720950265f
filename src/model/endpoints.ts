// Joins services with what stands behind them: workloads found by a selector, or addresses that somebody listed.

import { parseAddress } from "../base/cidr.ts";
import {
  type Endpoint,
  type EndpointList,
  type EndpointTransport,
  isUnixAddress,
  type ListedEndpoint,
  type PortEndpoints,
  type ServiceEndpoints,
} from "./endpoint.ts";
import { sameItems } from "./equality.ts";
import { file, LabelIndex } from "./label-index.ts";
import type { InboundPort, InboundPorts } from "./mesh.ts";
import { byAge, compareText } from "./origin.ts";
import { type Service, type ServiceKey, type ServicePort, serviceKey } from "./service.ts";
import { replacements } from "./settle.ts";
import { type Locality, type Workload, type WorkloadKey, workloadKey } from "./workload.ts";

export interface EndpointIndex {
  readonly workloads: ReadonlyMap<WorkloadKey, Workload>;
  readonly endpoints: ReadonlyMap<ServiceKey, ServiceEndpoints>;
  readonly workloadsByNamespace: ReadonlyMap<string, LabelIndex<Workload>>;
}

interface Joined extends Omit<EndpointIndex, "endpoints"> {
  readonly lists: ReadonlyMap<ServiceKey, readonly EndpointList[]>;
}

interface Before {
  readonly workloads: readonly Workload[];
  readonly index: EndpointIndex;
}

/**
 * Endpoints of every service by port. `services` and `workloads` are those of the mesh, without duplicates. Services of which nothing
 * changed since `before` keep their endpoints: one Pod that comes or goes then costs its namespace, not the mesh.
 */
export function indexEndpoints(
  services: readonly Service[],
  workloads: readonly Workload[],
  lists: readonly EndpointList[],
  before: Before | undefined,
): EndpointIndex {
  const listsByService = new Map<ServiceKey, EndpointList[]>();
  for (const list of lists) file(listsByService, list.service, list);
  const indexes = indexWorkloads(workloads, before);
  const joined: Joined = { ...indexes, lists: listsByService };
  const endpoints = new Map<ServiceKey, ServiceEndpoints>();
  for (const service of services) {
    const key = serviceKey(service);
    const inputs = inputsOf(joined, service);
    const known = before?.index.endpoints.get(key);
    endpoints.set(
      key,
      known && sameItems(known.inputs, inputs) ? known : { inputs, ports: findPorts(joined, service) },
    );
  }
  return { ...indexes, endpoints };
}

type WorkloadIndexes = Omit<EndpointIndex, "endpoints">;

function indexWorkloads(workloads: readonly Workload[], before: Before | undefined): WorkloadIndexes {
  const replaced = before && replacements(before.workloads, workloads, workloadKey);
  if (before && replaced) return withReplaced(before.index, replaced);
  return {
    workloads: new Map(workloads.map((workload) => [workloadKey(workload), workload])),
    workloadsByNamespace: indexNamespaces(workloads, before?.index.workloadsByNamespace),
  };
}

function withReplaced(before: WorkloadIndexes, replaced: ReadonlyMap<Workload, Workload>): WorkloadIndexes {
  if (replaced.size === 0) return { workloads: before.workloads, workloadsByNamespace: before.workloadsByNamespace };
  const workloads = new Map(before.workloads);
  for (const workload of replaced.values()) workloads.set(workloadKey(workload), workload);
  const workloadsByNamespace = new Map(before.workloadsByNamespace);
  for (const namespace of new Set([...replaced.values()].map((workload) => workload.namespace))) {
    const { things } = before.workloadsByNamespace.get(namespace)!;
    workloadsByNamespace.set(namespace, new LabelIndex(things.map((thing) => replaced.get(thing) ?? thing)));
  }
  return { workloads, workloadsByNamespace };
}

function indexNamespaces(
  workloads: readonly Workload[],
  before: EndpointIndex["workloadsByNamespace"] | undefined,
): EndpointIndex["workloadsByNamespace"] {
  const byNamespace = new Map<string, Workload[]>();
  for (const workload of workloads) file(byNamespace, workload.namespace, workload);
  return new Map(
    [...byNamespace].map(([namespace, members]) => {
      const known = before?.get(namespace);
      return [namespace, known && sameItems(known.things, members) ? known : new LabelIndex(members)];
    }),
  );
}

function inputsOf({ workloads, workloadsByNamespace, lists }: Joined, service: Service): readonly unknown[] {
  const listed = lists.get(serviceKey(service));
  if (!listed) return [service, service.selector && workloadsByNamespace.get(service.selector.namespace)];
  const named = listed.flatMap(({ endpoints }) =>
    endpoints.map(({ workload }) => (workload === undefined ? undefined : workloads.get(workload))),
  );
  return [service, ...listed, ...named];
}

function findPorts({ workloads, workloadsByNamespace, lists }: Joined, service: Service): PortEndpoints {
  const listed = lists.get(serviceKey(service));
  const selected =
    listed || !service.selector
      ? []
      : (workloadsByNamespace.get(service.selector.namespace)?.select(service.selector.labels) ?? []);
  return new Map(
    service.ports.map((port) => {
      const found = listed
        ? listed.flatMap((list) => list.endpoints.map((endpoint) => fromList(port, endpoint, workloads)))
        : selected.map((workload) => fromWorkload(service, port, workload));
      return [port.number, unique(found)];
    }),
  );
}

/**
 * Undefined for a workload without an address, or without the port that the service names, and for one that has a name where none is looked
 * up: a DNS name is an endpoint of services that are resolved by DNS alone.
 */
function fromWorkload(service: Service, port: ServicePort, workload: Workload): Endpoint | undefined {
  const applicationPort = servedOn(port, workload);
  const address = workload.addresses[0];
  if (applicationPort === undefined || address === undefined) return undefined;
  const isDns = service.resolution === "dns" || service.resolution === "dns-round-robin";
  if (isUnixAddress(address) ? isDns : !isDns && !parseAddress(address)) return undefined;
  return {
    ...ofWorkload(workload, address, applicationPort),
    health: workload.health,
    locality: workload.locality,
  };
}

function servedOn(
  { number, name, target = number }: ServicePort,
  { servicePorts, ports }: Workload,
): number | undefined {
  const chosen = servicePorts?.[typeof target === "string" ? target : name];
  if (chosen !== undefined) return chosen;
  return typeof target === "number" ? target : ports.find((candidate) => candidate.name === target)?.number;
}

/** Undefined for a workload that is not known yet: without its proxy it would get plaintext, which its policy may refuse. */
function fromList(
  port: ServicePort,
  listed: ListedEndpoint,
  workloads: ReadonlyMap<WorkloadKey, Workload>,
): Endpoint | undefined {
  const workload = listed.workload === undefined ? undefined : workloads.get(listed.workload);
  if (listed.workload !== undefined && !workload) return undefined;
  const applicationPort = listed.ports[port.name];
  if (applicationPort === undefined) return undefined;
  const { health } = listed;
  if (workload) {
    const locality = isKnown(listed.locality) ? listed.locality : workload.locality;
    return { ...ofWorkload(workload, listed.address, applicationPort), health, locality };
  }
  const { address, weight, locality, node, cluster, network, labels, identity, takesMutualTls } = listed;
  const transport = takesMutualTls ? ({ kind: "leg", port: applicationPort } as const) : PLAINTEXT;
  return {
    address,
    applicationPort,
    port: applicationPort,
    transport,
    health,
    weight,
    locality,
    ...(node === undefined ? {} : { node }),
    cluster,
    network,
    labels,
    identity,
  };
}

/** What an endpoint has from its workload, however it was found. */
function ofWorkload(
  workload: Workload,
  address: string,
  applicationPort: number,
): Omit<Endpoint, "health" | "locality"> {
  const { proxy, weight, node, cluster, network, labels } = workload;
  // An identity that it cannot prove must not be one that servers of this service may have.
  const identity = workload.takesMutualTls === false ? undefined : workload.identity;
  // Captured connections reach the proxy on the application's own port.
  const standIn = proxy?.capture ? undefined : proxy?.inboundPorts.find((port) => port.application === applicationPort);
  return {
    address,
    applicationPort,
    port: standIn?.plaintext ?? applicationPort,
    transport: transportOf(workload, applicationPort),
    weight,
    ...(node === undefined ? {} : { node }),
    cluster,
    network,
    labels,
    identity,
    workload: workloadKey(workload),
  };
}

const PLAINTEXT: EndpointTransport = { kind: "plaintext" };

/** A gateway takes what comes from outside, as its Gateways say. */
function transportOf({ proxy, takesMutualTls }: Workload, applicationPort: number): EndpointTransport {
  if (proxy) return proxy.gateway ? PLAINTEXT : { kind: "leg", port: proxy.meshPort };
  return takesMutualTls ? { kind: "leg", port: applicationPort } : PLAINTEXT;
}

function isKnown(locality: Locality): boolean {
  return locality.region !== "" || locality.zone !== "";
}

/** Sorted; the first of those with one address and port is kept (EndpointSlices may repeat an endpoint while they are rewritten). */
function unique(found: readonly (Endpoint | undefined)[]): readonly Endpoint[] {
  const endpoints = found.filter((endpoint) => endpoint !== undefined);
  endpoints.sort((a, b) => compareText(a.address, b.address) || a.applicationPort - b.applicationPort);
  return endpoints.filter((endpoint, i) => i === 0 || !sameAddress(endpoint, endpoints[i - 1]!));
}

function sameAddress(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.applicationPort === b.applicationPort;
}

type Bindings = InboundPort["bindings"];

/** What each workload serves, from the endpoints that name it. Ports ascending, bindings by age. */
export function indexInboundPorts(
  services: readonly Service[],
  endpoints: EndpointIndex["endpoints"],
  before: { readonly endpoints: EndpointIndex["endpoints"]; readonly inboundPorts: InboundPorts } | undefined,
): InboundPorts {
  const changed = before && changedServices(before.endpoints, endpoints);
  if (changed?.size === 0) return before!.inboundPorts;
  const touched = changed && workloadsOf(changed, before.endpoints, endpoints);
  const found = new Map<WorkloadKey, Map<number, Bindings[number][]>>();
  const concerned = changed && touched ? servingAny(touched, changed, services, before.inboundPorts) : services;
  for (const service of [...concerned].sort(byAge)) {
    const { ports } = endpoints.get(serviceKey(service))!;
    for (const port of service.ports) {
      for (const { workload, applicationPort } of ports.get(port.number) ?? []) {
        if (workload === undefined || (touched && !touched.has(workload))) continue;
        const bindings = found.get(workload) ?? new Map<number, Bindings[number][]>();
        found.set(workload, bindings);
        file(bindings, applicationPort, { service, port });
      }
    }
  }
  const made = [...found].map(([key, ports]) => [key, ascending(ports)] as const);
  if (!before || !touched) return new Map(made);
  const ports = new Map(before.inboundPorts);
  for (const key of touched) ports.delete(key);
  for (const [key, served] of made) ports.set(key, served);
  return ports;
}

/** Services that one of the workloads is an endpoint of: those that changed, and of the others those that it was one of before. */
function servingAny(
  workloads: ReadonlySet<WorkloadKey>,
  changed: ReadonlySet<ServiceKey>,
  services: readonly Service[],
  before: InboundPorts,
): readonly Service[] {
  const keys = new Set(changed);
  for (const workload of workloads)
    for (const { bindings } of before.get(workload) ?? [])
      for (const { service } of bindings) keys.add(serviceKey(service));
  return services.filter((service) => keys.has(serviceKey(service)));
}

function ascending(ports: ReadonlyMap<number, Bindings>): readonly InboundPort[] {
  return [...ports].sort(([a], [b]) => a - b).map(([number, bindings]) => ({ number, bindings }));
}

function changedServices(
  before: EndpointIndex["endpoints"],
  after: EndpointIndex["endpoints"],
): ReadonlySet<ServiceKey> {
  const changed = new Set<ServiceKey>();
  for (const [key, found] of after) if (before.get(key) !== found) changed.add(key);
  for (const key of before.keys()) if (!after.has(key)) changed.add(key);
  return changed;
}

/** Workloads that served one of the services, or do now. */
function workloadsOf(
  services: ReadonlySet<ServiceKey>,
  ...indexes: readonly EndpointIndex["endpoints"][]
): ReadonlySet<WorkloadKey> {
  const keys = new Set<WorkloadKey>();
  for (const key of services)
    for (const index of indexes)
      for (const endpoints of index.get(key)?.ports.values() ?? [])
        for (const { workload } of endpoints) if (workload !== undefined) keys.add(workload);
  return keys;
}
