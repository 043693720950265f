// Which services' endpoints are to be looked at again because a proxy of theirs acknowledged other server names, came, or went.

import type { Mesh } from "../model/mesh.ts";
import { type ServiceKey, serviceKey } from "../model/service.ts";
import type { WorkloadKey } from "../model/workload.ts";
import type { AcknowledgedServerNames } from "./leg.ts";

export class ReachVersions {
  readonly #versions = new Map<ServiceKey, number>();
  #acknowledged: AcknowledgedServerNames = new Map();

  update(mesh: Mesh, acknowledged: AcknowledgedServerNames): void {
    const before = this.#acknowledged;
    for (const [workload, names] of acknowledged) if (before.get(workload) !== names) this.#touch(mesh, workload);
    for (const workload of before.keys()) if (!acknowledged.has(workload)) this.#touch(mesh, workload);
    this.#acknowledged = new Map(acknowledged);
  }

  of(service: ServiceKey): number {
    return this.#versions.get(service) ?? 0;
  }

  #touch(mesh: Mesh, workload: WorkloadKey): void {
    for (const { bindings } of mesh.index.inboundPorts.get(workload) ?? []) {
      for (const { service } of bindings) {
        const key = serviceKey(service);
        this.#versions.set(key, this.of(key) + 1);
      }
    }
  }
}
