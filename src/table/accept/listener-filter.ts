// Listener filters: original destination, PROXY protocol, inspectors.

import type { Any } from "@bufbuild/protobuf/wkt";
import { ProxyProtocolConfig_Version } from "../../xds/gen/envoy/config/core/v3/proxy_protocol_pb.ts";
import type {
  FilterChain,
  ListenerFilter,
  ListenerFilterChainMatchPredicate,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { HttpInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts";
import { OriginalDstSchema } from "../../xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts";
import { ProxyProtocolSchema } from "../../xds/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts";
import { TlsInspectorSchema } from "../../xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts";
import type { Inspection, Inspector, PortPredicate, ProxyProtocolFilter } from "../listener-filter.ts";
import { isA, milliseconds, type Scope } from "./scope.ts";

/** Envoy's default (listener.proto). */
const DEFAULT_TIMEOUT_MS = 15_000;

function acceptPredicate(scope: Scope, predicate: ListenerFilterChainMatchPredicate): PortPredicate {
  const { rule } = predicate;
  switch (rule.case) {
    case "orMatch":
    case "andMatch": {
      const at = scope.field(rule.case === "orMatch" ? "or_match" : "and_match").field("rules");
      if (rule.value.rules.length < 2) at.reject("fewer than two rules");
      const rules = rule.value.rules.map((part, i) => acceptPredicate(at.index(i), part));
      return { kind: rule.case === "orMatch" ? "or" : "and", rules };
    }
    case "notMatch":
      return { kind: "not", rule: acceptPredicate(scope.field("not_match"), rule.value) };
    case "destinationPortRange":
      return { kind: "destination-port", from: rule.value.start, to: rule.value.end };
    case "anyMatch":
      if (!rule.value) scope.field("any_match").reject("must be true");
      return { kind: "any" };
    case undefined:
      scope.reject("empty");
      return { kind: "any" };
  }
}

function acceptProxyProtocol(scope: Scope, filter: ListenerFilter, inspector: Inspector): ProxyProtocolFilter {
  const any = filter.configType.case === "typedConfig" ? filter.configType.value : undefined;
  const config = scope.unpack(any, ProxyProtocolSchema);
  if (config)
    scope.only(config, ["allowRequestsWithoutProxyProtocol", "passThroughTlvs", "disallowedVersions", "statPrefix"]);
  const refused = config?.disallowedVersions ?? [];
  return {
    ...inspector,
    optional: config?.allowRequestsWithoutProxyProtocol ?? false,
    versions: {
      v1: !refused.includes(ProxyProtocolConfig_Version.V1),
      v2: !refused.includes(ProxyProtocolConfig_Version.V2),
    },
  };
}

/** How much is read at first changes nothing that a client could see. */
function acceptTlsInspector(scope: Scope, any: Any | undefined): void {
  const inspector = scope.unpack(any, TlsInspectorSchema);
  if (inspector) scope.only(inspector, ["initialReadBufferSize"]);
}

/** Envoy adds the inspector by itself where chains are told apart by what only a client's hello says. */
function needsTlsInspector(chains: readonly FilterChain[]): boolean {
  return chains.some(({ filterChainMatch: match }) => {
    if (!match) return false;
    const byHello = match.serverNames.length > 0 || match.applicationProtocols.length > 0;
    return match.transportProtocol === "tls" || (match.transportProtocol === "" && byHello);
  });
}

/** The order in which a connection's first bytes mean something. */
const ORDER = ["original-destination", "proxy-protocol", "tls", "http"] as const;
type FilterKind = (typeof ORDER)[number];

const KINDS = [
  [OriginalDstSchema, "original-destination"],
  [ProxyProtocolSchema, "proxy-protocol"],
  [TlsInspectorSchema, "tls"],
  [HttpInspectorSchema, "http"],
] as const;

export interface AcceptedFilters {
  readonly inspection: Inspection | undefined;
  readonly originalDestination: boolean;
}

export function acceptListenerFilters(scope: Scope, listener: Listener): AcceptedFilters {
  const found = new Map<
    FilterKind,
    { readonly at: Scope; readonly filter: ListenerFilter; readonly inspector: Inspector }
  >();
  let last = -1;
  listener.listenerFilters.forEach((filter, i) => {
    const at = scope.field("listener_filters").index(i);
    const any = filter.configType.case === "typedConfig" ? filter.configType.value : undefined;
    const kind = KINDS.find(([schema]) => any && isA(any, schema))?.[1];
    if (kind === undefined) {
      at.reject(`${JSON.stringify(any?.typeUrl ?? filter.name)} is not supported by Heddle's proxy`);
      return;
    }
    if (ORDER.indexOf(kind) <= last)
      at.reject(
        "Heddle's proxy takes each listener filter once, in the order original_dst, proxy_protocol, tls_inspector, http_inspector",
      );
    last = ORDER.indexOf(kind);
    at.only(filter, ["name", "configType", "filterDisabled"]);
    if (kind === "tls") acceptTlsInspector(at.field("typed_config"), any);
    const disabled = filter.filterDisabled && acceptPredicate(at.field("filter_disabled"), filter.filterDisabled);
    found.set(kind, { at: at.field("typed_config"), filter, inspector: { disabled } });
  });
  const proxyProtocol = found.get("proxy-protocol");
  const chains = listener.filterChainMatcher ? [] : listener.filterChains;
  const tls =
    found.get("tls")?.inspector ??
    (!found.has("http") && needsTlsInspector(chains) ? { disabled: undefined } : undefined);
  const http = found.get("http")?.inspector;
  const inspects = proxyProtocol !== undefined || tls !== undefined || http !== undefined;
  return {
    originalDestination: found.has("original-destination"),
    inspection: inspects
      ? {
          proxyProtocol:
            proxyProtocol && acceptProxyProtocol(proxyProtocol.at, proxyProtocol.filter, proxyProtocol.inspector),
          tls,
          http,
          timeoutMs: milliseconds(listener.listenerFiltersTimeout, DEFAULT_TIMEOUT_MS),
          continueOnTimeout: listener.continueOnListenerFiltersTimeout,
        }
      : undefined,
  };
}
