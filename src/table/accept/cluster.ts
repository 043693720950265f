// Clusters.

import type {
  CircuitBreakers,
  CircuitBreakers_Thresholds,
} from "../../xds/gen/envoy/config/cluster/v3/circuit_breaker_pb.ts";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  type Cluster_PreconnectPolicy,
} from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { RoutingPriority } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type {
  Http2ProtocolOptions,
  UpstreamHttpProtocolOptions,
} from "../../xds/gen/envoy/config/core/v3/protocol_pb.ts";
import { ClusterConfigSchema as AggregateSchema } from "../../xds/gen/envoy/extensions/clusters/aggregate/v3/cluster_pb.ts";
import { DnsClusterSchema } from "../../xds/gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.ts";
import { ClusterConfigSchema } from "../../xds/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.ts";
import {
  type HttpProtocolOptions_OutlierDetection,
  HttpProtocolOptionsSchema,
} from "../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import type * as table from "../cluster.ts";
import { type Health, NO_ENDPOINTS } from "../endpoint.ts";
import type { Keepalive } from "../http.ts";
import type { ResponseMatch } from "../response-match.ts";
import { acceptBalancing } from "./balancing.ts";
import { fetchTimeoutMs } from "./config-source.ts";
import { acceptDns, acceptDnsExtension } from "./dns.ts";
import { acceptEndpoints, HEALTH } from "./endpoint.ts";
import { acceptHttp1 } from "./header-key-format.ts";
import { acceptHealthChecks } from "./health-check.ts";
import { acceptKeepalive, acceptTcpKeepalive } from "./keepalive.ts";
import { readMetadata, readOrigin, readService, readStrings } from "./metadata.ts";
import { acceptOutlierDetection } from "./outlier-detection.ts";
import { acceptResponseMatch } from "./response-match.ts";
import { isA, milliseconds, type Scope } from "./scope.ts";
import type { InlineSecrets } from "./secret.ts";
import { acceptUpstreamSocket } from "./tls.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Envoy's defaults (Cluster.connect_timeout, circuit_breaker.proto, HttpProtocolOptions.idle_timeout). */
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_THRESHOLD = 1_024;
const DEFAULT_RETRIES = 3;
const DEFAULT_IDLE_TIMEOUT_MS = 3_600_000;
const DEFAULT_CLEANUP_MS = 5_000;
/** Envoy's: UNKNOWN, HEALTHY, DEGRADED. */
const SESSION_HEALTH: ReadonlySet<Health> = new Set(["healthy", "degraded"]);

function acceptDiscovery(scope: Scope, cluster: Cluster): table.Discovery {
  const by = cluster.clusterDiscoveryType;
  const endpoints = cluster.loadAssignment
    ? acceptEndpoints(scope.field("load_assignment"), cluster.loadAssignment)
    : NO_ENDPOINTS;
  if (by.case === "clusterType") {
    const at = scope.field("cluster_type").field("typed_config");
    const any = by.value.typedConfig;
    if (any && isA(any, AggregateSchema)) {
      const config = at.unpack(any, AggregateSchema);
      if (config?.clusters.length === 0) at.field("clusters").reject("empty");
      if (cluster.lbPolicy !== Cluster_LbPolicy.CLUSTER_PROVIDED && !cluster.loadBalancingPolicy)
        scope.field("lb_policy").reject("must be CLUSTER_PROVIDED for an aggregate");
      return { kind: "aggregate", clusters: config?.clusters ?? [] };
    }
    if (any && isA(any, DnsClusterSchema)) {
      const config = at.unpack(any, DnsClusterSchema);
      if (config) return acceptDnsExtension(at, config, endpoints);
    }
    const proxy = at.unpack(any, ClusterConfigSchema);
    // Of the cache, its limits and times are Heddle's own.
    if (proxy) at.only(proxy, ["clusterImplementationSpecifier", "allowInsecureClusterOptions"]);
    if (proxy?.clusterImplementationSpecifier.case === "subClustersConfig")
      at.field("sub_clusters_config").reject("not supported by Heddle's proxy");
    return { kind: "dynamic-forward-proxy" };
  }
  switch (by.value ?? Cluster_DiscoveryType.STATIC) {
    case Cluster_DiscoveryType.STATIC:
      return { kind: "static", endpoints };
    case Cluster_DiscoveryType.EDS:
      return {
        kind: "eds",
        serviceName: cluster.edsClusterConfig?.serviceName || cluster.name,
        fetchTimeoutMs: fetchTimeoutMs(cluster.edsClusterConfig?.edsConfig),
      };
    case Cluster_DiscoveryType.STRICT_DNS:
    case Cluster_DiscoveryType.LOGICAL_DNS:
      return acceptDns(scope, cluster, endpoints);
    case Cluster_DiscoveryType.ORIGINAL_DST:
      return acceptOriginalDestination(scope, cluster);
    default:
      scope.field("type").reject(`unknown value ${by.value}`);
      return { kind: "static", endpoints };
  }
}

