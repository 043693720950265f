// Which services' endpoints are to be looked at again because a proxy of theirs acknowledged other server names, came, or went.

import type { Mesh } from "../model/mesh.ts";
import { type Service, type ServiceKey, serviceKey } from "../model/service.ts";
import type { WorkloadKey } from "../model/workload.ts";
import { type AcknowledgedServerNames, takesOnLeg } from "./leg.ts";

type ServerNames = ReadonlySet<string> | undefined;

/** Services of the workload to which it makes a difference that its proxy acknowledged `after` instead of `before`. */
export function reachedOtherwise(
  mesh: Mesh,
  workload: WorkloadKey,
  before: ServerNames,
  after: ServerNames,
): ReadonlySet<Service> {
  const services = new Set<Service>();
  if (before === after) return services;
  for (const { bindings } of mesh.index.inboundPorts.get(workload) ?? [])
    for (const { service, port } of bindings)
      if (takesOnLeg(before, service, port.number) !== takesOnLeg(after, service, port.number)) services.add(service);
  return services;
}

export class ReachVersions {
  readonly #versions = new Map<ServiceKey, number>();
  #acknowledged: AcknowledgedServerNames = new Map();

  update(mesh: Mesh, acknowledged: AcknowledgedServerNames): void {
    const before = this.#acknowledged;
    for (const [workload, names] of acknowledged)
      this.#touch(reachedOtherwise(mesh, workload, before.get(workload), names));
    for (const [workload, names] of before)
      if (!acknowledged.has(workload)) this.#touch(reachedOtherwise(mesh, workload, names, undefined));
    this.#acknowledged = new Map(acknowledged);
  }

  of(service: ServiceKey): number {
    return this.#versions.get(service) ?? 0;
  }

  #touch(services: ReadonlySet<Service>): void {
    for (const service of services) {
      const key = serviceKey(service);
      this.#versions.set(key, this.of(key) + 1);
    }
  }
}
