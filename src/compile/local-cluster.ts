// The cluster that a proxy is one of: Envoy weighs zones by where its fellows are. Its bootstrap asks for it (cluster_manager.local_cluster_name).

import type { ClientSettings } from "../model/client-policy.ts";
import type { Mesh } from "../model/mesh.ts";
import type { Workload } from "../model/workload.ts";
import { LOCAL_CLUSTER } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import type { CompileCache } from "./cache.ts";
import { loadAssignment, type Target } from "./endpoint.ts";
import { localityGroups } from "./locality-groups.ts";
import { NOWHERE } from "./place.ts";
import type { Compiled } from "./provenance.ts";

type Fellows = ReadonlyMap<string, readonly Workload[]>;

/** Nobody calls them: any port does. */
const SOME_PORT = 1;

function asksForZones({ loadBalancing }: ClientSettings): boolean {
  return loadBalancing?.locality?.kind === "zones";
}

function isZoned({ settings, clientPolicies }: Mesh): boolean {
  const scopes = clientPolicies.flatMap((policy) => [policy, ...policy.subsets]);
  const all = scopes.flatMap((scope) => [scope.settings, ...scope.ports.map((port) => port.settings)]);
  return asksForZones(settings.defaults.client) || all.some(asksForZones);
}

/** As Istio tells a workload's instances: by namespace and by what owns them. */
function ownerOf({ namespace, workloadName }: Workload): string {
  return `${namespace}/${workloadName}`;
}

function fellowsOf({ workloads }: Mesh): Fellows {
  const healthy = workloads.filter(({ health, addresses }) => health === "healthy" && addresses.length > 0);
  return Map.groupBy(healthy, ownerOf);
}

function targetOf({ addresses, proxy, ports, weight, locality, node, cluster, network }: Workload): Target {
  return {
    address: addresses[0]!,
    port: proxy?.meshPort ?? ports[0]?.number ?? SOME_PORT,
    reach: "plaintext",
    weight,
    locality,
    ...(node === undefined ? {} : { node }),
    cluster,
    network,
    workload: undefined,
    labels: {},
  };
}

/** The same object as long as it holds the same; undefined: no policy of the mesh has zones, and nobody needs it. */
export function localCluster(mesh: Mesh, { references }: CompileCache, workload: Workload): Compiled | undefined {
  const { settings, clientPolicies, workloads } = mesh;
  const isNeeded = references.get("zoned", [settings, clientPolicies], () => isZoned(mesh));
  if (!isNeeded) return undefined;
  const fellows = references.get("fellows", [workloads], () => fellowsOf(mesh));
  const owner = ownerOf(workload);
  const own = references.list(`fellows/${owner}`, [fellows], () => fellows.get(owner) ?? []);
  return references.get(`local-cluster/${owner}`, [own], () => {
    const groups = localityGroups(own.map(targetOf), { kind: "none" }, NOWHERE);
    return { resource: encodeResource("eds", loadAssignment(LOCAL_CLUSTER, groups)), sources: [] };
  });
}
