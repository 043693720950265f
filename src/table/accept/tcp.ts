// TcpProxy.

import type {
  TcpProxy,
  TcpProxy_TunnelingConfig,
} from "../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import type { HashPolicy } from "../../xds/gen/envoy/type/v3/hash_policy_pb.ts";
import { parseFormat } from "../format/format.ts";
import type { TcpClusterChoice, TcpHash, TcpTable, Tunneling } from "../tcp.ts";
import { acceptAccessLogs } from "./access-log.ts";
import { acceptOperations } from "./header-mutation.ts";
import { milliseconds, type Scope } from "./scope.ts";

/** Envoy's default (tcp_proxy.proto). */
const DEFAULT_IDLE_TIMEOUT_MS = 3_600_000;

function acceptClusters(scope: Scope, proxy: TcpProxy): TcpClusterChoice {
  const by = proxy.clusterSpecifier;
  if (by.case === "cluster") return { kind: "single", name: by.value };
  let sum = 0;
  const clusters = (by.value?.clusters ?? []).map((cluster, i) => {
    scope.field("weighted_clusters").field("clusters").index(i).only(cluster, ["name", "weight"]);
    sum += cluster.weight;
    return { name: cluster.name, upTo: sum };
  });
  if (sum === 0) scope.reject("no cluster, or all weights are 0");
  return { kind: "weighted", total: sum, clusters };
}

function acceptHash(scope: Scope, policies: readonly HashPolicy[]): TcpHash | undefined {
  if (policies.length > 1) scope.reject("more than one policy");
  const [policy] = policies;
  if (!policy) return undefined;
  const { policySpecifier: by } = policy;
  if (by.case === "sourceIp") return { kind: "source-ip" };
  if (by.case === "filterState") return { kind: "filter-state", key: by.value.key };
  scope.index(0).reject("no policy");
  return undefined;
}

function acceptTunneling(scope: Scope, config: TcpProxy_TunnelingConfig): Tunneling | undefined {
  scope.only(config, ["hostname", "usePost", "headersToAdd", "postPath"]);
  if (config.postPath !== "" && !config.usePost) scope.field("post_path").reject("needs use_post");
  const hostname = parseFormat(config.hostname, process.env);
  if ("error" in hostname) {
    scope.field("hostname").reject(hostname.error);
    return undefined;
  }
  return {
    hostname: hostname.format,
    postPath: config.usePost ? config.postPath || "/" : undefined,
    headers: acceptOperations(scope.field("headers_to_add"), config.headersToAdd),
  };
}

export function acceptTcp(scope: Scope, proxy: TcpProxy): TcpTable {
  scope.only(proxy, [
    "statPrefix",
    "clusterSpecifier",
    "idleTimeout",
    "accessLog",
    "maxConnectAttempts",
    "hashPolicy",
    "tunnelingConfig",
    "maxDownstreamConnectionDuration",
    "accessLogFlushInterval",
    "flushAccessLogOnConnected",
    "accessLogOptions",
  ]);
  const options = proxy.accessLogOptions;
  return {
    statPrefix: proxy.statPrefix,
    cluster: acceptClusters(scope, proxy),
    idleTimeoutMs: milliseconds(proxy.idleTimeout, DEFAULT_IDLE_TIMEOUT_MS),
    maxDurationMs: milliseconds(proxy.maxDownstreamConnectionDuration, 0),
    maxConnectAttempts: proxy.maxConnectAttempts ?? 1,
    hash: acceptHash(scope.field("hash_policy"), proxy.hashPolicy),
    tunneling: proxy.tunnelingConfig && acceptTunneling(scope.field("tunneling_config"), proxy.tunnelingConfig),
    accessLogs: acceptAccessLogs(scope.field("access_log"), proxy.accessLog),
    logsConnected: options?.flushAccessLogOnConnected ?? proxy.flushAccessLogOnConnected,
    logIntervalMs: milliseconds(options?.accessLogFlushInterval ?? proxy.accessLogFlushInterval, 0),
  };
}
