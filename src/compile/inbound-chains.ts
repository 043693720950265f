// Filter chains that lead to the application: on the leg, and on the application's own port.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { isHttp } from "../model/protocol.ts";
import type { RetryPolicy } from "../model/route.ts";
import type { FilterChain } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import { type Route, RouteActionSchema, RouteSchema } from "../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import { applicationCluster, applicationHttp2Cluster } from "./cluster-inbound.ts";
import { type ChainContext, httpFilter, streamFilter, streamGuards } from "./connection-manager.ts";
import type { ServedPort } from "./inbound-ports.ts";
import { ownSocket } from "./ingress-tls.ts";
import { ISTIO_BYTES, ISTIO_HTTP1, ISTIO_HTTP2 } from "./istio-alpn.ts";
import { type ChainOptions, filterChain, SNIFFED_HTTP1, SNIFFED_HTTP2 } from "./listener.ts";
import { mayBeHttp } from "./protocol.ts";
import { inboundRetry, retryPolicy } from "./retry.ts";
import { timeouts } from "./route.ts";
import { everyRequest, headerIs } from "./route-match.ts";
import { istioServer, legServer } from "./tls.ts";
import { PROTOCOL_HEADER } from "./virtual-host.ts";

/** Where there is no other TLS than the mesh's, the plain names mean the same. */
const MESH_HTTP1 = ["http/1.1", ...ISTIO_HTTP1];
const MESH_HTTP2 = ["h2", ...ISTIO_HTTP2];

/** There is one endpoint: no other is looked for. */
function inboundRetries(
  said: RetryPolicy | undefined,
): Pick<MessageInitShape<typeof RouteActionSchema>, "retryPolicy"> {
  if (!said) return { retryPolicy: inboundRetry() };
  const policy = retryPolicy({ ...said, avoidPreviousHosts: false, avoidPreviousLocalities: false }, false);
  return policy ? { retryPolicy: policy } : {};
}

function route({ settings }: ChainContext, port: ServedPort, cluster: string, match: Route["match"] & object): Route {
  const { service, servicePort, number } = port;
  return create(RouteSchema, {
    name: "default",
    match,
    decorator: { operation: `${service?.host ?? "inbound"}:${servicePort ?? number}/*` },
    action: {
      case: "route",
      value: create(RouteActionSchema, {
        clusterSpecifier: { case: "cluster", value: cluster },
        ...timeouts(),
        ...inboundRetries(settings.defaults.inboundRetry),
      }),
    },
  });
}

function routes(port: ServedPort, members: Route[]): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: applicationCluster(port.number),
    validateClusters: false,
    virtualHosts: [
      {
        name: `inbound|http|${port.servicePort ?? port.number}`,
        domains: ["*"],
        requestHeadersToRemove: port.protocol === "undeclared" ? [PROTOCOL_HEADER] : [],
        routes: members,
      },
    ],
  });
}

function statPrefix(port: ServedPort): string {
  return `inbound_0.0.0.0_${port.number}`;
}

/** Requests to the application in HTTP/1.1, or in what was declared. */
function declaredHttp(context: ChainContext, port: ServedPort) {
  const only = route(context, port, applicationCluster(port.number), everyRequest());
  return httpFilter(context, { statPrefix: statPrefix(port), port: port.number, routes: routes(port, [only]) });
}

function http2(context: ChainContext, port: ServedPort) {
  const only = route(context, port, applicationHttp2Cluster(port.number), everyRequest());
  return httpFilter(context, { statPrefix: statPrefix(port), port: port.number, routes: routes(port, [only]) });
}

/** The leg is HTTP/2 whatever the client spoke; the application is addressed in the client's protocol. */
function asClientSpoke(context: ChainContext, port: ServedPort) {
  const spokeHttp2 = headerIs(PROTOCOL_HEADER, "HTTP/2");
  const members = [
    route(context, port, applicationHttp2Cluster(port.number), spokeHttp2),
    route(context, port, applicationCluster(port.number), everyRequest()),
  ];
  return httpFilter(context, { statPrefix: statPrefix(port), port: port.number, routes: routes(port, members) });
}

function bytes(context: ChainContext, port: ServedPort): Pick<ChainOptions, "before" | "filter"> {
  const cluster = applicationCluster(port.number);
  return {
    before: streamGuards(context, port.number),
    filter: streamFilter(context, { statPrefix: cluster, clusters: [{ name: cluster, weight: 1 }] }),
  };
}

export function httpChainName(port: ServedPort): string {
  return `inbound|${port.number}|http`;
}

/** Of a port of undeclared protocol, where the client's is known to be HTTP/2. */
export function http2ChainName(port: ServedPort): string {
  return `${httpChainName(port)}2`;
}

export function streamChainName(port: ServedPort): string {
  return `inbound|${port.number}|tcp`;
}

/** A port that is declared HTTP has no chain for bytes: its policies could be walked around. */
export function takesBytes(port: ServedPort): boolean {
  return !isHttp(port.protocol);
}

export function takesHttp(port: ServedPort): boolean {
  return mayBeHttp(port.protocol);
}

