// Joins services with what stands behind them: workloads found by a selector, or addresses that somebody listed.

import { parseAddress } from "../base/cidr.ts";
import { corrected, differingKeys } from "../base/corrected-map.ts";
import { type List, type ListDifference, listDifference } from "../base/list.ts";
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
import { compareText } from "./origin.ts";
import { Selections, unique } from "./selections.ts";
import { type Service, type ServiceKey, type ServicePort, serviceKey } from "./service.ts";
import { type Locality, type Workload, type WorkloadKey, workloadKey } from "./workload.ts";

export interface EndpointIndex {
  readonly workloads: ReadonlyMap<WorkloadKey, Workload>;
  readonly endpoints: ReadonlyMap<ServiceKey, ServiceEndpoints>;
  readonly workloadsByNamespace: ReadonlyMap<string, LabelIndex<Workload>>;
  readonly proxied: readonly WorkloadKey[];
}

interface Joined extends Omit<EndpointIndex, "endpoints"> {
  readonly lists: ReadonlyMap<ServiceKey, readonly EndpointList[]>;
  readonly selections: Selections;
}

interface Before {
  readonly workloads: List<Workload>;
  readonly index: EndpointIndex;
}

/**
 * Endpoints of every service by port. `services` and `workloads` are those of the mesh, without duplicates. Services of which nothing
 * changed since `before` keep their endpoints: one Pod that comes or goes then costs its namespace, not the mesh.
 */
export function indexEndpoints(
  services: readonly Service[],
  workloads: List<Workload>,
  lists: readonly EndpointList[],
  before: Before | undefined,
): EndpointIndex {
  const indexes = indexWorkloads(workloads, before);
  const last = before?.index;
  const lastStanding = last && standings.get(last.endpoints);
  const standing = standingOf(services, lists, lastStanding);
  const joined: Joined = { ...indexes, lists: standing.lists, selections: new Selections() };
  const found = (service: Service): readonly [ServiceKey, ServiceEndpoints] => {
    const key = serviceKey(service);
    const inputs = inputsOf(joined, service);
    const known = last?.endpoints.get(key);
    return [key, known && sameItems(known.inputs, inputs) ? known : { inputs, ports: findPorts(joined, service) }];
  };
  const endpoints =
    last && lastStanding === standing
      ? corrected(last.endpoints, concernedBy(standing, last, indexes).map(found))
      : new Map(services.map(found));
  standings.set(endpoints, standing);
  return { ...indexes, endpoints };
}

/** What endpoints are found by, beside workloads: which services a workload may be an endpoint of. */
interface Standing {
  readonly services: readonly Service[];
  readonly written: readonly EndpointList[];
  readonly lists: ReadonlyMap<ServiceKey, readonly EndpointList[]>;
  /** By the namespace that they select in. */
  readonly selecting: ReadonlyMap<string, readonly Service[]>;
  /** By a workload that is listed. */
  readonly listing: ReadonlyMap<WorkloadKey, readonly Service[]>;
}

const standings = new WeakMap<EndpointIndex["endpoints"], Standing>();

/** The last one again for the same services and lists: most changes are of workloads. */
function standingOf(
  services: readonly Service[],
  written: readonly EndpointList[],
  before: Standing | undefined,
): Standing {
  if (before?.services === services && sameItems(before.written, written)) return before;
  const lists = new Map<ServiceKey, EndpointList[]>();
  for (const list of written) file(lists, list.service, list);
  const selecting = new Map<string, Service[]>();
  const listing = new Map<WorkloadKey, Service[]>();
  for (const service of services) {
    const listed = lists.get(serviceKey(service));
    if (!listed && service.selector) file(selecting, service.selector.namespace, service);
    for (const { endpoints } of listed ?? [])
      for (const { workload } of endpoints) if (workload !== undefined) file(listing, workload, service);
  }
  return { services, written, lists, selecting, listing };
}

/** Services whose endpoints may be others because workloads are. */
function concernedBy(
  { selecting, listing }: Standing,
  before: WorkloadIndexes,
  now: WorkloadIndexes,
): readonly Service[] {
  const namespaces = differingKeys(before.workloadsByNamespace, now.workloadsByNamespace);
  const services = new Set<Service>();
  for (const namespace of namespaces) for (const service of selecting.get(namespace) ?? []) services.add(service);
  if (listing.size > 0)
    for (const key of differingKeys(before.workloads, now.workloads))
      for (const service of listing.get(key) ?? []) services.add(service);
  return [...services];
}

type WorkloadIndexes = Omit<EndpointIndex, "endpoints">;

/** Workloads that came and went beyond which everything is indexed anew. */
const MANY = 500;

function indexWorkloads(workloads: List<Workload>, before: Before | undefined): WorkloadIndexes {
  const difference = before && listDifference(before.workloads, workloads);
  if (before && difference && difference.gone.length + difference.come.length <= MANY)
    return withDifference(before.index, difference);
  return {
    workloads: new Map(workloads.map((workload) => [workloadKey(workload), workload])),
    workloadsByNamespace: indexNamespaces(workloads, before?.index.workloadsByNamespace),
    proxied: proxiedAmong(workloads),
  };
}

