// Which services' endpoints are to be looked at again because a proxy of theirs acknowledged other server names, came, or went.

import { corrected } from "../base/corrected-map.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Service, type ServiceKey, serviceKey } from "../model/service.ts";
import type { WorkloadKey } from "../model/workload.ts";
import { type AcknowledgedServerNames, takesOnLeg } from "./leg.ts";

type ServerNames = ReadonlySet<string> | undefined;

const NOBODY: ReadonlySet<Service> = new Set();

/** Services of the workload to which it makes a difference that its proxy acknowledged `after` instead of `before`. */
export function reachedOtherwise(
  mesh: Mesh,
  workload: WorkloadKey,
  before: ServerNames,
  after: ServerNames,
): ReadonlySet<Service> {
  if (before === after) return NOBODY;
  const services = new Set<Service>();
  for (const { bindings } of mesh.index.inboundPorts.get(workload) ?? [])
    for (const { service, port } of bindings)
      if (takesOnLeg(before, service, port.number) !== takesOnLeg(after, service, port.number)) services.add(service);
  return services;
}

export class ReachVersions {
  #versions: ReadonlyMap<ServiceKey, number> = new Map();
  #acknowledged: AcknowledgedServerNames = new Map();

  /** By service; those that are missing have none yet. The same object as long as nothing changed. */
  get all(): ReadonlyMap<ServiceKey, number> {
    return this.#versions;
  }

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
    if (services.size === 0) return;
    const keys = [...services].map(serviceKey);
    this.#versions = corrected(
      this.#versions,
      keys.map((key) => [key, this.of(key) + 1]),
    );
  }
}
