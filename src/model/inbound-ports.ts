// What each workload serves: the ports that services lead to, from the endpoints that name it.

import { corrected, differingKeys } from "../base/corrected-map.ts";
import { file } from "./label-index.ts";
import type { InboundPort, InboundPorts, MeshIndex } from "./mesh.ts";
import { byAge } from "./origin.ts";
import { type Service, type ServiceKey, serviceKey } from "./service.ts";
import type { WorkloadKey } from "./workload.ts";

type Endpoints = MeshIndex["endpoints"];
type Bindings = InboundPort["bindings"];

interface ServicesOfMesh {
  readonly all: readonly Service[];
  readonly byKey: ReadonlyMap<ServiceKey, Service>;
}

/** What each workload serves, from the endpoints that name it. Ports ascending, bindings by age. */
export function indexInboundPorts(
  services: ServicesOfMesh,
  endpoints: Endpoints,
  before: { readonly endpoints: Endpoints; readonly inboundPorts: InboundPorts } | undefined,
): InboundPorts {
  const changed = before && differingKeys(before.endpoints, endpoints);
  if (changed?.size === 0) return before!.inboundPorts;
  const touched = changed && workloadsOf(changed, before.endpoints, endpoints);
  const found = new Map<WorkloadKey, Map<number, Bindings[number][]>>();
  const concerned = changed && touched ? servingAny(touched, changed, services, before.inboundPorts) : services.all;
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
  if (!before || !touched) return new Map([...found].map(([key, ports]) => [key, ascending(ports)]));
  return corrected(
    before.inboundPorts,
    [...touched].map((key) => {
      const served = found.get(key);
      return [key, served && keptPorts(before.inboundPorts.get(key), ascending(served))];
    }),
  );
}

/** Those of before where they say the same: whoever asks for them compares references. */
function keptPorts(before: readonly InboundPort[] | undefined, now: readonly InboundPort[]): readonly InboundPort[] {
  const same = (port: InboundPort, i: number) => {
    const old = before?.[i];
    return (
      old?.number === port.number &&
      old.bindings.length === port.bindings.length &&
      old.bindings.every(({ service, port: of }, j) => {
        const binding = port.bindings[j]!;
        return service === binding.service && of === binding.port;
      })
    );
  };
  return before?.length === now.length && now.every(same) ? before : now;
}

/** Services that one of the workloads is an endpoint of: those that changed, and of the others those that it was one of before. */
function servingAny(
  workloads: ReadonlySet<WorkloadKey>,
  changed: ReadonlySet<ServiceKey>,
  services: ServicesOfMesh,
  before: InboundPorts,
): readonly Service[] {
  const keys = new Set(changed);
  for (const workload of workloads)
    for (const { bindings } of before.get(workload) ?? [])
      for (const { service } of bindings) keys.add(serviceKey(service));
  return [...keys].flatMap((key) => services.byKey.get(key) ?? []);
}

function ascending(ports: ReadonlyMap<number, Bindings>): readonly InboundPort[] {
  return [...ports].sort(([a], [b]) => a - b).map(([number, bindings]) => ({ number, bindings }));
}

/** Workloads that served one of the services, or do now. */
function workloadsOf(services: ReadonlySet<ServiceKey>, ...indexes: readonly Endpoints[]): ReadonlySet<WorkloadKey> {
  const keys = new Set<WorkloadKey>();
  for (const key of services)
    for (const index of indexes)
      for (const endpoints of index.get(key)?.ports.values() ?? [])
        for (const { workload } of endpoints) if (workload !== undefined) keys.add(workload);
  return keys;
}
