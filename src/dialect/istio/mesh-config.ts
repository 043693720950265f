// MeshConfig → the mesh's settings. What it leaves out is as it was before: Heddle's defaults, or what was said when the mesh was started.

import type { OriginatedTls, TcpKeepalive } from "../../model/client-policy.ts";
import type { LocalityPreference } from "../../model/locality-preference.ts";
import type { BackendTarget } from "../../model/route.ts";
import type {
  ClusterStatNames,
  DefaultVisibilities,
  ListenPorts,
  MeshDefaults,
  MeshSettings,
  OutboundPolicy,
  PathNormalization,
} from "../../model/settings.ts";
import type { DefaultProviders } from "../../model/telemetry.ts";
import type { DefaultVisibility } from "../../model/visibility.ts";
import type { GatewayProxy } from "../../model/workload.ts";
import { decodeValue } from "../decode.ts";
import { defaultVisibilityOf } from "../export-to.ts";
import { isObject, isObjectName } from "../object.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { readConnectionSettings, readGatewayConnections } from "./connection-settings.ts";
import { readDiscovery } from "./discovery-selectors.ts";
import { readEntryVisibility } from "./entry-visibility.ts";
import { readProviders } from "./extension-providers.ts";
import { checkHeld } from "./held-settings.ts";
import { readLocality, readZones } from "./locality.ts";
import { readLogServices } from "./log-service.ts";
import { readLogSettings } from "./log-settings.ts";
import { MESH_CONFIG, type MeshConfigSpec } from "./mesh-config-schema.ts";
import * as diagnostics from "./mesh-diagnostics.ts";
import { readMeshTlsSettings } from "./mesh-tls.ts";
import { readTracing } from "./mesh-tracing.ts";
import { resolveHost } from "./names.ts";
import type { GatewayTopologySpec, ProxyConfigSpec } from "./proxy-config-schema.ts";
import { readProxyHeaders } from "./proxy-headers.ts";
import { checkRuntime, checkVariables, startOf } from "./proxy-start.ts";
import { readRetry } from "./retry.ts";
import { secretOfNoNamespace, tlsOfDynamicDns } from "./settings-diagnostics.ts";
import { egressProxyNeedsAllowAny, egressProxyPort } from "./sidecar-diagnostics.ts";
import { zonesBesideLocalities } from "./traffic-diagnostics.ts";
import { readConnectionPool, readOutlierDetection, readTls } from "./traffic-policy.ts";
import { isTrustDomain, readTrustAnchors } from "./trust-anchors.ts";
import { allocationByMetadata } from "./validation-diagnostics.ts";

type DefaultProvidersSpec = NonNullable<MeshConfigSpec["defaultProviders"]>;

/** Whether the trust domain can still be chosen: once the mesh runs every certificate says it. */
export type TrustDomainChoice = "open" | "made";

/** `value` stands at `path` of the reporter's object. Undefined when something is wrong with it. */
export function readMeshConfig(
  value: unknown,
  path: string,
  before: MeshSettings,
  choice: TrustDomainChoice,
  reporter: Reporter,
): MeshSettings | undefined {
  const spec = decodeValue(MESH_CONFIG, value, path, reporter);
  if (!spec) return reporter.failed ? undefined : { ...before }; // an empty document says nothing
  const reader = new MeshConfigReader(spec, path, before, reporter);
  checkHeld(spec, path, reporter);
  const written = isObject(value) ? (value.extensionProviders ?? value.extension_providers) : undefined;
  const providers =
    spec.extensionProviders &&
    readProviders(spec.extensionProviders, {
      path: joinPath(path, "extensionProviders"),
      written,
      clusterDomain: before.clusterDomain,
      reporter,
    });
  const settings: MeshSettings = {
    ...before,
    trustDomain: reader.trustDomain(choice),
    trustDomainAliases: reader.trustDomainAliases(),
    rootNamespaces: reader.rootNamespaces(),
    discovery: spec.discoverySelectors
      ? readDiscovery(spec.discoverySelectors, joinPath(path, "discoverySelectors"), reporter)
      : before.discovery,
    entryVisibility: spec.serviceEntryVisibility
      ? readEntryVisibility(spec.serviceEntryVisibility, joinPath(path, "serviceEntryVisibility"), reporter)
      : before.entryVisibility,
    outboundPolicy: reader.outboundPolicy(),
    egressProxy: reader.egressProxy(),
    dynamicTls: reader.dynamicTls(),
    accessLog: readLogSettings(spec, path, before.accessLog, reporter),
    pathNormalization: reader.pathNormalization(),
    protocolDetectionMs: spec.protocolDetectionTimeout ?? before.protocolDetectionMs,
    applicationAddress: spec.inboundTrafficPolicy
      ? spec.inboundTrafficPolicy.mode === "LOCALHOST"
        ? "loopback"
        : "workload"
      : before.applicationAddress,
    proxyHeaders: spec.defaultConfig?.proxyHeaders
      ? readProxyHeaders(spec.defaultConfig.proxyHeaders)
      : before.proxyHeaders,
    ...(spec.caCertificates ? readTrustAnchors(spec.caCertificates, joinPath(path, "caCertificates"), reporter) : {}),
    clusterStatNames: reader.clusterStatNames(),
    mergesMetrics: spec.enablePrometheusMerge ?? before.mergesMetrics,
    listenPorts: listenPortsOf(spec, before.listenPorts),
    connections: spec.defaultConfig?.connectionSettings
      ? readConnectionSettings(spec.defaultConfig.connectionSettings)
      : before.connections,
    ...readMeshTlsSettings(spec, path, before, reporter),
    authorizers: providers ? providers.authorizers : before.authorizers,
    providers: providers ? providers.told : before.providers,
    tracing: readTracing(spec, path, before.tracing, { clusterDomain: before.clusterDomain, reporter }),
    logServices: readLogServices(spec, path, before.logServices, { clusterDomain: before.clusterDomain, reporter }),
    defaultProviders: spec.defaultProviders ? defaultProvidersOf(spec.defaultProviders) : before.defaultProviders,
    defaults: reader.defaults(),
  };
  return reporter.failed ? undefined : settings;
}

