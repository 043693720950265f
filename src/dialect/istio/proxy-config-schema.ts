// Every field of Istio's ProxyConfig as MeshConfig has it (`defaultConfig`).

import { CLIENT_CERTIFICATE_FORWARDING } from "../../model/proxy-headers.ts";
import {
  choice,
  duration,
  flag,
  later,
  list,
  mapOf,
  notEmpty,
  port,
  real,
  record,
  required,
  text,
  type Value,
  whole,
} from "../schema.ts";
import { TLS } from "./destination-rule-schema.ts";

const MAX_UINT32 = 2 ** 32 - 1;
const MAX_INT32 = 2 ** 31 - 1;

const KEEPALIVE = record({ probes: whole(0, MAX_INT32), time: duration(), interval: duration() });

const OF_THE_RUN = "`heddle run` says it";

const GATEWAY_TOPOLOGY = record({
  numTrustedProxies: whole(0, MAX_UINT32),
  forwardClientCertDetails: choice("UNDEFINED", ...CLIENT_CERTIFICATE_FORWARDING),
  /** There, even empty: connections begin with a PROXY header. */
  proxyProtocol: record({}),
});

const DISABLED = record({ disabled: flag() });
const ENABLED = record({ enabled: flag() });

const PROXY_HEADERS = record({
  forwardedClientCert: choice("UNDEFINED", ...CLIENT_CERTIFICATE_FORWARDING),
  setCurrentClientCertDetails: record({
    subject: flag(),
    cert: flag(),
    dns: flag(),
    uri: flag(),
    chain: later("certificates of authorities are not passed on"),
  }),
  requestId: DISABLED,
  server: record({ disabled: flag(), value: text() }),
  attemptCount: DISABLED,
  envoyDebugHeaders: DISABLED,
  // Requests that leave the mesh have none in either mode.
  metadataExchangeHeaders: record({ mode: choice("UNDEFINED", "IN_MESH") }),
  preserveHttp1HeaderCase: flag(),
  xForwardedHost: ENABLED,
  xForwardedPort: ENABLED,
});

const NO_SPANS = later("spans go to Zipkin and OpenTelemetry");

/** What holds where no Telemetry says it. */
const TRACING = record({
  zipkin: record({ address: required(notEmpty()) }),
  sampling: real(0, 100),
  customTags: mapOf(
    record(
      {
        literal: record({ value: required(notEmpty()) }),
        environment: record({ name: required(notEmpty()), defaultValue: text() }),
        header: record({ name: required(notEmpty("header-name")), defaultValue: text() }),
      },
      [["literal", "environment", "header"]],
    ),
  ),
  maxPathTagLength: whole(0, MAX_UINT32),
  enableIstioTags: flag(),
  datadog: NO_SPANS,
  lightstep: NO_SPANS,
  openCensusAgent: NO_SPANS,
  stackdriver: NO_SPANS,
  /** Of `zipkin`. */
  tlsSettings: TLS,
});

const STATS_MATCHER = record({
  inclusionPrefixes: list(notEmpty()),
  inclusionSuffixes: list(notEmpty()),
  inclusionRegexps: list(notEmpty("regex")),
});

/** Its bytes are a number of 32 bits in no proxy. */
const MAX_FLUSH_KB = 2 ** 20;

const CONNECTION_SETTINGS = record({
  profile: choice("PROFILE_UNSPECIFIED", "SIDECAR", "EDGE"),
  listenerPerConnectionBufferLimitBytes: whole(1, MAX_INT32),
  clusterPerConnectionBufferLimitBytes: whole(1, MAX_INT32),
  globalDownstreamConnectionLimit: whole(1, MAX_INT32),
  httpIdleTimeout: duration(0),
  httpMaxConnectionDuration: duration(0),
  httpStreamIdleTimeout: duration(0),
  httpRequestTimeout: duration(0),
  httpRequestHeadersTimeout: duration(0),
  httpMaxStreamDuration: duration(0),
  httpDrainTimeout: duration(0),
  httpMaxConcurrentStreams: whole(1, MAX_INT32),
  // Envoy's bounds.
  http2InitialStreamWindowSize: whole(65_535, MAX_INT32),
  http2InitialConnectionWindowSize: whole(65_535, MAX_INT32),
  httpHeadersWithUnderscoresAction: choice(
    "HEADERS_WITH_UNDERSCORES_UNSPECIFIED",
    "HEADERS_WITH_UNDERSCORES_ALLOW",
    "HEADERS_WITH_UNDERSCORES_REJECT_REQUEST",
    "HEADERS_WITH_UNDERSCORES_DROP_HEADER",
  ),
  httpMergeSlashes: flag(),
  httpPathWithEscapedSlashesAction: choice(
    "PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED",
    "KEEP_UNCHANGED",
    "REJECT_REQUEST",
    "UNESCAPE_AND_REDIRECT",
    "UNESCAPE_AND_FORWARD",
  ),
});