/** `isHandedOn`: clients with sidecars of Istio are among those that come, whose requests say nothing of what the application is to be spoken to in. */
export function legChains(context: ChainContext, port: ServedPort, isHandedOn: boolean): FilterChain[] {
  const tls = legServer();
  const stream = () => filterChain(context, { name: streamChainName(port), ...bytes(context, port), tls });
  if (!takesHttp(port)) return [stream()];
  const name = httpChainName(port);
  if (!takesBytes(port)) return [filterChain(context, { name, filter: declaredHttp(context, port), tls })];
  const sniffed = filterChain(context, { name, filter: asClientSpoke(context, port), tls });
  const foreign = () => filterChain(context, { name: http2ChainName(port), filter: http2(context, port), tls });
  return [sniffed, ...(isHandedOn ? [foreign()] : []), stream()];
}

type Match = NonNullable<ChainOptions["match"]>;

/** FTP, SSH, SMTP, POP3, IMAP, submission, MySQL: whose clients would be waited for, each time. */
const SERVER_SPEAKS_FIRST: ReadonlySet<number> = new Set([21, 22, 25, 110, 143, 587, 3306]);

/** Whether mutual TLS of Istio's sidecars is told from plaintext by the client's first bytes. */
export function takesBoth(port: ServedPort): boolean {
  return port.mode === "permissive" && (takesHttp(port) || !SERVER_SPEAKS_FIRST.has(port.number));
}

/**
 * Chains for what arrives at the application's own port. `match` is what they have in common. STRICT: mutual TLS, as Istio's sidecars
 * speak it; plaintext fails in the handshake. PERMISSIVE: either, by the client's first bytes. Otherwise plaintext. A port of
 * undeclared protocol is sniffed: by ALPN, or by first bytes.
 */
export function ownChains(context: ChainContext, port: ServedPort, match: ChainOptions["match"]): FilterChain[] {
  if (takesBoth(port)) return permissiveChains(context, port, match ?? {});
  const strict = port.mode === "strict";
  const socket = ownSocket(port, context.settings);
  const tls = socket ? { tls: socket } : {};
  const common = match ? { match } : {};
  if (isHttp(port.protocol))
    return [
      filterChain(context, { name: httpChainName(port), filter: declaredHttp(context, port), ...tls, ...common }),
    ];
  const stream = filterChain(context, { name: streamChainName(port), ...bytes(context, port), ...tls, ...common });
  if (port.protocol !== "undeclared") return [stream];
  const speaking = (applicationProtocols: string[]) => ({ match: { ...match, applicationProtocols } });
  return [
    filterChain(context, {
      name: httpChainName(port),
      filter: declaredHttp(context, port),
      ...tls,
      ...speaking(strict ? MESH_HTTP1 : SNIFFED_HTTP1),
    }),
    filterChain(context, {
      name: http2ChainName(port),
      filter: http2(context, port),
      ...tls,
      ...speaking(strict ? MESH_HTTP2 : SNIFFED_HTTP2),
    }),
    stream,
  ];
}

/** The choice of a chain descends and never climbs: what is not for one of these must not fall through to the listener's default. */
function permissiveChains(context: ChainContext, port: ServedPort, match: Match): FilterChain[] {
  const tls = istioServer(context.settings.meshTls);
  if (isHttp(port.protocol)) {
    const http = declaredHttp(context, port);
    const applicationProtocols = [...ISTIO_HTTP1, ...ISTIO_HTTP2, ...ISTIO_BYTES];
    return [
      filterChain(context, {
        name: `${httpChainName(port)}|mtls`,
        filter: http,
        tls,
        match: { ...match, applicationProtocols },
      }),
      filterChain(context, { name: httpChainName(port), filter: http, match }),
    ];
  }
  const stream = bytes(context, port);
  // The application's own TLS needs no chain apart: what does not offer Istio's ALPN is bytes either way.
  if (!takesHttp(port))
    return [
      filterChain(context, {
        name: `${streamChainName(port)}|mtls`,
        ...stream,
        tls,
        match: { ...match, applicationProtocols: ISTIO_BYTES },
      }),
      filterChain(context, { name: streamChainName(port), ...stream, match }),
    ];
  const http = declaredHttp(context, port);
  const secure = (applicationProtocols: string[]) => ({ ...match, transportProtocol: "tls", applicationProtocols });
  const plain = (applicationProtocols: string[]) => ({
    ...match,
    transportProtocol: "raw_buffer",
    applicationProtocols,
  });
  const overHttp2 = http2(context, port);
  return [
    filterChain(context, { name: `${httpChainName(port)}|mtls`, filter: http, tls, match: secure(ISTIO_HTTP1) }),
    filterChain(context, {
      name: `${http2ChainName(port)}|mtls`,
      filter: overHttp2,
      tls,
      match: secure(ISTIO_HTTP2),
    }),
    filterChain(context, { name: `${streamChainName(port)}|mtls`, ...stream, tls, match: secure(ISTIO_BYTES) }),
    filterChain(context, {
      name: `${streamChainName(port)}|tls`,
      ...stream,
      match: { ...match, transportProtocol: "tls" },
    }),
    filterChain(context, { name: httpChainName(port), filter: http, match: plain(SNIFFED_HTTP1) }),
    filterChain(context, { name: http2ChainName(port), filter: overHttp2, match: plain(SNIFFED_HTTP2) }),
    filterChain(context, {
      name: streamChainName(port),
      ...stream,
      match: { ...match, transportProtocol: "raw_buffer" },
    }),
  ];
}