/** Envoy's x-envoy-original-dst-host. */
const DESTINATION_HEADER = "x-envoy-original-dst-host";

function acceptOriginalDestination(scope: Scope, cluster: Cluster): table.Discovery {
  const config = cluster.lbConfig.case === "originalDstLbConfig" ? cluster.lbConfig.value : undefined;
  const at = scope.field("original_dst_lb_config");
  if (config) at.only(config, ["useHttpHeader", "httpHeaderName", "upstreamPortOverride"]);
  if (config?.httpHeaderName && !config.useHttpHeader) at.field("http_header_name").reject("only with use_http_header");
  const port = config?.upstreamPortOverride;
  if (port !== undefined && port > 65_535) at.field("upstream_port_override").reject("above 65535");
  const header = config?.useHttpHeader ? config.httpHeaderName.toLowerCase() || DESTINATION_HEADER : undefined;
  const cleanupMs = milliseconds(cluster.cleanupInterval, DEFAULT_CLEANUP_MS);
  if (cleanupMs <= 0) scope.field("cleanup_interval").reject("must be above 0");
  return { kind: "original-destination", header, port, cleanupMs };
}

interface Http2Options extends Keepalive {
  readonly maxConcurrentStreams: number;
}

const NO_HTTP2_OPTIONS: Http2Options = {
  maxConcurrentStreams: Number.POSITIVE_INFINITY,
  keepaliveIntervalMs: 0,
  keepaliveTimeoutMs: 0,
};

interface HttpOptions extends Http2Options {
  readonly preservesCase: boolean;
  readonly protocol: table.UpstreamProtocol;
  readonly idleTimeoutMs: number;
  readonly maxRequestsPerConnection: number;
  readonly maxConnectionDurationMs: number;
  readonly namedByRequest: table.NamedByRequest | undefined;
  readonly errorMatch: ResponseMatch | undefined;
}

/** Tunables of HTTP/2 that change nothing that a peer can see are taken as Heddle's own. */
function acceptHttp2(scope: Scope, options: Http2ProtocolOptions | undefined): Http2Options {
  if (!options) return NO_HTTP2_OPTIONS;
  scope.only(options, [
    "maxConcurrentStreams",
    "initialStreamWindowSize",
    "initialConnectionWindowSize",
    "allowConnect",
    "connectionKeepalive",
  ]);
  return {
    maxConcurrentStreams: options.maxConcurrentStreams ?? Number.POSITIVE_INFINITY,
    ...acceptKeepalive(scope.field("connection_keepalive"), options.connectionKeepalive),
  };
}

function acceptNames(scope: Scope, options: UpstreamHttpProtocolOptions | undefined): table.NamedByRequest | undefined {
  if (!options) return undefined;
  scope.only(options, ["autoSni", "autoSanValidation"]);
  const { autoSni: serverName, autoSanValidation: certificate } = options;
  return serverName || certificate ? { serverName, certificate } : undefined;
}

function acceptErrorMatch(
  scope: Scope,
  detection: HttpProtocolOptions_OutlierDetection | undefined,
): ResponseMatch | undefined {
  if (!detection?.errorMatcher) return undefined;
  scope.only(detection, ["errorMatcher"]);
  return acceptResponseMatch(scope.field("error_matcher"), detection.errorMatcher);
}

