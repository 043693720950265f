// Legs that a gateway hands on unopened (Gateway's AUTO_PASSTHROUGH; Istio's SNI-DNAT router): the server name says which service and subset is
// meant. Only endpoints that take the leg are there: to all others the client's TLS would be garbage.

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ClientPolicy, Subset } from "../model/client-policy.ts";
import type { BoundServer } from "../model/gateway-ports.ts";
import { gatewaysOf } from "../model/gateway-ports.ts";
import { hostMatches } from "../model/hosts.ts";
import { clientPolicyFor, endpointsOf, servicesSeenBy } from "../model/lookup.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Service, type ServicePort, serviceKey } from "../model/service.ts";
import { labelsMatch, type Workload } from "../model/workload.ts";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_EdsClusterConfigSchema,
  ClusterSchema,
} from "../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ApiVersion } from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import { serverName } from "../xds/names.ts";
import { encodeResource } from "../xds/resource.ts";
import type { CompileCache } from "./cache.ts";
import { defaultsTowards, type EffectiveSettings, settingsAt } from "./client-settings.ts";
import { balancing, bufferFields, circuitBreakers, connectionOptions, outlierDetection } from "./cluster-limits.ts";
import { loadAssignment, targetOf } from "./endpoint.ts";
import { type AcknowledgedServerNames, reachOf } from "./leg.ts";
import { localityGroups } from "./locality-groups.ts";
import type { Memo } from "./memo.ts";
import { clusterMetadata } from "./metadata.ts";
import { NOWHERE } from "./place.ts";
import { type Compiled, wholeObject } from "./provenance.ts";
import type { View } from "./visibility.ts";

/** One server name of the leg, which is the name of its cluster and of its endpoints as well (Istio's). */
export interface LegPassage {
  readonly name: string;
  readonly service: Service;
  readonly port: ServicePort;
  readonly policy: ClientPolicy | undefined;
  readonly subset: Subset | undefined;
}

function isOffered({ server }: BoundServer, service: Service): boolean {
  return server.hosts.some(
    ({ namespace, host }) =>
      (namespace === undefined || namespace === service.namespace) && hostMatches(host, service.host),
  );
}

function passagesOf(service: Service, policy: ClientPolicy | undefined): readonly LegPassage[] {
  return service.ports
    .filter(({ protocol }) => protocol !== "udp")
    .flatMap((port) =>
      [undefined, ...(policy?.subsets ?? [])].map((subset): LegPassage => {
        const name = serverName({ port: port.number, subset: subset?.name ?? "", host: service.host });
        return { name, service, port, policy, subset };
      }),
    );
}

/** What a server lets through: services of the mesh that the gateway sees, and whose hosts are among the server's. */
export function legPassages(mesh: Mesh, view: View, bound: BoundServer): readonly LegPassage[] {
  if (bound.server.tls?.kind !== "auto-passthrough") return [];
  return servicesSeenBy(mesh, view.namespace)
    .filter((service) => service.location === "mesh" && !service.host.startsWith("*") && isOffered(bound, service))
    .flatMap((service) => passagesOf(service, clientPolicyFor(mesh, service, view)));
}

function settingsOf({ settings }: Mesh, { service, port, policy, subset }: LegPassage): EffectiveSettings {
  return settingsAt(defaultsTowards(settings.defaults.client, service), policy, subset, port.number);
}