function proxiedAmong(workloads: List<Workload>): readonly WorkloadKey[] {
  return workloads.filter(({ proxy }) => proxy !== undefined).map(workloadKey);
}

function withDifference(before: WorkloadIndexes, { gone, come }: ListDifference<Workload>): WorkloadIndexes {
  const workloads = corrected(before.workloads, [
    ...gone.map((workload): [WorkloadKey, undefined] => [workloadKey(workload), undefined]),
    ...come.map((workload): [WorkloadKey, Workload] => [workloadKey(workload), workload]),
  ]);
  const without = new Set(gone);
  const namespaces = new Set([...gone, ...come].map(({ namespace }) => namespace));
  const workloadsByNamespace = corrected(
    before.workloadsByNamespace,
    [...namespaces].map((namespace) => {
      const things = before.workloadsByNamespace.get(namespace)?.things ?? [];
      const own = come.filter((workload) => workload.namespace === namespace);
      const members = [...things.filter((thing) => !without.has(thing)), ...own].sort(byKey);
      return [namespace, members.length === 0 ? undefined : new LabelIndex(members)];
    }),
  );
  return { workloads, workloadsByNamespace, proxied: proxiedAfter(before.proxied, gone, come) };
}

function byKey(a: Workload, b: Workload): number {
  return compareText(workloadKey(a), workloadKey(b));
}

function proxiedAfter(
  before: readonly WorkloadKey[],
  gone: readonly Workload[],
  come: readonly Workload[],
): readonly WorkloadKey[] {
  const [without, more] = [proxiedAmong(gone), proxiedAmong(come)];
  if (sameItems(without, more)) return before;
  const left = new Set(without);
  return [...before.filter((key) => !left.has(key)), ...more].sort(compareText);
}

function indexNamespaces(
  workloads: List<Workload>,
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

function findPorts(joined: Joined, service: Service): PortEndpoints {
  const { workloads, workloadsByNamespace, lists, selections } = joined;
  const listed = lists.get(serviceKey(service));
  const selected = listed ? undefined : selections.of(service, workloadsByNamespace);
  const ports = new Map<number, readonly Endpoint[]>();
  for (const port of service.ports) {
    // Of two ports of one number the first counts, as everywhere.
    if (ports.has(port.number)) continue;
    const endpoints = listed
      ? unique(listed.flatMap(({ endpoints }) => endpoints.map((one) => fromList(service, port, one, workloads))))
      : selected?.endpoints(service, port, (workload) => fromWorkload(service, port, workload));
    ports.set(port.number, endpoints ?? []);
  }
  return ports;
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
    ...ofWorkload(service, workload, address, applicationPort),
    health: service.publishesUnready ? "healthy" : workload.health,
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
  service: Service,
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
    const { hostname } = listed;
    const own = ofWorkload(service, workload, listed.address, applicationPort);
    return { ...own, health, locality, ...(hostname === undefined ? {} : { hostname }) };
  }
  const { address, weight, locality, node, hostname, cluster, network, labels, identity, takesMutualTls } = listed;
  const transport = takesMutualTls ? ISTIO : PLAINTEXT;
  return {
    address,
    applicationPort,
    port: applicationPort,
    transport,
    health,
    weight,
    locality,
    ...(node === undefined ? {} : { node }),
    ...(hostname === undefined ? {} : { hostname }),
    cluster,
    network,
    labels,
    identity,
  };
}

/** What an endpoint has from its workload, however it was found. */
function ofWorkload(
  { name, namespace }: Service,
  workload: Workload,
  address: string,
  applicationPort: number,
): Omit<Endpoint, "health" | "locality"> {
  const { proxy, weight, node, instance, cluster, network, labels } = workload;
  const isNamed = instance?.subdomain === name && workload.namespace === namespace;
  // An identity that it cannot prove must not be one that servers of this service may have.
  const identity = workload.takesMutualTls === false ? undefined : workload.identity;
  // Captured connections reach the proxy on the application's own port.
  const standIn = proxy?.capture ? undefined : proxy?.inboundPorts.find((port) => port.application === applicationPort);
  return {
    address,
    applicationPort,
    port: standIn?.plaintext ?? applicationPort,
    transport: transportOf(workload),
    weight,
    ...(node === undefined ? {} : { node }),
    ...(isNamed ? { hostname: instance.hostname } : {}),
    cluster,
    network,
    labels,
    identity,
    workload: workloadKey(workload),
  };
}

const PLAINTEXT: EndpointTransport = { kind: "plaintext" };
const ISTIO: EndpointTransport = { kind: "istio" };

/** A gateway takes what comes from outside, as its Gateways say: of itself no client knows that a server is of mode ISTIO_MUTUAL. */
function transportOf({ proxy, takesMutualTls }: Workload): EndpointTransport {
  if (proxy) return proxy.gateway ? { kind: "gateway" } : { kind: "leg", port: proxy.meshPort };
  return takesMutualTls ? ISTIO : PLAINTEXT;
}

function isKnown(locality: Locality): boolean {
  return locality.region !== "" || locality.zone !== "";
}
