// The outbound side of proxies whose scope leaves less of the mesh: compiled by itself, from what is left. It is small, which is why people
// write scopes; clusters and endpoints are those of everybody.

import type { Mesh } from "../model/mesh.ts";
import { originKey } from "../model/origin.ts";
import { type ScopedMesh, scopedParts, withParts } from "../model/scoped-mesh.ts";
import type { CompileCache } from "./cache.ts";
import { doorResources } from "./egress-door.ts";
import { hostsOf } from "./member.ts";
import { compileHosts, type OwnOutbound } from "./outbound.ts";
import { clustersOf, type OutboundContext } from "./outbound-clusters.ts";
import { withHeadless } from "./outbound-headless.ts";
import type { Compiled } from "./provenance.ts";
import type { View } from "./visibility.ts";

/** The mesh that clients of the view see. */
export function scopedMeshOf(mesh: Mesh, { references }: CompileCache, { scope, namespace }: View): ScopedMesh {
  if (!scope) return { called: mesh, mesh, behind: [], doors: [] };
  const inputs = [scope, mesh.services, mesh.routes, mesh.settings];
  const parts = references.get(`scope/${originKey(scope.origin)}/${namespace}`, inputs, () =>
    scopedParts(mesh, scope, namespace),
  );
  return withParts(mesh, parts);
}

export function compileScoped(whole: OutboundContext, view: View): OwnOutbound {
  const { cache } = whole;
  const { mesh, called, behind, doors } = scopedMeshOf(whole.mesh, cache, view);
  const context = { ...whole, mesh };
  const hosts = cache.references.get(`hosts/${view.key}`, [called.services, called.routes], () =>
    [...hostsOf(called)].sort(),
  );
  const { sets } = compileHosts(context, view, hosts, undefined, called);
  const opened = doorResources(context, view, doors);
  const clusters = behind.map((service) => clustersOf(context, view, service));
  const share = (kind: string, members: readonly Compiled[]) => cache.sets.share(`${view.key}/scoped/${kind}`, members);
  const all = withHeadless({ ...context, mesh: called }, view, {
    ...sets,
    cds: [
      share(
        "cds",
        clusters.flatMap((made) => made.clusters),
      ),
      ...(sets.cds ?? []),
    ],
    eds: [
      share(
        "eds",
        clusters.flatMap((made) => made.endpoints),
      ),
      ...(sets.eds ?? []),
    ],
    lds: [share("lds", opened.listeners), ...(sets.lds ?? [])],
    rds: [share("rds", opened.routes), ...(sets.rds ?? [])],
  });
  return { sets: all, hosts: new Set([...hosts, ...mesh.services.map(({ host }) => host)]) };
}