/** Heddle's own, whatever the settings call Istio's. */
const OWN_ROOT = "heddle-system";

const PATHS: Readonly<Record<string, PathNormalization>> = {
  DEFAULT: "base",
  NONE: "none",
  BASE: "base",
  MERGE_SLASHES: "merge-slashes",
  DECODE_AND_MERGE_SLASHES: "decode-and-merge-slashes",
};

const OUTBOUND_POLICIES: Readonly<Record<string, OutboundPolicy>> = {
  ALLOW_ANY: "allow-any",
  ALLOW_ANY_DYNAMIC_DNS: "dynamic-dns",
  REGISTRY_ONLY: "registry-only",
};

const STAT_NAME_VARIABLES = [
  "%SERVICE%",
  "%SERVICE_NAME%",
  "%SERVICE_FQDN%",
  "%SERVICE_PORT%",
  "%SERVICE_PORT_NAME%",
  "%TARGET_PORT%",
  "%SUBSET_NAME%",
];

/** What allocated addresses to ServiceEntries in proxies, before the control plane did. */
const OLD_ALLOCATION = "ISTIO_META_DNS_AUTO_ALLOCATE";

class MeshConfigReader {
  readonly #spec: MeshConfigSpec;
  readonly #path: string;
  readonly #before: MeshSettings;
  readonly #reporter: Reporter;

  constructor(spec: MeshConfigSpec, path: string, before: MeshSettings, reporter: Reporter) {
    this.#spec = spec;
    this.#path = path;
    this.#before = before;
    this.#reporter = reporter;
  }

