// Istio's annotations (annotation/annotations.yaml of its API): what they are for, how far they are, and what they may say.

export type Feature = "stable" | "alpha" | "deprecated";

export type AnnotationCheck =
  | "any"
  | "bool"
  | "ports"
  | "ports-or-all"
  | "ranges"
  | "ranges-or-all"
  | "number"
  | "duration"
  | "mode"
  | "log-level";

export interface Annotation {
  /** Empty: any kind. */
  readonly kinds: readonly string[];
  readonly feature: Feature;
  readonly check: AnnotationCheck;
  readonly instead?: string;
}

const POD = ["Pod"];
const ANY: readonly string[] = [];

function annotations(
  prefix: string,
  names: readonly string[],
  kinds: readonly string[],
  feature: Feature,
  check: AnnotationCheck = "any",
  instead?: string,
): readonly (readonly [string, Annotation])[] {
  return names.map((name) => [`${prefix}/${name}`, { kinds, feature, check, ...(instead ? { instead } : {}) }]);
}

const TRAFFIC = "traffic.sidecar.istio.io";
const SIDECAR = "sidecar.istio.io";

export const ANNOTATIONS: ReadonlyMap<string, Annotation> = new Map([
  ...annotations(TRAFFIC, ["includeOutboundIPRanges"], POD, "stable", "ranges-or-all"),
  ...annotations(TRAFFIC, ["excludeOutboundIPRanges"], POD, "stable", "ranges"),
  ...annotations(TRAFFIC, ["includeInboundPorts", "includeOutboundPorts"], POD, "stable", "ports-or-all"),
  ...annotations(TRAFFIC, ["excludeInboundPorts", "excludeOutboundPorts"], POD, "stable", "ports"),
  ...annotations(TRAFFIC, ["excludeInterfaces"], POD, "alpha"),
  ...annotations(TRAFFIC, ["kubevirtInterfaces"], POD, "deprecated", "any", "istio.io/reroute-virtual-interfaces"),
  ...annotations("istio.io", ["reroute-virtual-interfaces"], POD, "alpha"),
  ...annotations(SIDECAR, ["inject"], POD, "deprecated", "bool", "the label sidecar.istio.io/inject"),
  ...annotations(SIDECAR, ["status"], POD, "alpha"),
  ...annotations(SIDECAR, ["rewriteAppHTTPProbers", "nativeSidecar"], POD, "alpha", "bool"),
  ...annotations(SIDECAR, ["discoveryAddress"], POD, "deprecated", "any", "proxy.istio.io/config"),
  ...annotations(SIDECAR, ["proxyImage", "proxyImageType"], POD, "alpha"),
  ...annotations(SIDECAR, ["proxyCPU", "proxyCPULimit", "proxyMemory", "proxyMemoryLimit"], POD, "alpha"),
  ...annotations(SIDECAR, ["interceptionMode"], POD, "alpha", "mode"),
  ...annotations(SIDECAR, ["bootstrapOverride", "userVolume", "userVolumeMount"], POD, "alpha"),
  ...annotations(
    SIDECAR,
    ["statsInclusionPrefixes", "statsInclusionSuffixes", "statsInclusionRegexps", "extraStatTags"],
    POD,
    "deprecated",
    "any",
    "proxy.istio.io/config",
  ),
  ...annotations(SIDECAR, ["statsCompression"], POD, "deprecated", "bool"),
  ...annotations(SIDECAR, ["statsHistogramBuckets", "statsHistogramBins"], POD, "alpha"),
  ...annotations(SIDECAR, ["statsFlushInterval", "statsEvictionInterval"], POD, "alpha", "duration"),
  ...annotations(SIDECAR, ["logLevel", "agentLogLevel"], POD, "alpha", "log-level"),
  ...annotations(SIDECAR, ["componentLogLevel"], POD, "alpha"),
  ...annotations("status.sidecar.istio.io", ["port"], POD, "alpha", "number"),
  ...annotations(
    "readiness.status.sidecar.istio.io",
    ["initialDelaySeconds", "periodSeconds", "failureThreshold"],
    POD,
    "alpha",
    "number",
  ),
  ...annotations("readiness.status.sidecar.istio.io", ["applicationPorts"], POD, "alpha", "ports"),
  ...annotations("proxy.istio.io", ["config"], POD, "stable"),
  ...annotations("proxy.istio.io", ["overrides"], POD, "alpha"),
  ...annotations("inject.istio.io", ["templates"], POD, "alpha"),
  ...annotations("prometheus.istio.io", ["merge-metrics"], POD, "alpha", "bool"),
  ...annotations("kubernetes.io", ["ingress.class"], ["Ingress"], "stable"),
  ...annotations("istio.io", ["rev"], ANY, "alpha"),
  ...annotations("istio.io", ["dry-run"], ["AuthorizationPolicy"], "alpha", "bool"),
  ...annotations("istio.io", ["use-waypoint-canary-weight"], ["Namespace", "Service", "ServiceEntry"], "alpha"),
  ...annotations("networking.istio.io", ["exportTo"], ["Service"], "alpha"),
  ...annotations("networking.istio.io", ["traffic-distribution"], ["Service", "ServiceEntry", "Namespace"], "stable"),
  ...annotations("networking.istio.io", ["service-type", "address-type"], ["Gateway"], "alpha"),
  ...annotations("galley.istio.io", ["analyze-suppress"], ANY, "stable"),
  ...annotations("ambient.istio.io", ["redirection", "bypass-inbound-capture", "dns-capture"], POD, "alpha"),
  ...annotations("traffic.istio.io", ["nodeSelector"], ["Service"], "stable"),
  ...annotations("topology.istio.io", ["controlPlaneClusters"], ["Namespace"], "alpha"),
  ...annotations("gateway.istio.io", ["name-override", "service-account", "controller-version"], ["Gateway"], "alpha"),
]);