function acceptHttpOptions(scope: Scope, cluster: Cluster): HttpOptions {
  const none: HttpOptions = {
    protocol: "http1",
    preservesCase: false,
    idleTimeoutMs: DEFAULT_IDLE_TIMEOUT_MS,
    maxRequestsPerConnection: cluster.maxRequestsPerConnection ?? 0,
    maxConnectionDurationMs: 0,
    namedByRequest: undefined,
    errorMatch: undefined,
    ...NO_HTTP2_OPTIONS,
  };
  for (const name of Object.keys(cluster.typedExtensionProtocolOptions))
    if (name !== HTTP_OPTIONS) scope.key(name).reject("not supported by Heddle's proxy");
  const any = cluster.typedExtensionProtocolOptions[HTTP_OPTIONS];
  if (!any) return none;
  const at = scope.key(HTTP_OPTIONS);
  const options = at.unpack(any, HttpProtocolOptionsSchema);
  if (!options) return none;
  at.only(options, [
    "commonHttpProtocolOptions",
    "upstreamProtocolOptions",
    "upstreamHttpProtocolOptions",
    "outlierDetection",
  ]);
  const common = options.commonHttpProtocolOptions;
  if (common)
    at.field("common_http_protocol_options").only(common, [
      "idleTimeout",
      "maxRequestsPerConnection",
      "maxConnectionDuration",
    ]);
  const by = options.upstreamProtocolOptions;
  let protocol: table.UpstreamProtocol = "http1";
  let http2 = NO_HTTP2_OPTIONS;
  let preservesCase = false;
  if (by.case === "explicitHttpConfig") {
    const explicit = by.value.protocolConfig;
    if (explicit.case === "http2ProtocolOptions") {
      protocol = "http2";
      http2 = acceptHttp2(at.field("explicit_http_config").field("http2_protocol_options"), explicit.value);
    } else if (explicit.case === "http3ProtocolOptions")
      at.field("explicit_http_config").reject("HTTP/3 is not supported by Heddle's proxy");
    else preservesCase = acceptHttp1(at.field("explicit_http_config").field("http_protocol_options"), explicit.value);
  } else if (by.case === "useDownstreamProtocolConfig") {
    protocol = "downstream";
    const downstream = at.field("use_downstream_protocol_config");
    downstream.only(by.value, ["httpProtocolOptions", "http2ProtocolOptions"]);
    preservesCase = acceptHttp1(downstream.field("http_protocol_options"), by.value.httpProtocolOptions);
    http2 = acceptHttp2(downstream.field("http2_protocol_options"), by.value.http2ProtocolOptions);
  } else if (by.case === "autoConfig")
    at.field("auto_config").reject("not supported by Heddle's proxy: it refuses plaintext");
  return {
    protocol,
    preservesCase,
    idleTimeoutMs: milliseconds(common?.idleTimeout, DEFAULT_IDLE_TIMEOUT_MS),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? cluster.maxRequestsPerConnection ?? 0,
    maxConnectionDurationMs: milliseconds(common?.maxConnectionDuration, 0),
    namedByRequest: acceptNames(at.field("upstream_http_protocol_options"), options.upstreamHttpProtocolOptions),
    errorMatch: acceptErrorMatch(at.field("outlier_detection"), options.outlierDetection),
    ...http2,
  };
}

const PRIORITIES = { default: RoutingPriority.DEFAULT, high: RoutingPriority.HIGH } as const;

function acceptThresholds(
  scope: Scope,
  breakers: CircuitBreakers | undefined,
  priority: keyof typeof PRIORITIES,
): table.CircuitBreakers {
  const ofPriority = (one: CircuitBreakers_Thresholds) => one.priority === PRIORITIES[priority];
  const index = breakers?.thresholds.findIndex(ofPriority) ?? -1;
  const threshold = breakers?.thresholds[index];
  const at = scope.field("thresholds").index(index);
  if (threshold)
    at.only(threshold, [
      "priority",
      "maxConnections",
      "maxPendingRequests",
      "maxRequests",
      "maxRetries",
      "retryBudget",
      "trackRemaining",
    ]);
  const perHost = breakers?.perHostThresholds.find(ofPriority);
  if (perHost) scope.field("per_host_thresholds").only(perHost, ["priority", "maxConnections"]);
  const budget = threshold?.retryBudget;
  if (budget) at.field("retry_budget").only(budget, ["budgetPercent", "budgetInterval", "minRetryConcurrency"]);
  const isSilent = threshold?.maxRetries === undefined && budget === undefined;
  return {
    maxConnections: threshold?.maxConnections ?? DEFAULT_THRESHOLD,
    maxPendingRequests: threshold?.maxPendingRequests ?? DEFAULT_THRESHOLD,
    maxRequests: threshold?.maxRequests ?? DEFAULT_THRESHOLD,
    maxRetries: threshold?.maxRetries ?? DEFAULT_RETRIES,
    maxConnectionsPerHost: perHost?.maxConnections ?? Number.POSITIVE_INFINITY,
    // Envoy's default is 3 retries at once, however many requests there are: a busy cluster could hardly retry at all.
    retryBudget:
      budget || isSilent
        ? {
            percent: budget?.budgetPercent?.value ?? 20,
            min: budget?.minRetryConcurrency ?? DEFAULT_RETRIES,
            intervalMs: milliseconds(budget?.budgetInterval, 0),
          }
        : undefined,
    tracksRemaining: threshold?.trackRemaining ?? false,
  };
}

