// An Envoy's listener without what Heddle's tables do not read: where its logs and spans go, and who verifies tokens and asks authorizers. What those
// decide is told from the model (guards.ts); everything else decides alike on both proxies.

import { clone } from "@bufbuild/protobuf";
import { packAny, typeNameOf, unpackAs } from "../xds/any.ts";
import type { Filter, FilterChain } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { type Listener, ListenerSchema } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { ExtAuthzSchema } from "../xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts";
import { JwtAuthenticationSchema } from "../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts";
import { ExtAuthzSchema as NetworkExtAuthzSchema } from "../xds/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.ts";
import { HttpConnectionManagerSchema } from "../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { TcpProxySchema } from "../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";

const ENVOYS_OWN: ReadonlySet<string> = new Set([
  ExtAuthzSchema.typeName,
  JwtAuthenticationSchema.typeName,
  NetworkExtAuthzSchema.typeName,
]);

function isEnvoysOwn({ configType }: Pick<Filter, "configType">): boolean {
  return configType.case === "typedConfig" && ENVOYS_OWN.has(typeNameOf(configType.value));
}

function stripTerminal(filter: Filter): void {
  if (filter.configType.case !== "typedConfig") return;
  const http = unpackAs(HttpConnectionManagerSchema, filter.configType.value);
  if (http) {
    http.accessLog = [];
    http.tracing = undefined;
    http.httpFilters = http.httpFilters.filter(
      ({ configType }) => configType.case !== "typedConfig" || !ENVOYS_OWN.has(typeNameOf(configType.value)),
    );
    filter.configType.value = packAny(HttpConnectionManagerSchema, http);
  }
  const tcp = unpackAs(TcpProxySchema, filter.configType.value);
  if (tcp) {
    tcp.accessLog = [];
    tcp.accessLogOptions = undefined;
    filter.configType.value = packAny(TcpProxySchema, tcp);
  }
}

function stripChain(chain: FilterChain): void {
  chain.filters = chain.filters.filter((filter) => !isEnvoysOwn(filter));
  for (const filter of chain.filters) stripTerminal(filter);
}

export function withoutEnvoysOwn(listener: Listener): Listener {
  const stripped = clone(ListenerSchema, listener);
  for (const chain of stripped.filterChains) stripChain(chain);
  if (stripped.defaultFilterChain) stripChain(stripped.defaultFilterChain);
  return stripped;
}
