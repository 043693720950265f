// The two ends of a filter chain: requests (HttpConnectionManager) and bytes (TcpProxy).

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Tunnel } from "../model/client-policy.ts";
import type { ConnectionSettings } from "../model/connection-settings.ts";
import type { ProxyHeaders } from "../model/proxy-headers.ts";
import type { MeshSettings, PathNormalization } from "../model/settings.ts";
import type { GatewayProxy } from "../model/workload.ts";
import { packAny } from "../xds/any.ts";
import { ApiVersion } from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import { HttpProtocolOptions_HeadersWithUnderscoresAction } from "../xds/gen/envoy/config/core/v3/protocol_pb.ts";
import { type Filter, FilterSchema } from "../xds/gen/envoy/config/listener/v3/listener_components_pb.ts";
import type { RouteConfiguration } from "../xds/gen/envoy/config/route/v3/route_pb.ts";
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManager_ServerHeaderTransformation,
  HttpConnectionManagerSchema,
} from "../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { TcpProxySchema } from "../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.ts";
import { accessLogs } from "./access-log.ts";
import type { AccessLogReporter } from "./access-log-service.ts";
import { connectionGuards, requestGuards } from "./authorization/filters.ts";
import type { Guard } from "./authorization/guard.ts";
import { httpFilters } from "./filter/http.ts";
import { http1Options } from "./protocol.ts";
import type { ProxyFeatures } from "./proxy-features.ts";
import type { WeightedCluster } from "./route.ts";
import type { StreamSettings } from "./stream-route.ts";
import type { ProxyTelemetry } from "./telemetry.ts";
import { tracingFields } from "./tracing.ts";

export interface ChainContext {
  readonly settings: MeshSettings;
  readonly features: ProxyFeatures;
  readonly direction: "inbound" | "outbound";
  /** Of the workload that inbound chains lead to. */
  readonly guard?: Guard | undefined;
  readonly telemetry?: ProxyTelemetry | undefined;
}

export function sideOf({ telemetry, direction }: ChainContext): ProxyTelemetry["client"] | undefined {
  return direction === "inbound" ? telemetry?.server : telemetry?.client;
}

export interface HttpChain {
  readonly statPrefix: string;
  /** By name (RDS), or inside of the listener: only where a change of theirs is one of the listener anyhow. */
  readonly routes: string | RouteConfiguration;
  /** Some route leads to a host that is resolved by DNS. */
  readonly resolvesHosts?: boolean;
  /** Takes CONNECT. */
  readonly tunnels?: boolean;
  /** The application's port that it leads to. */
  readonly port?: number;
  /** Its clients are outside of the mesh. */
  readonly edge?: GatewayProxy;
}

export interface StreamChain {
  readonly statPrefix: string;
  readonly clusters: readonly WeightedCluster[];
  /** Undefined: the proxy's defaults. */
  readonly settings?: StreamSettings;
}

/** Tries to connect before a byte stream is given up: another endpoint may be there. Requests have their retry policy. */
const CONNECT_ATTEMPTS = 3;

/** No honest client takes that long from the first byte of a head to its last. */
const HEAD_TIMEOUT_MS = 10_000;

/** How often a live byte stream reports: Istio's `tcpReportingInterval`, 15 s, is too long for a page that shows it live. */
const STREAM_REPORT_MS = 5_000;

function reporter({ features, direction }: ChainContext): AccessLogReporter | undefined {
  if (!features.accessLogService) return undefined;
  return direction === "inbound" ? "destination" : "source";
}

function routeSpecifier(routes: HttpChain["routes"]) {
  if (typeof routes !== "string") return { case: "routeConfig", value: routes } as const;
  const configSource = {
    configSourceSpecifier: { case: "ads", value: {} },
    resourceApiVersion: ApiVersion.V3,
  } as const;
  return { case: "rds", value: { routeConfigName: routes, configSource } } as const;
}

function pathOptions(normalization: PathNormalization) {
  const decodes = normalization === "decode-and-merge-slashes";
  return {
    normalizePath: normalization !== "none",
    ...(decodes || normalization === "merge-slashes" ? { mergeSlashes: true } : {}),
    ...(decodes
      ? { pathWithEscapedSlashesAction: HttpConnectionManager_PathWithEscapedSlashesAction.UNESCAPE_AND_FORWARD }
      : {}),
  };
}

