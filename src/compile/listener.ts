// What all listeners have in common: addresses, listener filters, chains.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { packAny } from "../xds/any.ts";
import { type Address, AddressSchema } from "../xds/gen/envoy/config/core/v3/address_pb.ts";
import { TrafficDirection, type TransportSocket } from "../xds/gen/envoy/config/core/v3/base_pb.ts";
import {
  type Filter,
  type FilterChain,
  type FilterChainMatchSchema,
  FilterChainSchema,
  type ListenerFilter,
  type ListenerFilterChainMatchPredicate,
  ListenerFilterSchema,
} from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { type Listener, ListenerSchema } from "../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { HttpInspectorSchema } from "../xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.ts";
import { OriginalDstSchema } from "../xds/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.ts";
import { ProxyProtocolSchema } from "../xds/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.ts";
import { TlsInspectorSchema } from "../xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.ts";
import type { ChainContext } from "./connection-manager.ts";
import { lazy } from "./lazy.ts";
import { chainMetadata } from "./metric-overrides.ts";

/** Of each connection and direction; Envoy's edge recommendation. Its default of 1 MiB lets 1,000 slow readers take 1 GiB. */
const BUFFER_LIMIT = 32_768;

/** What http_inspector finds that an HttpConnectionManager takes; HTTP/1.0 goes on as bytes, as in Istio. */
export const SNIFFED_HTTP1 = ["http/1.1"];
export const SNIFFED_HTTP2 = ["h2c"];
export const SNIFFED_HTTP = [...SNIFFED_HTTP1, ...SNIFFED_HTTP2];

/** `except`: connections that it leaves alone, because waiting for their first bytes could wait forever. */
export function tlsInspector(except?: ListenerFilterChainMatchPredicate): ListenerFilter {
  return create(ListenerFilterSchema, {
    name: "envoy.filters.listener.tls_inspector",
    configType: { case: "typedConfig", value: packAny(TlsInspectorSchema, create(TlsInspectorSchema)) },
    ...(except ? { filterDisabled: except } : {}),
  });
}

export const originalDestination = lazy(
  (): ListenerFilter =>
    create(ListenerFilterSchema, {
      name: "envoy.filters.listener.original_dst",
      configType: { case: "typedConfig", value: packAny(OriginalDstSchema, create(OriginalDstSchema)) },
    }),
);

/** `except`: connections that it leaves alone, because waiting for their first bytes could wait forever. */
export function httpInspector(except?: ListenerFilterChainMatchPredicate): ListenerFilter {
  return create(ListenerFilterSchema, {
    name: "envoy.filters.listener.http_inspector",
    configType: { case: "typedConfig", value: packAny(HttpInspectorSchema, create(HttpInspectorSchema)) },
    ...(except ? { filterDisabled: except } : {}),
  });
}

export const proxyProtocol = lazy(
  (): ListenerFilter =>
    create(ListenerFilterSchema, {
      name: "envoy.filters.listener.proxy_protocol",
      configType: { case: "typedConfig", value: packAny(ProxyProtocolSchema, create(ProxyProtocolSchema)) },
    }),
);

export interface ChainOptions {
  readonly name: string;
  /** What a connection passes on its way to `filter`. */
  readonly before?: readonly Filter[];
  readonly filter: Filter;
  readonly match?: MessageInitShape<typeof FilterChainMatchSchema>;
  readonly tls?: TransportSocket;
}

export function filterChain(
  context: ChainContext,
  { name, before = [], filter, match, tls }: ChainOptions,
): FilterChain {
  const metadata = chainMetadata(context);
  return create(FilterChainSchema, {
    name,
    ...(metadata ? { metadata } : {}),
    filters: [...before, filter],
    ...(match ? { filterChainMatch: match } : {}),
    ...(tls ? { transportSocket: tls } : {}),
  });
}

export function socketAddress(address: string, port: number): Address {
  return create(AddressSchema, {
    address: { case: "socketAddress", value: { address, portSpecifier: { case: "portValue", value: port } } },
  });
}

/** `@name` is Linux' abstract namespace, as in Envoy. */
export function pipeAddress(path: string): Address {
  return create(AddressSchema, { address: { case: "pipe", value: { path } } });
}

type Rest = Omit<MessageInitShape<typeof ListenerSchema> & object, "$typeName" | "trafficDirection">;

/** `patienceMs`: one of its filters waits so long for the client's first bytes; 0: for ever. */
export function listener(
  { settings }: Pick<ChainContext, "settings">,
  direction: "inbound" | "outbound",
  rest: Rest,
  patienceMs?: number,
): Listener {
  return create(ListenerSchema, {
    trafficDirection: direction === "inbound" ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
    perConnectionBufferLimitBytes: settings.connections?.bufferBytes ?? BUFFER_LIMIT,
    ...(patienceMs === undefined
      ? {}
      : { listenerFiltersTimeout: durationFromMs(patienceMs), continueOnListenerFiltersTimeout: true }),
    ...rest,
  } as MessageInitShape<typeof ListenerSchema>);
}
