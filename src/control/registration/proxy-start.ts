// What an agent is told before it starts its proxy. A change of it is for the next start, as in Istio.

import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { bootstrapPatches } from "../../compile/patch/bootstrap.ts";
import { PROXY_CONFIG } from "../../dialect/kubernetes/gateway-proxy.ts";
import { readProxyStart } from "../../dialect/kubernetes/proxy-start.ts";
import { isJsonObject } from "../../kube/json.ts";
import type { Mesh } from "../../model/mesh.ts";
import { proxyStartOf } from "../../model/proxy-start.ts";
import { type NamedWorkload, spanServiceOf } from "../../model/service-naming.ts";
import { DEFAULT_SETTINGS, type MeshSettings } from "../../model/settings.ts";
import { type ProxyStart, ProxyStartSchema } from "../../xds/gen/heddle/registration/v1/registration_pb.ts";
import type { Standing } from "../standing.ts";
import { applicationMetrics } from "./application-metrics.ts";
import { captureScope } from "./capture-scope.ts";
import { saidInBootstrap } from "./said-in-bootstrap.ts";
import { selfDiscovery } from "./self-discovery.ts";
import type { RegisteredWorkload } from "./workload.ts";

/** Istio's switch: the proxy is told where its fellows are. */
const SELF_DISCOVERY = "ISTIO_META_ENABLE_SELF_DISCOVERY";

/** `standing`: what was written for the workload, with the labels by which it is chosen. */
export function proxyStart(mesh: Mesh, workload: RegisteredWorkload, standing: Standing): ProxyStart {
  const { object } = standing;
  const { namespace, name, serviceAccount, workloadName, proxy, gateway } = workload;
  const labels = { ...object.metadata.labels, ...labelsOf(object.spec) };
  const { proxyStarts } = mesh.index;
  const own = readProxyStart(object.metadata.annotations?.[PROXY_CONFIG]);
  const said = proxyStartOf(proxyStarts, mesh.settings.defaults.proxyStart, { namespace, labels }, own);
  const { concurrency, environment, listenerDrainMs, terminationDrainMs, trustAnchors = [] } = said;
  const { logFlushMs, logFlushKb, adminPort = 0, statusPort = 0 } = said;
  const described = { namespace, name, labels, serviceAccount, workloadName, cluster: mesh.settings.cluster };
  const patches = proxy.kind === "envoy" ? bootstrapPatches(mesh, described, gateway ? "gateway" : "sidecar") : [];
  const self = environment[SELF_DISCOVERY] === "true" ? [selfDiscovery(standing, labels)] : [];
  const capture = captureScope(object.metadata.annotations);
  const metrics = applicationMetrics(object.metadata.annotations, proxy.statusPort);
  const named = nameOfSpans(mesh, described, standing);
  return create(ProxyStartSchema, {
    ...(concurrency === undefined ? {} : { concurrency }),
    environment: { ...environment },
    ...(listenerDrainMs === undefined ? {} : { listenerDrain: durationFromMs(listenerDrainMs) }),
    ...(terminationDrainMs === undefined ? {} : { terminationDrain: durationFromMs(terminationDrainMs) }),
    ...(logFlushMs === undefined ? {} : { logFlushInterval: durationFromMs(logFlushMs) }),
    ...(logFlushKb === undefined ? {} : { logFlushMinKb: logFlushKb }),
    adminPort,
    statusPort,
    forwardProxyPort: mesh.settings.listenPorts.http ?? 0,
    ...(metrics ? { applicationMetrics: metrics } : {}),
    uncompressedStatistics: said.compressesStatistics === false,
    trustAnchors: [...new Set([...mesh.settings.trustAnchors, ...trustAnchors])].join("\n"),
    trustDomains: trustDomains(mesh.settings),
    ...(capture ? { capture } : {}),
    bootstrap: [...named, ...self, ...saidInBootstrap(said, standing), ...patches].map(
      ({ origin, value, replacesLists }) => ({
        json: JSON.stringify(value),
        replacesLists,
        origin: `${origin.kind} ${origin.namespace}/${origin.name}`,
      }),
    ),
  });
}

/** Empty unless some roots are for some trust domains alone: then each domain has its own, and nobody of another is taken. */
function trustDomains({ trustDomain, trustDomainAliases, trustDomainAnchors }: MeshSettings) {
  const named = Object.keys(trustDomainAnchors);
  if (named.length === 0) return [];
  const own = [trustDomain, ...trustDomainAliases];
  return [...new Set([...own, ...named])].map((name) => ({
    trustDomain: name,
    isOwn: own.includes(name),
    anchors: [...new Set(trustDomainAnchors[name] ?? [])].join("\n"),
  }));
}

/** Envoy's tracers tell spans as the node's cluster, which agents make of the canonical name and the namespace. */
function nameOfSpans({ settings }: Mesh, workload: NamedWorkload, { object }: Standing) {
  const { naming } = settings.tracing;
  if (naming === DEFAULT_SETTINGS.tracing.naming) return [];
  const { namespace, name } = object.metadata;
  const value = { node: { cluster: spanServiceOf(naming, workload) } };
  return [{ origin: { kind: object.kind, namespace, name }, value, replacesLists: false }];
}

/** Of a WorkloadEntry; those of a Pod are its metadata's. */
function labelsOf(spec: unknown): Readonly<Record<string, string>> {
  const labels = isJsonObject(spec) ? spec.labels : undefined;
  if (!isJsonObject(labels)) return {};
  return Object.fromEntries(
    Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
