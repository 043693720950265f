// What Istio's annotations come to here. Those of the injector and of Istio's other modes have no effect, and none is passed over in silence.

import { parse } from "yaml";
import { nearest } from "../../base/nearest.ts";
import { PROXY_CONFIG } from "../../dialect/istio/proxy-config-schema.ts";
import { READ_LIMITS } from "../../dialect/limits.ts";
import { isObject } from "../../dialect/object.ts";
import type { Message } from "../../model/message.ts";
import { finding } from "../code.ts";

/** `warning`: traffic, or what is told of it, goes otherwise than the annotation says. */
interface InVain {
  readonly level: "info" | "warning";
  readonly instead: string;
}

function info(instead: string): InVain {
  return { level: "info", instead };
}

function warning(instead: string): InVain {
  return { level: "warning", instead };
}

const INJECTION = info("nothing is injected into Pods yet: `heddle run` starts the proxy");
const CAPTURE = warning(
  "`heddle run --capture` captures every connection of the program, unless its WorkloadGroup's metadata says it",
);
const STATISTICS = info("the proxy tells all of its statistics");
const ENVOY_BOOTSTRAP = warning("an EnvoyFilter for the bootstrap says it to an Envoy, and Heddle's proxy has none");
const LOG_LEVEL = info("`heddle proxy-config log` sets it while the proxy runs");
const OTHER_MODE = info("there are no waypoints and no node proxies: sidecars and gateways alone");
const DEPLOYED_GATEWAY = info("gateways are not deployed for Gateway API's objects: `heddle gateway` starts one");

const IN_VAIN: Readonly<Record<string, InVain>> = {
  "traffic.sidecar.istio.io/includeOutboundIPRanges": CAPTURE,
  "traffic.sidecar.istio.io/excludeOutboundIPRanges": CAPTURE,
  "traffic.sidecar.istio.io/includeInboundPorts": CAPTURE,
  "traffic.sidecar.istio.io/excludeInboundPorts": CAPTURE,
  "traffic.sidecar.istio.io/includeOutboundPorts": CAPTURE,
  "traffic.sidecar.istio.io/excludeOutboundPorts": CAPTURE,
  "traffic.sidecar.istio.io/excludeInterfaces": CAPTURE,
  "traffic.sidecar.istio.io/kubevirtInterfaces": CAPTURE,
  "istio.io/reroute-virtual-interfaces": CAPTURE,
  "sidecar.istio.io/interceptionMode": CAPTURE,
  "sidecar.istio.io/rewriteAppHTTPProbers": INJECTION,
  "sidecar.istio.io/nativeSidecar": INJECTION,
  "sidecar.istio.io/proxyImage": INJECTION,
  "sidecar.istio.io/proxyImageType": INJECTION,
  "sidecar.istio.io/proxyCPU": INJECTION,
  "sidecar.istio.io/proxyCPULimit": INJECTION,
  "sidecar.istio.io/proxyMemory": INJECTION,
  "sidecar.istio.io/proxyMemoryLimit": INJECTION,
  "sidecar.istio.io/userVolume": INJECTION,
  "sidecar.istio.io/userVolumeMount": INJECTION,
  "sidecar.istio.io/discoveryAddress": info("`heddle run` says it (--control-plane), and the join token"),
  "sidecar.istio.io/bootstrapOverride": ENVOY_BOOTSTRAP,
  "sidecar.istio.io/statsHistogramBuckets": ENVOY_BOOTSTRAP,
  "sidecar.istio.io/statsHistogramBins": ENVOY_BOOTSTRAP,
  "sidecar.istio.io/statsFlushInterval": ENVOY_BOOTSTRAP,
  "sidecar.istio.io/statsEvictionInterval": ENVOY_BOOTSTRAP,
  "sidecar.istio.io/statsInclusionPrefixes": STATISTICS,
  "sidecar.istio.io/statsInclusionSuffixes": STATISTICS,
  "sidecar.istio.io/statsInclusionRegexps": STATISTICS,
  "sidecar.istio.io/extraStatTags": info("labels that Telemetry adds need no declaration"),
  "sidecar.istio.io/statsCompression": info("statistics are sent as they are"),
  "sidecar.istio.io/logLevel": LOG_LEVEL,
  "sidecar.istio.io/componentLogLevel": LOG_LEVEL,
  "sidecar.istio.io/agentLogLevel": info("`heddle run` says it (--log-level)"),
  "status.sidecar.istio.io/port": info("the agent's port is 15020, or a free one"),
  "readiness.status.sidecar.istio.io/initialDelaySeconds": INJECTION,
  "readiness.status.sidecar.istio.io/periodSeconds": INJECTION,
  "readiness.status.sidecar.istio.io/failureThreshold": INJECTION,
  "readiness.status.sidecar.istio.io/applicationPorts": INJECTION,
  "proxy.istio.io/overrides": INJECTION,
  "inject.istio.io/templates": INJECTION,
  "prometheus.istio.io/merge-metrics": INJECTION,
  "kubernetes.io/ingress.class": info("Ingresses are not read: a Gateway and a VirtualService say what they say"),
  "istio.io/rev": info("there is one control plane, of one revision"),
  "istio.io/use-waypoint-canary-weight": OTHER_MODE,
  "ambient.istio.io/redirection": OTHER_MODE,
  "ambient.istio.io/bypass-inbound-capture": OTHER_MODE,
  "ambient.istio.io/dns-capture": OTHER_MODE,
  "networking.istio.io/service-type": DEPLOYED_GATEWAY,
  "networking.istio.io/address-type": DEPLOYED_GATEWAY,
  "gateway.istio.io/name-override": DEPLOYED_GATEWAY,
  "gateway.istio.io/service-account": DEPLOYED_GATEWAY,
  "gateway.istio.io/controller-version": DEPLOYED_GATEWAY,
  "traffic.istio.io/nodeSelector": info("no other network is reached by ports of nodes"),
  "topology.istio.io/controlPlaneClusters": info("there is one cluster, of one control plane"),
};

