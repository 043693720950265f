// Listeners and their filter chains.

import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { SocketAddress_Protocol } from "../../xds/gen/envoy/config/core/v3/address_pb.ts";
import { TrafficDirection } from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import { type FilterChain, FilterChainSchema } from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { Listener } from "../../xds/gen/envoy/config/listener/v3/listener_pb.ts";
import { type ChainMatcher, offersIn } from "../filter-chain-match.ts";
import type * as table from "../listener.ts";
import type { Inspection } from "../listener-filter.ts";
import { actionsOf } from "../matcher.ts";
import type { DownstreamTls } from "../transport-socket.ts";
import type { UdpListener } from "../udp.ts";
import { acceptChainMatch, acceptChainMatcher, refuseAmbiguity } from "./chain-matcher.ts";
import { acceptAddress } from "./endpoint.ts";
import { acceptKeepaliveOptions } from "./keepalive.ts";
import { acceptListenerFilters } from "./listener-filter.ts";
import { readOrigin } from "./metadata.ts";
import { acceptMetricOverrides, acceptReportingInterval } from "./metric-overrides.ts";
import { acceptNetworkFilters } from "./network-filter.ts";
import { milliseconds, type Scope } from "./scope.ts";
import type { InlineSecrets } from "./secret.ts";
import { acceptDownstreamTls } from "./tls.ts";

import { acceptUdpListener } from "./udp.ts";

function fingerprintOf(chain: FilterChain): string {
  return createHash("sha256").update(toBinary(FilterChainSchema, chain)).digest("base64url");
}

function acceptChain(
  scope: Scope,
  chain: FilterChain,
  fingerprint: string,
  inline: InlineSecrets,
): table.FilterChain | undefined {
  scope.only(chain, [
    "filterChainMatch",
    "filters",
    "transportSocket",
    "transportSocketConnectTimeout",
    "name",
    "metadata",
  ]);
  const { filters, terminal } = acceptNetworkFilters(scope.field("filters"), chain.filters);
  const tls = acceptDownstreamTls(scope.field("transport_socket"), chain.transportSocket, inline);
  const handshakeTimeoutMs = milliseconds(chain.transportSocketConnectTimeout, 0);
  const metrics = acceptMetricOverrides(scope, chain.metadata);
  const reportMs = acceptReportingInterval(scope, chain.metadata);
  return terminal && { name: chain.name, fingerprint, tls, handshakeTimeoutMs, filters, terminal, metrics, reportMs };
}

/**
 * What a client may offer in a hello that the handshake would not agree on: then it alone tells which chain is meant, or that none of our
 * protocols is (the mesh port, whose chains a matcher chooses, has clients that offer what it knows, as long as no gateway hands on those of
 * Istio's sidecars). And one that asks for another server name is refused without being shown a certificate.
 */
function isChosenByHello(
  listener: Listener,
  matcher: ChainMatcher | undefined,
  alpn: readonly string[],
  inspection: Inspection | undefined,
): boolean {
  if (inspection?.tls && !matcher && alpn.length > 0) return true;
  if (matcher && offersIn(matcher).some((protocol) => !alpn.includes(protocol))) return true;
  return listener.filterChains.some(
    ({ filterChainMatch: match }) =>
      match?.applicationProtocols.some((protocol) => !alpn.includes(protocol)) ||
      (!matcher && (match?.serverNames.length ?? 0) > 0),
  );
}

/** The TLS of all chains, if they end it alike and nothing has to be read before it: most connections of a mesh need no look ahead. */
function sharedTls(
  listener: Listener,
  matcher: ChainMatcher | undefined,
  chains: readonly table.FilterChain[],
  inspection: Inspection | undefined,
): DownstreamTls | undefined {
  const secure = chains.flatMap(({ tls }) => tls ?? []);
  const first = secure[0];
  if (!first || secure.length < chains.length || inspection?.proxyProtocol || inspection?.http) return undefined;
  const key = (tls: DownstreamTls) => JSON.stringify(tls);
  const differ = secure.some((tls) => key(tls) !== key(first));
  return differ || isChosenByHello(listener, matcher, first.alpn, inspection) ? undefined : first;
}

/** Envoy's is 1 MiB (listener.proto), which 1,000 slow readers make a GiB. The kernel's buffers keep the other end busy meanwhile. */
const DEFAULT_BUFFER_LIMIT_BYTES = 64 * 1024;

function acceptAdditional(scope: Scope, listener: Listener): table.Listener["additionalAddresses"] {
  return listener.additionalAddresses.flatMap((additional, i) => {
    const at = scope.index(i);
    at.only(additional, ["address"]);
    const address = acceptAddress(at.field("address"), additional.address);
    if (address && address.kind !== "socket")
      at.field("address").reject("only socket_address is supported by Heddle's proxy");
    return address?.kind === "socket" ? [address] : [];
  });
}

