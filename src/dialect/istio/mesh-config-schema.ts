// Every field of Istio's MeshConfig, and what its ConfigMap holds beside it.

import {
  choice,
  duration,
  flag,
  later,
  list,
  mapOf,
  notEmpty,
  openRecord,
  port,
  record,
  required,
  text,
  type Value,
  whole,
} from "../schema.ts";
import { CONNECTION_POOL, OUTLIER_DETECTION, TLS } from "./destination-rule-schema.ts";
import { EXTENSION_PROVIDER } from "./extension-provider-schema.ts";
import { LOCALITY_LB_SETTING, ZONE_AWARE_LB_SETTING } from "./locality-schema.ts";
import { PROXY_CONFIG } from "./proxy-config-schema.ts";
import { EGRESS_PROXY } from "./sidecar-schema.ts";
import { RETRIES } from "./virtual-service-schema.ts";

const MAX_INT32 = 2 ** 31 - 1;
const MAX_PORT = 65_535;

const TLS_VERSION = choice("TLS_AUTO", "TLSV1_2", "TLSV1_3");

const NO_INGRESS = later("Ingress objects are not read");
const OWN_AUTHORITY = later("the mesh's own authority signs");

const NAMESPACE_SELECTOR = record({
  matchLabels: mapOf(text("label-value"), "label-key"),
  matchExpressions: list(
    record({
      key: required(notEmpty()),
      operator: required(choice("In", "NotIn", "Exists", "DoesNotExist")),
      values: list(text("label-value")),
    }),
  ),
});

const VISIBILITY = choice("UNSPECIFIED", "VISIBILITY_UNSPECIFIED", "PUBLIC", "NAMESPACE", "NONE");

export const MESH_CONFIG = record({
  accessLogEncoding: choice("TEXT", "JSON"),
  /** "": off. */
  accessLogFile: text(),
  accessLogFormat: text(),
  caCertificates: list(
    record(
      {
        pem: notEmpty(),
        spiffeBundleUrl: later("no bundles are fetched: roots are trusted that stand in pem"),
        certSigners: list(notEmpty()),
        trustDomains: list(notEmpty()),
      },
      [["pem", "spiffeBundleUrl"]],
    ),
  ),
  // Istio's (ValidateConnectTimeout).
  connectTimeout: duration(1, { maxMs: 3_600_000 }),
  defaultConfig: PROXY_CONFIG,
  defaultDestinationRuleExportTo: list(notEmpty()),
  defaultHttpRetryPolicy: RETRIES,
  defaultInboundHttpRetryPolicy: RETRIES,
  defaultProviders: record({ accessLogging: list(notEmpty()), metrics: list(notEmpty()), tracing: list(notEmpty()) }),
  defaultServiceExportTo: list(notEmpty()),
  defaultTrafficPolicy: record({ connectionPool: CONNECTION_POOL, outlierDetection: OUTLIER_DETECTION }),
  defaultVirtualServiceExportTo: list(notEmpty()),
  discoverySelectors: list(NAMESPACE_SELECTOR),
  // Envoy takes none of 1 ms.
  dnsRefreshRate: duration(2),
  enableAutoMtls: flag(),
  /** Beside accessLogFile, to envoyAccessLogService of defaultConfig. */
  enableEnvoyAccessLogService: flag(),
  enablePrometheusMerge: flag(),
  /** True is what holds (held-settings.ts). */
  disableEnvoyListenerLog: flag(),
  /** False: `tracing` of defaultConfig tells nobody; Telemetry does all the same. */
  enableTracing: flag(),
  extensionProviders: list(EXTENSION_PROVIDER),
  h2UpgradePolicy: choice("DO_NOT_UPGRADE", "UPGRADE"),
  /** Empty: the cluster's name. */
  inboundClusterStatName: text(),
  inboundTrafficPolicy: record({ mode: choice("PASSTHROUGH", "LOCALHOST") }),
  localityLbSetting: LOCALITY_LB_SETTING,
  meshMTLS: record({
    minProtocolVersion: TLS_VERSION,
    cipherSuites: list(notEmpty()),
    /** Refused, as in Istio: proxies choose them. */
    ecdhCurves: list(notEmpty()),
  }),
  /** As inboundClusterStatName. */
  outboundClusterStatName: text(),
  outboundTrafficPolicy: record({
    // Unset it would be the enum's zero, REGISTRY_ONLY, which nobody means who writes an empty block.
    mode: required(choice("ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS", "REGISTRY_ONLY")),
    egressProxy: EGRESS_PROXY,
    /** Of requests, with ALLOW_ANY_DYNAMIC_DNS. */
    tls: TLS,
  }),
  pathNormalization: record({
    normalization: choice("DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"),
  }),
  /** 0 is for ever. */
  protocolDetectionTimeout: duration(0, { stepMs: 1 }),
  /** 0: where workloads say so, alone. */
  proxyHttpPort: whole(0, MAX_PORT),
  proxyInboundListenPort: port(),
  proxyListenPort: port(),
  rootNamespace: notEmpty(),
  serviceEntryVisibility: record({
    defaultVisibility: VISIBILITY,
    policies: list(
      record({ visibility: VISIBILITY, matchingRules: list(record({ namespaceSelector: NAMESPACE_SELECTOR })) }),
    ),
    /** Of gateways, too. */
    applyToSidecars: flag(),
  }),
  tcpKeepalive: record({ probes: whole(0, MAX_INT32), time: duration(), interval: duration() }),
  tlsDefaults: record({
    cipherSuites: list(notEmpty()),
    ecdhCurves: list(notEmpty()),
    minProtocolVersion: TLS_VERSION,
  }),
  trustDomain: notEmpty(),
  trustDomainAliases: list(notEmpty()),
  /** Servers are verified whatever it says, as in Istio. */
  verifyCertificateAtClient: flag(),
  zoneAwareLbSetting: ZONE_AWARE_LB_SETTING,
  // Known and not acted on.
  ca: OWN_AUTHORITY,
  certificates: later("no Secrets are made for DNS names: each workload has its certificate from its agent"),
  configSources: later("objects come from the API and the watched folder"),
  hboneIdleTimeout: later("it is of an ambient mesh; a tunnel of a sidecar ends with its connection"),
  ingressClass: NO_INGRESS,
  ingressControllerMode: NO_INGRESS,
  ingressSelector: NO_INGRESS,
  ingressService: NO_INGRESS,
  serviceScopeConfigs: later("it is of an ambient mesh of several clusters; there is one"),
  serviceSettings: later("there is one cluster, and every service is local to it"),
});

/** Of the ConfigMap: each in YAML, as text. */
export const MESH_CONFIG_MAP = openRecord({
  data: required(openRecord({ mesh: required(text()), meshNetworks: text() })),
});

const NETWORK = record({
  endpoints: list(record({ fromCidr: text("cidr"), fromRegistry: text("dns-label") }, [["fromCidr", "fromRegistry"]])),
  gateways: list(
    record(
      {
        registryServiceName: text("host"),
        address: text("host-or-address"),
        port: required(port()),
        locality: text(),
      },
      [["registryServiceName", "address"]],
    ),
  ),
});

export const MESH_NETWORKS = record({ networks: mapOf(NETWORK) });

export type MeshConfigSpec = Value<typeof MESH_CONFIG>;
