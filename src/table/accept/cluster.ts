// Clusters.

import { type Cluster, Cluster_DiscoveryType } from "../../xds/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { RoutingPriority } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { Http2ProtocolOptions } from "../../xds/gen/envoy/config/core/v3/protocol_pb.ts";
import { ClusterConfigSchema } from "../../xds/gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.ts";
import { ClusterProvidedSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/cluster_provided/v3/cluster_provided_pb.ts";
import { LeastRequestSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts";
import { RandomSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts";
import { RoundRobinSchema } from "../../xds/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts";
import { HttpProtocolOptionsSchema } from "../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";
import type * as table from "../cluster.ts";
import { NO_ENDPOINTS } from "../endpoint.ts";
import type { Keepalive } from "../http.ts";
import { acceptEndpoints } from "./endpoint.ts";
import { acceptKeepalive, acceptTcpKeepalive } from "./keepalive.ts";
import { readMetadata, readOrigin, readService, readStrings } from "./metadata.ts";
import { isA, milliseconds, type Scope } from "./scope.ts";
import type { InlineSecrets } from "./secret.ts";
import { acceptUpstreamSocket } from "./tls.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Envoy's defaults (Cluster.connect_timeout, circuit_breaker.proto, HttpProtocolOptions.idle_timeout). */
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_THRESHOLD = 1_024;
const DEFAULT_RETRIES = 3;
const DEFAULT_IDLE_TIMEOUT_MS = 3_600_000;
const DEFAULT_PANIC_THRESHOLD = 50;
const DEFAULT_DNS_REFRESH_MS = 5_000;

function acceptDiscovery(scope: Scope, cluster: Cluster): table.Discovery {
  const by = cluster.clusterDiscoveryType;
  if (by.case === "clusterType") {
    scope.field("cluster_type").field("typed_config").unpack(by.value.typedConfig, ClusterConfigSchema);
    return { kind: "dynamic-forward-proxy" };
  }
  const endpoints = cluster.loadAssignment
    ? acceptEndpoints(scope.field("load_assignment"), cluster.loadAssignment)
    : NO_ENDPOINTS;
  switch (by.value ?? Cluster_DiscoveryType.STATIC) {
    case Cluster_DiscoveryType.STATIC:
      return { kind: "static", endpoints };
    case Cluster_DiscoveryType.EDS:
      return { kind: "eds", serviceName: cluster.edsClusterConfig?.serviceName || cluster.name };
    case Cluster_DiscoveryType.STRICT_DNS:
    case Cluster_DiscoveryType.LOGICAL_DNS:
      return {
        kind: "dns",
        logical: by.value === Cluster_DiscoveryType.LOGICAL_DNS,
        endpoints,
        refreshMs: milliseconds(cluster.dnsRefreshRate, DEFAULT_DNS_REFRESH_MS),
      };
    case Cluster_DiscoveryType.ORIGINAL_DST:
      return { kind: "original-destination" };
    default:
      scope.field("type").reject(`unknown value ${by.value}`);
      return { kind: "static", endpoints };
  }
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
  readonly protocol: table.UpstreamProtocol;
  readonly idleTimeoutMs: number;
  readonly maxRequestsPerConnection: number;
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

function acceptHttpOptions(scope: Scope, cluster: Cluster): HttpOptions {
  const none: HttpOptions = {
    protocol: "http1",
    idleTimeoutMs: DEFAULT_IDLE_TIMEOUT_MS,
    maxRequestsPerConnection: 0,
    ...NO_HTTP2_OPTIONS,
  };
  for (const name of Object.keys(cluster.typedExtensionProtocolOptions))
    if (name !== HTTP_OPTIONS) scope.key(name).reject("not supported by Heddle's proxy");
  const any = cluster.typedExtensionProtocolOptions[HTTP_OPTIONS];
  if (!any) return none;
  const at = scope.key(HTTP_OPTIONS);
  const options = at.unpack(any, HttpProtocolOptionsSchema);
  if (!options) return none;
  at.only(options, ["commonHttpProtocolOptions", "upstreamProtocolOptions", "upstreamHttpProtocolOptions"]);
  const common = options.commonHttpProtocolOptions;
  if (common) at.field("common_http_protocol_options").only(common, ["idleTimeout", "maxRequestsPerConnection"]);
  const by = options.upstreamProtocolOptions;
  let protocol: table.UpstreamProtocol = "http1";
  let http2 = NO_HTTP2_OPTIONS;
  if (by.case === "explicitHttpConfig") {
    const explicit = by.value.protocolConfig;
    if (explicit.case === "http2ProtocolOptions") {
      protocol = "http2";
      http2 = acceptHttp2(at.field("explicit_http_config").field("http2_protocol_options"), explicit.value);
    } else if (explicit.case === "http3ProtocolOptions")
      at.field("explicit_http_config").reject("HTTP/3 is not supported by Heddle's proxy");
  } else if (by.case === "useDownstreamProtocolConfig") {
    protocol = "downstream";
    http2 = acceptHttp2(
      at.field("use_downstream_protocol_config").field("http2_protocol_options"),
      by.value.http2ProtocolOptions,
    );
  } else if (by.case === "autoConfig")
    at.field("auto_config").reject("not supported by Heddle's proxy: it refuses plaintext");
  return {
    protocol,
    idleTimeoutMs: milliseconds(common?.idleTimeout, DEFAULT_IDLE_TIMEOUT_MS),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? cluster.maxRequestsPerConnection ?? 0,
    ...http2,
  };
}

function acceptBalancer(scope: Scope, cluster: Cluster): table.BalancerPolicy {
  const policies = cluster.loadBalancingPolicy?.policies ?? [];
  if (policies.length === 0) return LEGACY_POLICIES[cluster.lbPolicy] ?? { kind: "round-robin" };
  const at = scope
    .field("load_balancing_policy")
    .field("policies")
    .index(0)
    .field("typed_extension_config")
    .field("typed_config");
  const any = policies[0]?.typedExtensionConfig?.typedConfig;
  if (any && isA(any, RoundRobinSchema)) return { kind: "round-robin" };
  if (any && isA(any, RandomSchema)) return { kind: "random" };
  if (any && isA(any, ClusterProvidedSchema)) return { kind: "round-robin" };
  const leastRequest = at.unpack(any, LeastRequestSchema);
  if (leastRequest) at.only(leastRequest, ["choiceCount"]);
  return { kind: "least-request", choices: leastRequest?.choiceCount ?? 2 };
}

/** Cluster.LbPolicy by number: ROUND_ROBIN, LEAST_REQUEST, (RING_HASH), RANDOM, (MAGLEV), CLUSTER_PROVIDED. */
const LEGACY_POLICIES: Readonly<Record<number, table.BalancerPolicy>> = {
  0: { kind: "round-robin" },
  1: { kind: "least-request", choices: 2 },
  3: { kind: "random" },
  6: { kind: "round-robin" },
};

function acceptBreakers(scope: Scope, cluster: Cluster): table.CircuitBreakers {
  const breakers = cluster.circuitBreakers;
  if (breakers) scope.only(breakers, ["thresholds"]);
  const threshold = breakers?.thresholds.find(({ priority }) => priority === RoutingPriority.DEFAULT);
  if (threshold)
    scope
      .field("thresholds")
      .index(0)
      .only(threshold, [
        "priority",
        "maxConnections",
        "maxPendingRequests",
        "maxRequests",
        "maxRetries",
        "retryBudget",
        "trackRemaining",
      ]);
  const budget = threshold?.retryBudget;
  return {
    maxConnections: threshold?.maxConnections ?? DEFAULT_THRESHOLD,
    maxPendingRequests: threshold?.maxPendingRequests ?? DEFAULT_THRESHOLD,
    maxRequests: threshold?.maxRequests ?? DEFAULT_THRESHOLD,
    maxRetries: threshold?.maxRetries ?? DEFAULT_RETRIES,
    retryBudget: budget && { percent: budget.budgetPercent?.value ?? 20, min: budget.minRetryConcurrency ?? 3 },
  };
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
    "dnsLookupFamily",
    "respectDnsTtl",
    "commonLbConfig",
    "transportSocket",
    "transportSocketMatches",
    "metadata",
    "loadBalancingPolicy",
    "upstreamConnectionOptions",
  ]);
  if (cluster.name === "") scope.field("name").reject("empty");
  const connection = cluster.upstreamConnectionOptions;
  if (connection) scope.field("upstream_connection_options").only(connection, ["tcpKeepalive"]);
  const common = cluster.commonLbConfig;
  if (common) scope.field("common_lb_config").only(common, ["healthyPanicThreshold"]);
  return {
    name: cluster.name,
    statName: cluster.altStatName || cluster.name,
    discovery: acceptDiscovery(scope, cluster),
    ...acceptHttpOptions(scope.field("typed_extension_protocol_options"), cluster),
    balancer: acceptBalancer(scope, cluster),
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
    breakers: acceptBreakers(scope.field("circuit_breakers"), cluster),
    panicThreshold: common?.healthyPanicThreshold?.value ?? DEFAULT_PANIC_THRESHOLD,
    service: readService(cluster.metadata),
    metadata: readMetadata(cluster.metadata),
    origin: readOrigin(cluster.metadata),
  };
}