const DIRECTIONS: ReadonlyMap<TrafficDirection, table.Listener["direction"]> = new Map([
  [TrafficDirection.INBOUND, "inbound"],
  [TrafficDirection.OUTBOUND, "outbound"],
]);

/** sockaddr_un.sun_path with its end. */
const MAX_PIPE_PATH_BYTES = 107;

function acceptPipe(scope: Scope, path: string, { address }: Listener): table.Listener["address"] {
  const mode = address?.address.case === "pipe" ? address.address.value.mode : 0;
  const isAbstract = path.startsWith("@");
  if (Buffer.byteLength(path) > MAX_PIPE_PATH_BYTES)
    scope.field("path").reject(`longer than ${MAX_PIPE_PATH_BYTES} bytes`);
  if (mode > 0o777) scope.field("mode").reject("above 0777");
  if (isAbstract && mode !== 0) scope.field("mode").reject("a name of the abstract namespace has no file");
  return { kind: "pipe", path, mode };
}

function acceptListenAddress(scope: Scope, listener: Listener): table.Listener["address"] {
  if (listener.listenerSpecifier.case === "internalListener") return { kind: "internal" };
  const at = scope.field("address");
  const address = acceptAddress(at, listener.address);
  if (address?.kind === "socket") return address;
  if (address?.kind === "pipe") return acceptPipe(at.field("pipe"), address.path, listener);
  if (address) at.reject("only socket_address and pipe are supported by Heddle's proxy");
  return { kind: "internal" };
}

function acceptMatches(
  scope: Scope,
  listener: Listener,
  chains: readonly (table.FilterChain | undefined)[],
): table.Listener["matches"] {
  const matches = listener.filterChains.map(({ filterChainMatch }, i) =>
    acceptChainMatch(scope.index(i).field("filter_chain_match"), filterChainMatch),
  );
  if (!listener.filterChainMatcher) refuseAmbiguity(scope, matches);
  return chains.flatMap((chain, i) => (chain ? [{ chain, match: matches[i]! }] : []));
}

export function acceptListener(scope: Scope, listener: Listener, inline: InlineSecrets): table.Listener | UdpListener {
  if (listener.name === "") scope.field("name").reject("empty");
  const by = listener.address?.address;
  if (by?.case !== "socketAddress" || by.value.protocol !== SocketAddress_Protocol.UDP)
    return acceptTcpListener(scope, listener, inline);
  return acceptUdpListener(scope, listener);
}

function acceptTcpListener(scope: Scope, listener: Listener, inline: InlineSecrets): table.Listener {
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
    "additionalAddresses",
    "tcpBacklogSize",
    "socketOptions",
  ]);
  const chains = listener.filterChains.map((chain, i) => {
    const fingerprint = fingerprintOf(chain);
    return acceptChain(scope.field("filter_chains").index(i, fingerprint), chain, fingerprint, inline);
  });
  const defaultChain =
    listener.defaultFilterChain &&
    acceptChain(
      scope.field("default_filter_chain"),
      listener.defaultFilterChain,
      fingerprintOf(listener.defaultFilterChain),
      inline,
    );
  const named = new Map(chains.flatMap((chain) => (chain ? [[chain.name, chain] as const] : [])));
  const matcher =
    listener.filterChainMatcher && acceptChainMatcher(scope.field("filter_chain_matcher"), listener.filterChainMatcher);
  for (const name of actionsOf(matcher))
    if (!named.has(name))
      scope.field("filter_chain_matcher").reject(`no filter chain is called ${JSON.stringify(name)}`);
  if (!defaultChain && named.size === 0 && chains.length === 0) scope.field("filter_chains").reject("empty");
  const { inspection, originalDestination } = acceptListenerFilters(scope, listener);
  const matches = acceptMatches(scope.field("filter_chains"), listener, chains);
  const address = acceptListenAddress(scope, listener);
  const every = [...chains, defaultChain].flatMap((chain) => chain ?? []);
  if (address.kind === "internal" && every.some(({ tls }) => tls))
    scope.field("filter_chains").reject("TLS inside of an internal listener is not supported by Heddle's proxy");
  return {
    protocol: "tcp",
    name: listener.name,
    address,
    additionalAddresses: acceptAdditional(scope.field("additional_addresses"), listener),
    backlog: listener.tcpBacklogSize ?? 0,
    bufferLimitBytes: listener.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT_BYTES,
    bind: listener.bindToPort ?? true,
    useOriginalDestination: (listener.useOriginalDst ?? false) || originalDestination,
    direction: DIRECTIONS.get(listener.trafficDirection) ?? "unspecified",
    inspection,
    sharedTls: sharedTls(listener, matcher, every, inspection),
    matcher,
    matches,
    chains: named,
    defaultChain,
    tcpKeepalive: acceptKeepaliveOptions(scope.field("socket_options"), listener.socketOptions),
    origin: readOrigin(listener.metadata),
  };
}