function acceptBreakers(scope: Scope, breakers: CircuitBreakers | undefined): table.Cluster["breakers"] {
  if (breakers) scope.only(breakers, ["thresholds", "perHostThresholds"]);
  return {
    default: acceptThresholds(scope, breakers, "default"),
    high: acceptThresholds(scope, breakers, "high"),
  };
}

function acceptPreconnect(scope: Scope, policy: Cluster_PreconnectPolicy | undefined): number {
  if (policy) scope.only(policy, ["perUpstreamPreconnectRatio"]);
  const ratio = policy?.perUpstreamPreconnectRatio ?? 1;
  if (ratio < 1 || ratio > 3) scope.field("per_upstream_preconnect_ratio").reject("not from 1 to 3");
  return ratio;
}

export function acceptCluster(scope: Scope, cluster: Cluster, inline: InlineSecrets): table.Cluster {
  scope.only(cluster, [
    "name",
    "altStatName",
    "clusterDiscoveryType",
    "edsClusterConfig",
    "connectTimeout",
    "perConnectionBufferLimitBytes",
    "lbPolicy",
    "loadAssignment",
    "maxRequestsPerConnection",
    "circuitBreakers",
    "typedExtensionProtocolOptions",
    "dnsRefreshRate",
    "dnsFailureRefreshRate",
    "dnsLookupFamily",
    "dnsJitter",
    "typedDnsResolverConfig",
    "cleanupInterval",
    "respectDnsTtl",
    "commonLbConfig",
    "transportSocket",
    "transportSocketMatches",
    "metadata",
    "loadBalancingPolicy",
    "upstreamConnectionOptions",
    "lbConfig",
    "lbSubsetConfig",
    "preconnectPolicy",
    "outlierDetection",
    "healthChecks",
    "ignoreHealthOnHostRemoval",
  ]);
  if (cluster.name === "") scope.field("name").reject("empty");
  const connection = cluster.upstreamConnectionOptions;
  if (connection) scope.field("upstream_connection_options").only(connection, ["tcpKeepalive"]);
  const common = cluster.commonLbConfig;
  if (common)
    scope
      .field("common_lb_config")
      .only(common, [
        "healthyPanicThreshold",
        "localityConfigSpecifier",
        "consistentHashingLbConfig",
        "ignoreNewHostsUntilFirstHc",
        "updateMergeWindow",
        "overrideHostStatus",
      ]);
  // Envoy merges updates so that tables are built less often; Heddle builds them when a request asks, and has every update at once.
  if (milliseconds(common?.updateMergeWindow, 0) !== 0)
    scope.field("common_lb_config").field("update_merge_window").reject("only 0s: updates are in force at once");
  return {
    name: cluster.name,
    statName: cluster.altStatName || cluster.name,
    discovery: acceptDiscovery(scope, cluster),
    ...acceptHttpOptions(scope.field("typed_extension_protocol_options"), cluster),
    balancing: acceptBalancing(scope, cluster),
    connectTimeoutMs: milliseconds(cluster.connectTimeout, DEFAULT_CONNECT_TIMEOUT_MS),
    bufferLimitBytes: cluster.perConnectionBufferLimitBytes,
    socketMatches: cluster.transportSocketMatches.map((match, i) => {
      const at = scope.field("transport_socket_matches").index(i);
      return {
        name: match.name,
        criteria: readStrings(match.match),
        socket: acceptUpstreamSocket(at.field("transport_socket"), match.transportSocket, inline),
      };
    }),
    socket: acceptUpstreamSocket(scope.field("transport_socket"), cluster.transportSocket, inline),
    tcpKeepalive: acceptTcpKeepalive(
      scope.field("upstream_connection_options").field("tcp_keepalive"),
      connection?.tcpKeepalive,
    ),
    breakers: acceptBreakers(scope.field("circuit_breakers"), cluster.circuitBreakers),
    preconnectRatio: acceptPreconnect(scope.field("preconnect_policy"), cluster.preconnectPolicy),
    sessionHealth: common?.overrideHostStatus
      ? new Set(common.overrideHostStatus.statuses.flatMap((status) => HEALTH.get(status) ?? []))
      : SESSION_HEALTH,
    ignoreNewHostsUntilFirstCheck: common?.ignoreNewHostsUntilFirstHc ?? false,
    outlierDetection: acceptOutlierDetection(scope.field("outlier_detection"), cluster.outlierDetection),
    healthCheck: acceptHealthChecks(scope.field("health_checks"), cluster.healthChecks),
    ignoresHealthOnRemoval: cluster.ignoreHealthOnHostRemoval,
    service: readService(cluster.metadata),
    metadata: readMetadata(cluster.metadata),
    origin: readOrigin(cluster.metadata),
  };
}