/** What workloads that register by a group have of it (control/registration/capture-scope.ts). */
const CAPTURED: readonly string[] = [
  "includeOutboundIPRanges",
  "excludeOutboundIPRanges",
  "includeInboundPorts",
  "excludeInboundPorts",
  "includeOutboundPorts",
  "excludeOutboundPorts",
].map((name) => `traffic.sidecar.istio.io/${name}`);

/** Beside them control/registration/application-metrics.ts. */
const OF_GROUPS: readonly string[] = [...CAPTURED, "prometheus.istio.io/merge-metrics"];

/** Empty: it has an effect, or is not Istio's. `object`: the kind of that which holds the annotations. */
export function inVain(name: string, kind: string, object: string = kind): readonly Message[] {
  if (object === "WorkloadGroup" && OF_GROUPS.includes(name)) return [];
  // Services and ServiceEntries say it for themselves.
  const ofNamespace = name === "networking.istio.io/traffic-distribution" && kind === "Namespace";
  const found = ofNamespace ? warning("Services and ServiceEntries say it, each for itself") : IN_VAIN[name];
  if (!found) return [];
  return [{ ...finding("HED1326", `Annotation ${name} has no effect: ${found.instead}`), severity: found.level }];
}

/** What is read of a workload (dialect/kubernetes/proxy-start.ts): of gateways the first. */
const OF_WORKLOADS: readonly string[] = [
  "gatewayTopology",
  "caCertificatesPem",
  "concurrency",
  "connectionSettings",
  "drainDuration",
  "fileFlushInterval",
  "fileFlushMinSizeKb",
  "envoyMetricsService",
  "statsCompression",
  "statsdUdpAddress",
  "proxyAdminPort",
  "proxyHeaders",
  "proxyMetadata",
  "proxyStatsMatcher",
  "runtimeValues",
  "statusPort",
  "terminationDrainDuration",
];

const SHARED_BUFFER: readonly string[] = [
  "clusterPerConnectionBufferLimitBytes",
  "cluster_per_connection_buffer_limit_bytes",
];
const SHARED =
  "Field connectionSettings.clusterPerConnectionBufferLimitBytes of proxy.istio.io/config has no effect: it is of the whole mesh, in MeshConfig's defaultConfig";

/** Fields of the ProxyConfig in the annotation `proxy.istio.io/config`; what is no ProxyConfig at all is told elsewhere. */
export function configInVain(text: string): readonly Message[] {
  const config = parsed(text);
  if (!config) return [];
  const fields: Readonly<Record<string, { readonly type: string; readonly instead?: string }>> = PROXY_CONFIG.fields;
  const { connectionSettings: settings } = config;
  const isShared = isObject(settings) && Object.keys(settings).some((name) => SHARED_BUFFER.includes(name));
  const shared = isShared ? [finding("HED1327", SHARED)] : [];
  const others = Object.keys(config)
    .slice(0, READ_LIMITS.findings)
    .flatMap((name) => {
      if (OF_WORKLOADS.includes(name)) return [];
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (!field)
        return [finding("HED1327", `proxy.istio.io/config has no field ${name}`, nearest(name, Object.keys(fields)))];
      const instead = field.instead ?? "it is of the whole mesh, in MeshConfig's defaultConfig";
      return [finding("HED1327", `Field ${name} of proxy.istio.io/config has no effect: ${instead}`)];
    });
  return [...others, ...shared];
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = parse(text, { maxAliasCount: 0 });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
