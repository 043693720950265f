// Listeners and their filter chains.

import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { TrafficDirection } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  type Filter,
  type FilterChain,
  FilterChainSchema,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { HttpInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts";
import { OriginalDstSchema } from "../../xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts";
import { TlsInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts";
import { HttpConnectionManagerSchema } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { RBACSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import {
  type TcpProxy,
  TcpProxySchema,
} from "../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import { NO_MUTATION } from "../header-mutation.ts";
import type * as table from "../listener.ts";
import type { RbacTable } from "../rbac.ts";
import type { StreamClusterChoice } from "../route.ts";
import type { DownstreamTls } from "../transport-socket.ts";
import { acceptAccessLogs } from "./access-log.ts";
import { acceptChainMatch, acceptChainMatcher, chainNames } from "./chain-matcher.ts";
import { acceptAddress } from "./endpoint.ts";
import { acceptHttp } from "./http.ts";
import { acceptKeepaliveOptions } from "./keepalive.ts";
import { readOrigin } from "./metadata.ts";
import { acceptRbac } from "./rbac.ts";
import { isA, milliseconds, type Scope } from "./scope.ts";
import type { InlineSecrets } from "./secret.ts";
import { acceptDownstreamTls } from "./tls.ts";

/** Envoy's defaults (listener.proto, tcp_proxy.proto). */
const DEFAULT_SNIFF_TIMEOUT_MS = 15_000;
const DEFAULT_TCP_IDLE_TIMEOUT_MS = 3_600_000;

function acceptTcpClusters(scope: Scope, proxy: TcpProxy): StreamClusterChoice {
  const by = proxy.clusterSpecifier;
  if (by.case === "cluster") return { kind: "single", name: by.value };
  let sum = 0;
  const clusters = (by.value?.clusters ?? []).map(({ name, weight }) => {
    sum += weight;
    return { name, weight, upTo: sum, headers: NO_MUTATION, filters: undefined, hostRewrite: undefined };
  });
  if (sum === 0) scope.reject("no cluster, or all weights are 0");
  return { kind: "weighted", total: sum, clusters, randomHeader: undefined };
}

function acceptTcp(scope: Scope, proxy: TcpProxy): table.TcpTable {
  scope.only(proxy, ["statPrefix", "clusterSpecifier", "idleTimeout", "accessLog", "maxConnectAttempts"]);
  return {
    statPrefix: proxy.statPrefix,
    cluster: acceptTcpClusters(scope, proxy),
    idleTimeoutMs: milliseconds(proxy.idleTimeout, DEFAULT_TCP_IDLE_TIMEOUT_MS),
    maxConnectAttempts: proxy.maxConnectAttempts ?? 1,
    accessLogs: acceptAccessLogs(scope.field("access_log"), proxy.accessLog),
  };
}

function acceptTerminal(scope: Scope, filter: Filter | undefined): table.Terminal | undefined {
  const any = filter?.configType.case === "typedConfig" ? filter.configType.value : undefined;
  if (any && isA(any, TcpProxySchema)) {
    const proxy = scope.unpack(any, TcpProxySchema);
    return proxy && { kind: "tcp", tcp: acceptTcp(scope, proxy) };
  }
  const manager = scope.unpack(any, HttpConnectionManagerSchema);
  return manager && { kind: "http", http: acceptHttp(scope, manager) };
}

function acceptNetworkFilters(scope: Scope, filters: readonly Filter[]): RbacTable[] {
  return filters.flatMap((filter, i) => {
    const at = scope.index(i).field("typed_config");
    const rbac = at.unpack(filter.configType.case === "typedConfig" ? filter.configType.value : undefined, RBACSchema);
    if (!rbac) return [];
    at.only(rbac, ["rules", "statPrefix"]);
    return rbac.rules ? [acceptRbac(at.field("rules"), rbac.rules)] : [];
  });
}

function acceptChain(scope: Scope, chain: FilterChain, inline: InlineSecrets): table.FilterChain | undefined {
  scope.only(chain, [
    "filterChainMatch",
    "filters",
    "transportSocket",
    "transportSocketConnectTimeout",
    "name",
    "metadata",
  ]);
  const last = chain.filters.length - 1;
  const terminal = acceptTerminal(
    scope.field("filters").index(Math.max(0, last)).field("typed_config"),
    chain.filters[last],
  );
  const rbac = acceptNetworkFilters(scope.field("filters"), chain.filters.slice(0, -1));
  const tls = acceptDownstreamTls(scope.field("transport_socket"), chain.transportSocket, inline);
  const fingerprint = createHash("sha256").update(toBinary(FilterChainSchema, chain)).digest("base64url");
  return terminal && { name: chain.name, fingerprint, tls, rbac, terminal };
}

function acceptSniffing(
  scope: Scope,
  listener: Listener,
): { sniff: table.Listener["sniff"]; originalDestination: boolean } {
  let tls = false;
  let http = false;
  let originalDestination = false;
  listener.listenerFilters.forEach((filter, i) => {
    const at = scope.field("listener_filters").index(i);
    const any = filter.configType.case === "typedConfig" ? filter.configType.value : undefined;
    if (any && isA(any, TlsInspectorSchema)) tls = true;
    else if (any && isA(any, HttpInspectorSchema)) http = true;
    else if (any && isA(any, OriginalDstSchema)) originalDestination = true;
    else at.reject(`${JSON.stringify(any?.typeUrl ?? filter.name)} is not supported by Heddle's proxy`);
  });
  const timeoutMs = milliseconds(listener.listenerFiltersTimeout, DEFAULT_SNIFF_TIMEOUT_MS);
  return {
    sniff:
      tls || http ? { tls, http, timeoutMs, continueOnTimeout: listener.continueOnListenerFiltersTimeout } : undefined,
    originalDestination,
  };
}

/** The settings that all chains share, ALPN united; a mixture is refused, because the handshake comes before the choice of a chain. */
function sharedTls(scope: Scope, chains: readonly table.FilterChain[]): DownstreamTls | undefined {
  const secure = chains.flatMap(({ tls }) => tls ?? []);
  const first = secure[0];
  if (!first) return undefined;
  const key = (tls: DownstreamTls) =>
    JSON.stringify([tls.certificate, tls.roots, tls.requireClientCertificate, tls.subjectAltNames]);
  if (secure.length < chains.length)
    scope.reject("chains with and without TLS on one listener are not supported by Heddle's proxy");
  if (secure.some((tls) => key(tls) !== key(first)))
    scope.reject("chains with different TLS certificates or roots on one listener are not supported by Heddle's proxy");
  return { ...first, alpn: [...new Set(secure.flatMap(({ alpn }) => alpn))] };
}

const DIRECTIONS: ReadonlyMap<TrafficDirection, table.Listener["direction"]> = new Map([
  [TrafficDirection.INBOUND, "inbound"],
  [TrafficDirection.OUTBOUND, "outbound"],
]);

function acceptListenAddress(scope: Scope, listener: Listener): table.Listener["address"] {
  if (listener.listenerSpecifier.case === "internalListener") return { kind: "internal" };
  const address = acceptAddress(scope.field("address"), listener.address);
  if (address?.kind === "socket") return address;
  if (address) scope.field("address").reject("only socket_address is supported by Heddle's proxy");
  return { kind: "internal" };
}

export function acceptListener(scope: Scope, listener: Listener, inline: InlineSecrets): table.Listener {
  scope.only(listener, [
    "name",
    "address",
    "statPrefix",
    "filterChains",
    "filterChainMatcher",
    "useOriginalDst",
    "defaultFilterChain",
    "perConnectionBufferLimitBytes",
    "metadata",
    "listenerFilters",
    "listenerFiltersTimeout",
    "continueOnListenerFiltersTimeout",
    "trafficDirection",
    "enableReusePort",
    "bindToPort",
    "listenerSpecifier",
    "socketOptions",
  ]);
  if (listener.name === "") scope.field("name").reject("empty");
  const chains = listener.filterChains.map((chain, i) =>
    acceptChain(scope.field("filter_chains").index(i), chain, inline),
  );
  const defaultChain =
    listener.defaultFilterChain &&
    acceptChain(scope.field("default_filter_chain"), listener.defaultFilterChain, inline);
  const named = new Map(chains.flatMap((chain) => (chain ? [[chain.name, chain] as const] : [])));
  const matcher =
    listener.filterChainMatcher && acceptChainMatcher(scope.field("filter_chain_matcher"), listener.filterChainMatcher);
  for (const name of chainNames(matcher))
    if (!named.has(name))
      scope.field("filter_chain_matcher").reject(`no filter chain is called ${JSON.stringify(name)}`);
  if (!defaultChain && named.size === 0 && chains.length === 0) scope.field("filter_chains").reject("empty");
  const { sniff, originalDestination } = acceptSniffing(scope, listener);
  return {
    name: listener.name,
    address: acceptListenAddress(scope, listener),
    bind: listener.bindToPort ?? true,
    useOriginalDestination: (listener.useOriginalDst ?? false) || originalDestination,
    direction: DIRECTIONS.get(listener.trafficDirection) ?? "unspecified",
    sniff,
    tls: sharedTls(
      scope.field("filter_chains"),
      [...chains, defaultChain].flatMap((chain) => chain ?? []),
    ),
    matcher,
    matches: chains.flatMap((chain, i) =>
      chain
        ? [
            {
              match: acceptChainMatch(
                scope.field("filter_chains").index(i).field("filter_chain_match"),
                listener.filterChains[i]?.filterChainMatch,
              ),
              chain,
            },
          ]
        : [],
    ),
    chains: named,
    defaultChain,
    tcpKeepalive: acceptKeepaliveOptions(scope.field("socket_options"), listener.socketOptions),
    origin: readOrigin(listener.metadata),
  };
}
