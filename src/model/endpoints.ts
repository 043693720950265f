// Joins services with what stands behind them: workloads found by a selector, or addresses that somebody listed.

import type { Endpoint, EndpointList, ListedEndpoint } from "./endpoint.ts";
import { file, LabelIndex } from "./label-index.ts";
import type { InboundPort } from "./mesh.ts";
import { byAge, compareText } from "./origin.ts";
import { type Service, type ServiceKey, type ServicePort, serviceKey } from "./service.ts";
import { type Locality, type Workload, type WorkloadKey, workloadKey } from "./workload.ts";

type PortEndpoints = ReadonlyMap<number, readonly Endpoint[]>;

/** Endpoints of every service by port. `services` and `workloads` are those of the mesh, without duplicates. */
export function indexEndpoints(
  services: readonly Service[],
  workloads: ReadonlyMap<WorkloadKey, Workload>,
  lists: readonly EndpointList[],
): ReadonlyMap<ServiceKey, PortEndpoints> {
  const listsByService = new Map<ServiceKey, EndpointList[]>();
  for (const list of lists) file(listsByService, list.service, list);

  const byNamespace = new Map<string, Workload[]>();
  for (const workload of workloads.values()) file(byNamespace, workload.namespace, workload);
  const indexes = new Map([...byNamespace].map(([namespace, members]) => [namespace, new LabelIndex(members)]));

  const result = new Map<ServiceKey, PortEndpoints>();
  for (const service of services) {
    const key = serviceKey(service);
    const listed = listsByService.get(key);
    const selected =
      listed || !service.selector
        ? []
        : (indexes.get(service.selector.namespace)?.select(service.selector.labels) ?? []);
    const ports = new Map<number, readonly Endpoint[]>();
    for (const port of service.ports) {
      const found = listed
        ? listed.flatMap((list) => list.endpoints.map((endpoint) => fromList(port, endpoint, workloads)))
        : selected.map((workload) => fromWorkload(port, workload));
      ports.set(port.number, unique(found));
    }
    result.set(key, ports);
  }
  return result;
}

/** Undefined for a workload without an address, or without the port that the service names. */
function fromWorkload(port: ServicePort, workload: Workload): Endpoint | undefined {
  const target = port.target ?? port.number;
  const applicationPort =
    typeof target === "number" ? target : workload.ports.find((candidate) => candidate.name === target)?.number;
  const address = workload.addresses[0];
  if (applicationPort === undefined || address === undefined) return undefined;
  return {
    ...ofWorkload(workload, address, applicationPort),
    health: workload.health,
    locality: workload.locality,
  };
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
  const { address, weight, locality, cluster, network, labels, identity } = listed;
  const transport = { kind: "plaintext" } as const;
  return {
    address,
    applicationPort,
    port: applicationPort,
    transport,
    health,
    weight,
    locality,
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
  const { proxy, weight, cluster, network, labels, identity } = workload;
  // Captured connections reach the proxy on the application's own port.
  const standIn = proxy?.capture ? undefined : proxy?.inboundPorts.find((port) => port.application === applicationPort);
  return {
    address,
    applicationPort,
    port: standIn?.plaintext ?? applicationPort,
    transport: proxy ? { kind: "leg", port: proxy.meshPort } : { kind: "plaintext" },
    weight,
    cluster,
    network,
    labels,
    identity,
    workload: workloadKey(workload),
  };
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

/** What each workload serves, from the endpoints that name it. Ports ascending. */
export function indexInboundPorts(
  services: readonly Service[],
  endpoints: ReadonlyMap<ServiceKey, PortEndpoints>,
): ReadonlyMap<WorkloadKey, readonly InboundPort[]> {
  const found = new Map<WorkloadKey, Map<number, InboundPort["bindings"][number][]>>();
  for (const service of [...services].sort(byAge)) {
    const byPort = endpoints.get(serviceKey(service));
    for (const port of service.ports) {
      for (const { workload, applicationPort } of byPort?.get(port.number) ?? []) {
        if (workload === undefined) continue;
        const ports = found.get(workload) ?? new Map<number, InboundPort["bindings"][number][]>();
        found.set(workload, ports);
        file(ports, applicationPort, { service, port });
      }
    }
  }
  return new Map(
    [...found].map(([key, ports]) => [
      key,
      [...ports].sort(([a], [b]) => a - b).map(([number, bindings]) => ({ number, bindings })),
    ]),
  );
}