  trustDomain(choice: TrustDomainChoice): string {
    const { trustDomain: current } = this.#before;
    const { trustDomain = current } = this.#spec;
    const path = joinPath(this.#path, "trustDomain");
    if (!isTrustDomain(trustDomain))
      this.#reporter.report(path, diagnostics.badTrustDomain("trustDomain", trustDomain));
    else if (choice === "made" && trustDomain !== current)
      this.#reporter.report(path, diagnostics.trustDomainChanged(trustDomain, current));
    return trustDomain;
  }

  trustDomainAliases(): readonly string[] {
    const { trustDomainAliases: aliases } = this.#spec;
    const path = joinPath(this.#path, "trustDomainAliases");
    aliases?.forEach((alias, i) => {
      if (isTrustDomain(alias)) return;
      this.#reporter.report(joinPath(path, i), diagnostics.badTrustDomain(`trustDomainAliases[${i}]`, alias));
    });
    return aliases ?? this.#before.trustDomainAliases;
  }

  rootNamespaces(): readonly string[] {
    const { rootNamespace: root } = this.#spec;
    if (root === undefined) return this.#before.rootNamespaces;
    if (!isObjectName(root))
      this.#reporter.report(joinPath(this.#path, "rootNamespace"), diagnostics.badNamespace("rootNamespace", root));
    return [...new Set([OWN_ROOT, root])];
  }

  outboundPolicy(): OutboundPolicy {
    const { outboundTrafficPolicy } = this.#spec;
    return outboundTrafficPolicy ? OUTBOUND_POLICIES[outboundTrafficPolicy.mode]! : this.#before.outboundPolicy;
  }

  /** Of no namespace, whose Secrets it could name. */
  dynamicTls(): OriginatedTls | undefined {
    const { outboundTrafficPolicy } = this.#spec;
    if (!outboundTrafficPolicy) return this.#before.dynamicTls;
    const { mode, tls } = outboundTrafficPolicy;
    if (!tls) return undefined;
    const path = joinPath(joinPath(this.#path, "outboundTrafficPolicy"), "tls");
    if (mode !== "ALLOW_ANY_DYNAMIC_DNS") this.#reporter.report(path, tlsOfDynamicDns(mode));
    for (const field of ["credentialName", "caCertCredentialName"] as const)
      if (tls[field] !== undefined) this.#reporter.report(joinPath(path, field), secretOfNoNamespace(field));
    const read = readTls(tls, path, this.#reporter);
    return read.kind === "disable" ? undefined : read;
  }

  /** A short name is of the root namespace: settings are of no other. */
  egressProxy(): BackendTarget | undefined {
    const { outboundTrafficPolicy } = this.#spec;
    const { clusterDomain, rootNamespaces, egressProxy: before } = this.#before;
    if (!outboundTrafficPolicy) return before;
    const { egressProxy, mode } = outboundTrafficPolicy;
    if (!egressProxy) return undefined;
    const path = joinPath(joinPath(this.#path, "outboundTrafficPolicy"), "egressProxy");
    if (mode !== "ALLOW_ANY") this.#reporter.report(path, egressProxyNeedsAllowAny());
    if (!egressProxy.port) this.#reporter.report(path, egressProxyPort());
    const root = this.#spec.rootNamespace ?? rootNamespaces.at(-1) ?? OWN_ROOT;
    const host = resolveHost(egressProxy.host, root, clusterDomain);
    return { kind: "service", host, subset: egressProxy.subset, port: egressProxy.port?.number, path };
  }

  pathNormalization(): PathNormalization {
    const { pathNormalization } = this.#spec;
    if (!pathNormalization) return this.#before.pathNormalization;
    return PATHS[pathNormalization.normalization ?? "DEFAULT"]!;
  }

  clusterStatNames(): ClusterStatNames {
    const { inbound, outbound } = this.#before.clusterStatNames;
    return {
      inbound: this.#statName("inboundClusterStatName") ?? inbound,
      outbound: this.#statName("outboundClusterStatName") ?? outbound,
    };
  }

  #statName(field: "inboundClusterStatName" | "outboundClusterStatName"): string | undefined {
    const pattern = this.#spec[field];
    for (const [variable] of pattern?.matchAll(/%[A-Z_]+%/g) ?? [])
      if (!STAT_NAME_VARIABLES.includes(variable))
        this.#reporter.report(joinPath(this.#path, field), diagnostics.badStatName(variable, STAT_NAME_VARIABLES));
    return pattern;
  }

  defaults(): MeshDefaults {
    const { defaultHttpRetryPolicy, defaultInboundHttpRetryPolicy, defaultConfig } = this.#spec;
    const { defaults } = this.#before;
    const retryPath = joinPath(this.#path, "defaultHttpRetryPolicy");
    const inboundPath = joinPath(this.#path, "defaultInboundHttpRetryPolicy");
    return {
      ...defaults,
      retry: readRetry(defaultHttpRetryPolicy, retryPath, this.#reporter) ?? defaults.retry,
      inboundRetry: readRetry(defaultInboundHttpRetryPolicy, inboundPath, this.#reporter) ?? defaults.inboundRetry,
      client: this.#client(defaults.client),
      visibility: this.#visibility(defaults.visibility),
      gateway: this.#gateway(defaults.gateway),
      proxyStart: defaultConfig ? this.#proxyStart(defaultConfig) : defaults.proxyStart,
    };
  }

  #gateway(before: GatewayProxy): GatewayProxy {
    const { gatewayTopology: topology, connectionSettings } = this.#spec.defaultConfig ?? {};
    return {
      ...(topology ? gatewayOf(topology) : before),
      connections: connectionSettings ? readGatewayConnections(connectionSettings) : before.connections,
    };
  }

  #proxyStart(defaultConfig: ProxyConfigSpec): MeshDefaults["proxyStart"] {
    const path = joinPath(this.#path, "defaultConfig");
    if (Object.hasOwn(defaultConfig.proxyMetadata ?? {}, OLD_ALLOCATION))
      this.#reporter.report(
        joinPath(joinPath(path, "proxyMetadata"), OLD_ALLOCATION),
        allocationByMetadata(OLD_ALLOCATION),
      );
    checkRuntime(defaultConfig.runtimeValues, joinPath(path, "runtimeValues"), this.#reporter);
    checkVariables(defaultConfig.proxyMetadata ?? {}, joinPath(path, "proxyMetadata"), this.#reporter);
    return startOf(defaultConfig, path, this.#reporter);
  }

  #client(before: MeshDefaults["client"]): MeshDefaults["client"] {
    const { connectTimeout, h2UpgradePolicy, tcpKeepalive, dnsRefreshRate, enableAutoMtls } = this.#spec;
    const { connectionPool: limits, outlierDetection } = this.#spec.defaultTrafficPolicy ?? {};
    const pool = before.connectionPool;
    const { clusterPerConnectionBufferLimitBytes: bufferBytes } = this.#spec.defaultConfig?.connectionSettings ?? {};
    const locality = this.#locality();
    return {
      ...before,
      ...(locality ? { loadBalancing: { ...(before.loadBalancing ?? { kind: "least-request" }), locality } } : {}),
      connectionPool: {
        ...pool,
        connectTimeoutMs: connectTimeout ?? pool?.connectTimeoutMs,
        tcpKeepalive: tcpKeepalive ? keepaliveOf(tcpKeepalive) : pool?.tcpKeepalive,
        dnsRefreshMs: dnsRefreshRate ?? pool?.dnsRefreshMs,
        bufferBytes: bufferBytes ?? pool?.bufferBytes,
        upgradeToHttp2: h2UpgradePolicy ? h2UpgradePolicy === "UPGRADE" : pool?.upgradeToHttp2,
      },
      limits: limits ? readConnectionPool(limits) : before.limits,
      outlierDetection: outlierDetection ? readOutlierDetection(outlierDetection) : before.outlierDetection,
      // Without auto mTLS who says nothing of TLS speaks plaintext.
      tls: enableAutoMtls === undefined ? before.tls : enableAutoMtls ? undefined : { kind: "disable" },
    };
  }

  /** Of two that are on, zones count, as in a DestinationRule. */
  #locality(): LocalityPreference | undefined {
    const { localityLbSetting, zoneAwareLbSetting } = this.#spec;
    const at = (field: string) => joinPath(this.#path, field);
    const localities = localityLbSetting && readLocality(localityLbSetting, at("localityLbSetting"), this.#reporter);
    const zones = zoneAwareLbSetting && readZones(zoneAwareLbSetting, at("zoneAwareLbSetting"), this.#reporter);
    if (zones && localities && localities.kind !== "none")
      this.#reporter.report(at("zoneAwareLbSetting"), zonesBesideLocalities());
    return zones ?? localities;
  }

  #visibility(before: DefaultVisibilities): DefaultVisibilities {
    return {
      services: this.#exportTo("defaultServiceExportTo") ?? before.services,
      routes: this.#exportTo("defaultVirtualServiceExportTo") ?? before.routes,
      clientPolicies: this.#exportTo("defaultDestinationRuleExportTo") ?? before.clientPolicies,
    };
  }

  #exportTo(
    field: "defaultServiceExportTo" | "defaultVirtualServiceExportTo" | "defaultDestinationRuleExportTo",
  ): DefaultVisibility | undefined {
    const namespaces = this.#spec[field] ?? [];
    namespaces.forEach((namespace, i) => {
      if (["*", ".", "~"].includes(namespace) || isObjectName(namespace)) return;
      const path = joinPath(joinPath(this.#path, field), i);
      this.#reporter.report(path, diagnostics.badExport(`${field}[${i}]`, namespace));
    });
    return namespaces.length === 0 ? undefined : defaultVisibilityOf(namespaces);
  }
}

function defaultProvidersOf({ accessLogging = [], tracing = [] }: DefaultProvidersSpec): DefaultProviders {
  return { logging: accessLogging, tracing };
}

function listenPortsOf(
  { proxyListenPort, proxyInboundListenPort, proxyHttpPort }: MeshConfigSpec,
  before: ListenPorts,
): ListenPorts {
  return {
    outbound: proxyListenPort ?? before.outbound,
    inbound: proxyInboundListenPort ?? before.inbound,
    http: proxyHttpPort === undefined ? before.http : proxyHttpPort || undefined,
  };
}

function keepaliveOf({ probes, time, interval }: NonNullable<MeshConfigSpec["tcpKeepalive"]>): TcpKeepalive {
  return { probes: probes === 0 ? undefined : probes, idleMs: time, intervalMs: interval };
}

function gatewayOf(topology: GatewayTopologySpec): GatewayProxy {
  const { numTrustedProxies = 0, forwardClientCertDetails = "UNDEFINED", proxyProtocol } = topology;
  return {
    trustedProxies: numTrustedProxies,
    clientCertificate: forwardClientCertDetails === "UNDEFINED" ? "SANITIZE_SET" : forwardClientCertDetails,
    proxyProtocol: proxyProtocol !== undefined,
  };
}