function passageCluster({ name, service, policy, subset }: LegPassage, settings: EffectiveSettings): Cluster {
  const { loadBalancing, locality, outlierDetection: outlier, pool } = settings;
  // Of the bytes nothing is known that a hash could be made of, and nobody has dialled an endpoint's address.
  const choice =
    loadBalancing.kind === "consistent-hash" || loadBalancing.kind === "original-destination"
      ? ({ kind: "least-request" } as const)
      : loadBalancing;
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: create(Cluster_EdsClusterConfigSchema, {
      serviceName: name,
      edsConfig: { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 },
    }),
    connectTimeout: durationFromMs(settings.connectTimeoutMs),
    ...bufferFields(pool?.bufferBytes),
    circuitBreakers: circuitBreakers(pool, undefined),
    loadBalancingPolicy: balancing(choice, locality),
    commonLbConfig: { healthyPanicThreshold: { value: outlier?.minHealthPercent ?? 0 } },
    ...(pool?.tcpKeepalive ? { upstreamConnectionOptions: connectionOptions(pool.tcpKeepalive) } : {}),
    ...(outlier ? { outlierDetection: outlierDetection(outlier) } : {}),
    metadata: clusterMetadata(service, subset?.origin ?? policy?.origin ?? service.origin, subset?.name ?? ""),
  });
}

export function passageClusters(
  { mesh, memo }: { readonly mesh: Mesh; readonly memo: Memo },
  scope: string,
  passages: readonly LegPassage[],
): readonly Compiled[] {
  return distinct(passages).map((passage) => {
    const settings = settingsOf(mesh, passage);
    const { name, service, policy, subset } = passage;
    return memo.get(`passage/${scope}/${name}`, [settings, policy, subset, service], () => ({
      resource: encodeResource("cds", passageCluster(passage, settings)),
      sources: [...(policy ? [wholeObject(policy.origin)] : []), wholeObject(service.origin)],
    }));
  });
}

/** Several servers may let the same through. */
function distinct(passages: readonly LegPassage[]): readonly LegPassage[] {
  return [...new Map(passages.map((passage) => [passage.name, passage])).values()];
}

interface PassageContext {
  readonly mesh: Mesh;
  readonly acknowledged: AcknowledgedServerNames;
  readonly cache: CompileCache;
}

function endpointsOfPassage({ mesh, acknowledged }: PassageContext, view: View, passage: LegPassage): Compiled {
  const { name, service, port, subset } = passage;
  const settings = settingsOf(mesh, passage);
  const targets = endpointsOf(mesh, service, port.number).flatMap((endpoint) => {
    if (endpoint.health !== "healthy" || !labelsMatch(subset?.labels ?? {}, endpoint.labels)) return [];
    const reach = reachOf(mesh, acknowledged, service, port.number, endpoint, undefined);
    return reach === "leg" || reach === "istio" ? [targetOf(mesh, endpoint, reach, view.machineAddress)] : [];
  });
  const groups = localityGroups(targets, settings.locality, view.place ?? NOWHERE);
  return { resource: encodeResource("eds", loadAssignment(name, groups)), sources: [wholeObject(service.origin)] };
}

const NONE: readonly Compiled[] = [];

/**
 * Endpoints of all that the workload's gateway lets through; the same list as long as it holds the same. They are the gateway's own: other
 * proxies reach endpoints without the leg too.
 */
export function passageEndpoints(context: PassageContext, workload: Workload, view: View): readonly Compiled[] {
  const { mesh, cache } = context;
  const { references } = cache;
  const key = `${workload.namespace}/${workload.name}`;
  const { gateways, services, clientPolicies, serverPolicies, workloads, settings } = mesh;
  const passages = references.list(
    `passages/${key}`,
    [gateways, services, clientPolicies, settings, workload, view.key],
    () =>
      gatewaysOf(mesh, workload).flatMap((gateway) =>
        gateway.servers.flatMap((server) => legPassages(mesh, view, { gateway, server })),
      ),
  );
  if (passages.length === 0) return NONE;
  return references.list(`passage-endpoints/${key}`, [passages, cache.moving, workloads, serverPolicies], () =>
    distinct(passages).map((passage) => {
      const id = serviceKey(passage.service);
      const inputs = [mesh.index.endpoints.get(id), cache.reachVersion(id), passages, workloads, serverPolicies];
      return references.get(`passage-endpoints/${key}/${passage.name}`, inputs, () =>
        endpointsOfPassage(context, view, passage),
      );
    }),
  );
}