/** 0 is all cores. */
export const CONCURRENCY = whole(0, MAX_INT32);

export const PROXY_CONFIG = record({
  gatewayTopology: GATEWAY_TOPOLOGY,
  availabilityZone: later("a workload is where its labels or its WorkloadEntry say"),
  binaryPath: later("the agent starts the proxy that comes with it"),
  caCertificatesPem: list(notEmpty()),
  concurrency: CONCURRENCY,
  configPath: later("the agent chooses where the proxy's files are"),
  connectionSettings: CONNECTION_SETTINGS,
  controlPlaneAuthPolicy: later("the control plane speaks mutual TLS"),
  customConfigFile: later("the agent writes the proxy's bootstrap"),
  discoveryAddress: later(`${OF_THE_RUN} (--control-plane), and the join token`),
  discoveryRefreshDelay: later("changes are pushed"),
  // Seconds: Envoy counts in them.
  drainDuration: duration(1_000, { stepMs: 1_000 }),
  envoyAccessLogService: record({
    address: notEmpty(),
    tlsSettings: TLS,
    tcpKeepalive: KEEPALIVE,
  }),
  envoyMetricsService: record({
    address: notEmpty(),
    tlsSettings: TLS,
    tcpKeepalive: KEEPALIVE,
  }),
  /** Said to no effect: labels that Telemetry adds need no declaration. */
  extraStatTags: list(notEmpty()),
  fileFlushInterval: duration(),
  fileFlushMinSizeKb: whole(0, MAX_FLUSH_KB),
  /** True is what holds (held-settings.ts). */
  holdApplicationUntilProxyStarts: flag(),
  image: later("the agent starts the proxy that comes with it"),
  interceptionMode: later(`${OF_THE_RUN} (--capture, by redirection); Pods are injected by nobody`),
  meshId: later("the mesh is known by its trust domain"),
  parentShutdownDuration: later("no proxy lives on beside the one that replaces it for longer than it drains"),
  privateKeyProvider: later("keys are made and held by the agent"),
  proxyAdminPort: port(),
  proxyBootstrapTemplatePath: later("the agent writes the proxy's bootstrap"),
  proxyHeaders: PROXY_HEADERS,
  proxyMetadata: mapOf(text()),
  /** Empty: proxies tell all of their statistics. */
  proxyStatsMatcher: STATS_MATCHER,
  readinessProbe: later(
    "an endpoint is ready once its proxy acknowledged its listener, and Pods are injected by nobody",
  ),
  runtimeValues: mapOf(text()),
  sds: later("secrets come over the agent's socket"),
  serviceCluster: later("a workload is named by its labels"),
  statNameLength: later("names of statistics have no limit; Envoy has no option for one any more"),
  statsCompression: flag(),
  /** IP address and port. */
  statsdUdpAddress: notEmpty(),
  statusPort: port(),
  terminationDrainDuration: duration(0),
  tracing: TRACING,
  tracingServiceName: choice("APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", "CANONICAL_NAME_AND_NAMESPACE"),
  /** Deprecated: `tracing.zipkin`. */
  zipkinAddress: notEmpty(),
});

export type ProxyConfigSpec = Value<typeof PROXY_CONFIG>;
export type ConnectionSettingsSpec = Value<typeof CONNECTION_SETTINGS>;
export type ProxyHeadersSpec = Value<typeof PROXY_HEADERS>;
export type GatewayTopologySpec = Value<typeof GATEWAY_TOPOLOGY>;
