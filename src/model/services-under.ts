// Services whose hosts a wildcard covers: policies of thousands of wildcards are not each held against thousands of services.

import { hostMatches, isWithinLabel, patternsFor } from "./hosts.ts";
import { file } from "./label-index.ts";
import type { Mesh } from "./mesh.ts";
import type { Service } from "./service.ts";

/** By the services of a mesh. */
const known = new WeakMap<readonly Service[], ReadonlyMap<string, readonly Service[]>>();

/** Services of this host, or of every host under a wildcard, in the order of the mesh. */
export function servicesUnder({ services, index }: Mesh, pattern: string): readonly Service[] {
  if (!pattern.startsWith("*")) return index.servicesByHost.get(pattern) ?? [];
  if (isWithinLabel(pattern)) return services.filter(({ host }) => hostMatches(pattern, host));
  const covered = known.get(services) ?? byWildcard(services);
  known.set(services, covered);
  return covered.get(pattern) ?? [];
}

function byWildcard(services: readonly Service[]): ReadonlyMap<string, readonly Service[]> {
  const covered = new Map<string, Service[]>();
  for (const service of services)
    for (const pattern of patternsFor(service.host)) if (pattern.startsWith("*")) file(covered, pattern, service);
  return covered;
}