/** The certificate of the client, for the application to see (`x-forwarded-client-cert`); what a client claims itself is dropped by default. */
function certificateOptions({ clientCertificate, certificateDetails }: ProxyHeaders) {
  return {
    forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails[clientCertificate],
    setCurrentClientCertDetails: certificateDetails,
  };
}

/** The application's own Server header goes to its client unless somebody names another: the mesh is not to be noticed. */
function serverOptions({ server }: ProxyHeaders) {
  const { PASS_THROUGH, OVERWRITE } = HttpConnectionManager_ServerHeaderTransformation;
  return server === undefined
    ? { serverHeaderTransformation: PASS_THROUGH }
    : { serverHeaderTransformation: OVERWRITE, serverName: server };
}

/** A gateway says who its client was, and believes of it what as many proxies as are trusted have written. */
function edgeOptions({ trustedProxies, clientCertificate }: GatewayProxy) {
  return {
    useRemoteAddress: true,
    xffNumTrustedHops: trustedProxies,
    forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails[clientCertificate],
    setCurrentClientCertDetails: { subject: true, cert: true, dns: true, uri: true },
  };
}

const UNDERSCORES = {
  allow: HttpProtocolOptions_HeadersWithUnderscoresAction.ALLOW,
  reject: HttpProtocolOptions_HeadersWithUnderscoresAction.REJECT_REQUEST,
  drop: HttpProtocolOptions_HeadersWithUnderscoresAction.DROP_HEADER,
};

const ESCAPED_SLASHES = {
  keep: HttpConnectionManager_PathWithEscapedSlashesAction.KEEP_UNCHANGED,
  reject: HttpConnectionManager_PathWithEscapedSlashesAction.REJECT_REQUEST,
  redirect: HttpConnectionManager_PathWithEscapedSlashesAction.UNESCAPE_AND_REDIRECT,
  forward: HttpConnectionManager_PathWithEscapedSlashesAction.UNESCAPE_AND_FORWARD,
};

function said<Name extends string, T>(name: Name, value: T | undefined): { readonly [N in Name]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: T };
}

function timeSaid<Name extends string>(name: Name, ms: number | undefined) {
  return said(name, ms === undefined ? undefined : durationFromMs(ms));
}

/** Behind pathOptions: what is said of slashes here beats the mesh's normalization. */
function connectionOptions(connections: ConnectionSettings) {
  const {
    underscores,
    mergeSlashes,
    escapedSlashes,
    streamIdleMs = 0,
    requestHeadersMs = HEAD_TIMEOUT_MS,
  } = connections;
  const common = {
    ...timeSaid("idleTimeout", connections.idleMs),
    ...timeSaid("maxConnectionDuration", connections.maxConnectionMs),
    ...timeSaid("maxStreamDuration", connections.maxStreamMs),
    ...(underscores ? { headersWithUnderscoresAction: UNDERSCORES[underscores] } : {}),
  };
  return {
    ...(Object.keys(common).length > 0 ? { commonHttpProtocolOptions: common } : {}),
    http2ProtocolOptions: {
      allowConnect: true,
      ...said("maxConcurrentStreams", connections.maxConcurrentStreams),
      ...said("initialStreamWindowSize", connections.streamWindowBytes),
      ...said("initialConnectionWindowSize", connections.connectionWindowBytes),
    },
    // Long polls and silent gRPC streams are the application's business; Envoy would end them after five minutes. Istio's value.
    streamIdleTimeout: durationFromMs(streamIdleMs),
    // Envoy waits for ever for a head that has begun; its advice for the edge is 10 s.
    requestHeadersTimeout: durationFromMs(requestHeadersMs),
    ...timeSaid("requestTimeout", connections.requestMs),
    ...timeSaid("drainTimeout", connections.drainMs),
    ...said("mergeSlashes", mergeSlashes),
    ...(escapedSlashes ? { pathWithEscapedSlashesAction: ESCAPED_SLASHES[escapedSlashes] } : {}),
  };
}

