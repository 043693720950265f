// The filters of a chain: those that pass a connection on, and the one that takes it.

import type { DescMessage } from "@bufbuild/protobuf";
import type { Filter } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { ConnectionLimitSchema } from "../../xds/gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.ts";
import { HttpConnectionManagerSchema } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { LocalRateLimitSchema } from "../../xds/gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.ts";
import { RBACSchema } from "../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts";
import { ConfigSchema as SetFilterStateSchema } from "../../xds/gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.ts";
import { SniClusterSchema } from "../../xds/gen/envoy/extensions/filters/network/sni_cluster/v3/sni_cluster_pb.ts";
import { FilterConfigSchema as SniDynamicForwardProxySchema } from "../../xds/gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.ts";
import { TcpProxySchema } from "../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import type { Terminal } from "../listener.ts";
import type { NetworkFilter } from "../network-filter.ts";
import type { TcpTable } from "../tcp.ts";
import { acceptTokenBucket } from "./filter/local-rate-limit.ts";
import { ALPN_OBJECT, acceptConnectionState } from "./filter-state.ts";
import { acceptHttp } from "./http.ts";
import { acceptRulesOrMatcher } from "./rbac-matcher.ts";
import { isA, milliseconds, type Scope } from "./scope.ts";
import { acceptTcp } from "./tcp.ts";

function typedConfig(filter: Filter | undefined) {
  return filter?.configType.case === "typedConfig" ? filter.configType.value : undefined;
}

function acceptConnectionLimit(scope: Scope, filter: Filter): NetworkFilter | undefined {
  const limit = scope.unpack(typedConfig(filter), ConnectionLimitSchema);
  if (!limit) return undefined;
  scope.only(limit, ["statPrefix", "maxConnections", "delay", "runtimeEnabled"]);
  if (!limit.maxConnections) scope.field("max_connections").reject("must be 1 or more");
  if (limit.runtimeEnabled?.defaultValue === false) return undefined;
  return { kind: "connection-limit", max: Number(limit.maxConnections ?? 1n), delayMs: milliseconds(limit.delay, 0) };
}

/** Without share_key: the bucket is the chain's. */
function acceptLocalRateLimit(scope: Scope, filter: Filter): NetworkFilter | undefined {
  const limit = scope.unpack(typedConfig(filter), LocalRateLimitSchema);
  if (!limit) return undefined;
  scope.only(limit, ["statPrefix", "tokenBucket", "runtimeEnabled"]);
  if (!limit.tokenBucket) {
    scope.field("token_bucket").reject("missing");
    return undefined;
  }
  const bucket = acceptTokenBucket(scope.field("token_bucket"), limit.tokenBucket);
  if (limit.runtimeEnabled?.defaultValue === false) return undefined;
  return { kind: "local-rate-limit", place: scope.place, bucket };
}

function acceptNetworkRbac(scope: Scope, filter: Filter): NetworkFilter | undefined {
  const rbac = scope.unpack(typedConfig(filter), RBACSchema);
  if (!rbac) return undefined;
  scope.only(rbac, [
    "rules",
    "matcher",
    "shadowRules",
    "shadowMatcher",
    "shadowRulesStatPrefix",
    "statPrefix",
    // Once or with every byte: what rules look at does not change while a connection lasts.
    "enforcementType",
    "delayDeny",
  ]);
  const enforced = { rules: scope.field("rules"), matcher: scope.field("matcher") };
  const shadow = { rules: scope.field("shadow_rules"), matcher: scope.field("shadow_matcher") };
  return {
    kind: "rbac",
    rules: acceptRulesOrMatcher(enforced, rbac.rules, rbac.matcher, "network"),
    shadow: acceptRulesOrMatcher(shadow, rbac.shadowRules, rbac.shadowMatcher, "network"),
    statPrefix: rbac.statPrefix.replace(/\.$/, ""),
    shadowPrefix: rbac.shadowRulesStatPrefix,
    delayMs: milliseconds(rbac.delayDeny, 0),
  };
}

type Accepted = NetworkFilter & Pick<TcpTable, "alpn">;

