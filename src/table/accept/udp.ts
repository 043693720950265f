// Listeners for datagrams: one listener filter, udp_proxy, and nothing that belongs to connections.

import { create } from "@bufbuild/protobuf";
import type { ListenerFilter } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { RouteSchema } from "../../xds/gen/envoy/extensions/filters/udp/udp_proxy/v3/route_pb.ts";
import {
  type UdpProxyConfig,
  type UdpProxyConfig_HashPolicy,
  UdpProxyConfigSchema,
} from "../../xds/gen/envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb.ts";
import type { ChainMatcher } from "../filter-chain-match.ts";
import type { UdpHash, UdpListener, UdpTable } from "../udp.ts";
import { acceptAccessLogs } from "./access-log.ts";
import { acceptChainMatcher } from "./chain-matcher.ts";
import { acceptAddress } from "./endpoint.ts";
import { readOrigin } from "./metadata.ts";
import { milliseconds, type Scope } from "./scope.ts";

/** Envoy's default (udp_proxy.proto). */
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;

function acceptRoute(scope: Scope, config: UdpProxyConfig): ChainMatcher {
  const by = config.routeSpecifier;
  if (by.case === "cluster") return { kind: "action", action: by.value };
  const at = scope.field("matcher");
  const matcher =
    by.case === "matcher"
      ? acceptChainMatcher(at, by.value, (where, any) => where.unpack(any, RouteSchema)?.cluster)
      : undefined;
  if (!matcher) at.reject("no route");
  return matcher ?? { kind: "action", action: "" };
}

function acceptHash(scope: Scope, policies: readonly UdpProxyConfig_HashPolicy[]): UdpHash | undefined {
  if (policies.length > 1) scope.reject("more than one policy");
  const by = policies[0]?.policySpecifier;
  switch (by?.case) {
    case "sourceIp":
      return { kind: "source-ip" };
    case "key":
      return { kind: "key", key: by.value };
    default:
      if (policies.length > 0) scope.index(0).reject("no policy");
      return undefined;
  }
}

function acceptUdpProxy(scope: Scope, config: UdpProxyConfig): UdpTable {
  scope.only(config, [
    "statPrefix",
    "routeSpecifier",
    "idleTimeout",
    "hashPolicies",
    "usePerPacketLoadBalancing",
    "accessLog",
  ]);
  return {
    statPrefix: config.statPrefix,
    route: acceptRoute(scope, config),
    idleTimeoutMs: milliseconds(config.idleTimeout, DEFAULT_IDLE_TIMEOUT_MS),
    hash: acceptHash(scope.field("hash_policies"), config.hashPolicies),
    perPacket: config.usePerPacketLoadBalancing,
    accessLogs: acceptAccessLogs(scope.field("access_log"), config.accessLog),
  };
}

const NO_CONFIG = create(UdpProxyConfigSchema);

/** The one filter. */
function acceptFilter(scope: Scope, filters: readonly ListenerFilter[]): UdpTable {
  const [filter] = filters;
  if (filters.length > 1) scope.reject("Heddle's proxy takes datagrams for one udp_proxy, and for nothing else");
  const any = filter?.configType.case === "typedConfig" ? filter.configType.value : undefined;
  const at = scope.index(0).field("typed_config");
  return acceptUdpProxy(at, at.unpack(any, UdpProxyConfigSchema) ?? NO_CONFIG);
}

export function acceptUdpListener(scope: Scope, listener: Listener): UdpListener {
  scope.only(listener, [
    "name",
    "address",
    "statPrefix",
    "metadata",
    "listenerFilters",
    "trafficDirection",
    "enableReusePort",
    "udpListenerConfig",
  ]);
  const { udpListenerConfig: options } = listener;
  if (options) scope.field("udp_listener_config").only(options, ["downstreamSocketConfig"]);
  const address = acceptAddress(scope.field("address"), listener.address);
  return {
    protocol: "udp",
    name: listener.name,
    address: address?.kind === "socket" ? address : { kind: "socket", host: "", port: 0 },
    udp: acceptFilter(scope.field("listener_filters"), listener.listenerFilters),
    origin: readOrigin(listener.metadata),
  };
}
