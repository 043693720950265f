// Which host a local port of a proxy stands for.

import { serviceFor } from "./lookup.ts";
import type { Mesh } from "./mesh.ts";
import { settledHost } from "./service-alias.ts";
import type { Upstream } from "./workload.ts";

/** As resolvers do with the search list of a Pod: names of the cluster come first, then the name as it is written. */
export function upstreamHost(mesh: Mesh, { host, written }: Upstream, namespace: string): string {
  const inside = settledHost(mesh.index.aliases, host);
  if (written === undefined || serviceFor(mesh, inside, namespace)) return inside;
  return serviceFor(mesh, written, namespace) ? written : inside;
}