export function httpFilter(context: ChainContext, chain: HttpChain): Filter {
  const { direction, settings } = context;
  const { proxyHeaders: headers } = settings;
  const { statPrefix, routes, resolvesHosts = false, tunnels = false, port, edge } = chain;
  const config = create(HttpConnectionManagerSchema, {
    statPrefix,
    codecType: HttpConnectionManager_CodecType.AUTO,
    routeSpecifier: routeSpecifier(routes),
    ...serverOptions(headers),
    // A sidecar is no edge: x-forwarded-for and x-request-id are passed on, so that both proxies log one id.
    useRemoteAddress: false,
    generateRequestId: headers.requestIds,
    appendXForwardedPort: headers.forwardedPort,
    // Router, policies and application see one path.
    ...pathOptions(settings.pathNormalization),
    // Without it Envoy drops the trailers of chunked messages, with allowConnect it takes WebSocket on HTTP/2 (RFC 8441).
    httpProtocolOptions: http1Options(headers.preservesCase),
    // The application says whether it wants the body, as with Istio (ENABLE_100_CONTINUE_HEADERS); by default Envoy would.
    proxy100Continue: true,
    upgradeConfigs: [{ upgradeType: "websocket" }, ...(tunnels ? [{ upgradeType: "CONNECT" }] : [])],
    ...(direction === "inbound" ? certificateOptions(headers) : {}),
    ...(edge ? edgeOptions(edge) : {}),
    ...connectionOptions((edge ? edge.connections : settings.connections) ?? {}),
    ...tracingFields(sideOf(context)?.tracing, context.features),
    accessLog: accessLogs(settings, "http", reporter(context), sideOf(context)?.logs),
    httpFilters: httpFilters({
      direction,
      resolvesHosts,
      debugHeaders: headers.debugHeaders,
      guards: requestGuards(context.guard, context.features, port, edge !== undefined),
    }),
  });
  return create(FilterSchema, {
    name: "envoy.filters.network.http_connection_manager",
    configType: { case: "typedConfig", value: packAny(HttpConnectionManagerSchema, config) },
  });
}

function tunnelTarget({ host, port }: Tunnel): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

type ConnectionFields = Pick<
  MessageInitShape<typeof TcpProxySchema>,
  "hashPolicy" | "idleTimeout" | "maxDownstreamConnectionDuration" | "tunnelingConfig"
>;

function connectionFields(settings: StreamSettings | undefined): ConnectionFields {
  const { hashSourceAddress = false, idleTimeoutMs: idle, maxDurationMs: duration, tunnel } = settings ?? {};
  return {
    ...(hashSourceAddress ? { hashPolicy: [{ policySpecifier: { case: "sourceIp", value: {} } }] } : {}),
    ...(idle === undefined ? {} : { idleTimeout: durationFromMs(idle) }),
    ...(duration === undefined ? {} : { maxDownstreamConnectionDuration: durationFromMs(duration) }),
    ...(tunnel ? { tunnelingConfig: { hostname: tunnelTarget(tunnel), usePost: tunnel.method === "POST" } } : {}),
  };
}

export function streamFilter(context: ChainContext, { statPrefix, clusters, settings }: StreamChain): Filter {
  const [only] = clusters;
  const report = reporter(context);
  const reportMs = sideOf(context)?.reportMs ?? STREAM_REPORT_MS;
  const config = create(TcpProxySchema, {
    statPrefix,
    clusterSpecifier:
      clusters.length === 1 && only
        ? { case: "cluster", value: only.name }
        : { case: "weightedClusters", value: { clusters: clusters.map(({ name, weight }) => ({ name, weight })) } },
    ...connectionFields(settings),
    ...(context.direction === "outbound" ? { maxConnectAttempts: CONNECT_ATTEMPTS } : {}),
    ...(report ? { accessLogOptions: { accessLogFlushInterval: durationFromMs(reportMs) } } : {}),
    accessLog: accessLogs(context.settings, "stream", report, sideOf(context)?.logs),
  });
  return create(FilterSchema, {
    name: "envoy.filters.network.tcp_proxy",
    configType: { case: "typedConfig", value: packAny(TcpProxySchema, config) },
  });
}

/** What judges connections before they reach the application as bytes. `port` is its own; undefined: the one that the client called. */
export function streamGuards({ guard, features }: ChainContext, port: number | undefined): readonly Filter[] {
  return connectionGuards(guard, features, port).map(({ name, config }) =>
    create(FilterSchema, { name, configType: { case: "typedConfig", value: config } }),
  );
}