function acceptFilter(scope: Scope, filter: Filter): Accepted | undefined {
  const any = typedConfig(filter);
  if (any && isA(any, ConnectionLimitSchema)) return acceptConnectionLimit(scope, filter);
  if (any && isA(any, LocalRateLimitSchema)) return acceptLocalRateLimit(scope, filter);
  // The terminal's matter.
  if (any && (isA(any, SniClusterSchema) || isA(any, SniDynamicForwardProxySchema))) return undefined;
  if (any && isA(any, SetFilterStateSchema)) {
    const config = scope.unpack(any, SetFilterStateSchema);
    if (!config) return undefined;
    scope.only(config, ["onNewConnection"]);
    const state = acceptConnectionState(scope.field("on_new_connection"), config.onNewConnection);
    return { kind: "set-filter-state", ...state };
  }
  return acceptNetworkRbac(scope, filter);
}

/** What filters before it say of the terminal one. */
interface BySni {
  readonly choosesCluster: boolean;
  readonly port: number | undefined;
}

/** Of the cache, its limits and times are Heddle's own. */
function acceptServerNamePort(scope: Scope, filter: Filter): number | undefined {
  const config = scope.unpack(typedConfig(filter), SniDynamicForwardProxySchema);
  if (config?.portSpecifier.case === "portValue") return config.portSpecifier.value;
  if (config) scope.field("port_value").reject("missing");
  return undefined;
}

function acceptTerminal(scope: Scope, filter: Filter | undefined, bySni: BySni): Terminal | undefined {
  const any = typedConfig(filter);
  if (any && isA(any, TcpProxySchema)) {
    const proxy = scope.unpack(any, TcpProxySchema);
    if (!proxy) return undefined;
    const tcp = { ...acceptTcp(scope, proxy), serverNamePort: bySni.port };
    const isChosen = bySni.choosesCluster;
    return { kind: "tcp", tcp: isChosen ? { ...tcp, cluster: { kind: "server-name", otherwise: tcp.cluster } } : tcp };
  }
  const manager = scope.unpack(any, HttpConnectionManagerSchema);
  return manager && { kind: "http", http: acceptHttp(scope, manager) };
}

export interface AcceptedNetworkFilters {
  readonly filters: readonly NetworkFilter[];
  readonly terminal: Terminal | undefined;
}

export function acceptNetworkFilters(scope: Scope, filters: readonly Filter[]): AcceptedNetworkFilters {
  const last = Math.max(0, filters.length - 1);
  const before = filters.slice(0, -1);
  const at = (i: number) => scope.index(i).field("typed_config");
  const indexOf = (schema: DescMessage) =>
    before.findIndex((filter) => {
      const any = typedConfig(filter);
      return any !== undefined && isA(any, schema);
    });
  const resolving = indexOf(SniDynamicForwardProxySchema);
  const bySni = {
    choosesCluster: indexOf(SniClusterSchema) >= 0,
    port: resolving < 0 ? undefined : acceptServerNamePort(at(resolving), before[resolving]!),
  };
  const accepted = before.flatMap((filter, i) => acceptFilter(at(i), filter) ?? []);
  const terminal = acceptTerminal(at(last), filters[last], bySni);
  return {
    terminal: offering(scope, terminal, accepted.findLast(({ alpn }) => alpn)?.alpn),
    filters: accepted.flatMap(({ alpn: _, ...filter }) => (isIdle(filter) ? [] : [filter])),
  };
}

/** All that it kept is known without it. */
function isIdle(filter: NetworkFilter): boolean {
  return filter.kind === "set-filter-state" && filter.rules.length === 0;
}

/** Connections that serve many clients, as those of requests do, offer what their cluster says. */
function offering(scope: Scope, terminal: Terminal | undefined, alpn: TcpTable["alpn"]): Terminal | undefined {
  if (!alpn || !terminal) return terminal;
  if (terminal.kind === "tcp" && !terminal.tcp.tunneling) return { kind: "tcp", tcp: { ...terminal.tcp, alpn } };
  scope.reject(`${ALPN_OBJECT} is supported by Heddle's proxy before a TcpProxy without a tunnel alone`);
  return terminal;
}
