// HttpConnectionManager.

import type { Cidr } from "../../base/cidr.ts";
import { complete } from "../../base/steps.ts";
import {
  type Http2ProtocolOptions,
  type HttpProtocolOptions,
  HttpProtocolOptions_HeadersWithUnderscoresAction,
} from "../../xds/gen/envoy/config/core/v3/protocol_pb.ts";
import type { RouteConfiguration } from "../../xds/gen/envoy/config/route/v3/route_pb.ts";
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashesAction,
  type HttpConnectionManager,
  HttpConnectionManager_CodecType,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_ServerHeaderTransformation,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type {
  ClientCertificateForwarding,
  HttpTable,
  RouteConfiguration as RouteConfigurationTable,
  RouteSource,
  ServerHeader,
} from "../http.ts";
import { acceptAccessLogs } from "./access-log.ts";
import { acceptCidr } from "./cidr.ts";
import { acceptClientRules } from "./client-address.ts";
import { fetchTimeoutMs } from "./config-source.ts";
import { acceptFilters, suppressesEnvoyHeaders } from "./filter/filter.ts";
import { acceptHttp1 } from "./header-key-format.ts";
import { acceptKeepalive } from "./keepalive.ts";
import { acceptRouteConfiguration } from "./route-configuration.ts";
import { milliseconds, type Scope } from "./scope.ts";
import { acceptRequestId, acceptTracing } from "./tracing.ts";

/** Envoy's defaults (http_connection_manager.proto, protocol.proto). */
const DEFAULTS = {
  streamIdleTimeoutMs: 300_000,
  idleTimeoutMs: 3_600_000,
  drainTimeoutMs: 5_000,
  /** Off in Envoy, which advises 10 s at the edge; a head that takes longer is no client's. "0s" turns it off. */
  headTimeoutMs: 10_000,
  maxHeadKilobytes: 60,
  maxHeaders: 100,
  maxConcurrentStreams: 1_024,
  streamWindowBytes: 512 * 1024,
  connectionWindowBytes: 32 * 1024 * 1024,
} as const;

function acceptRoutes(scope: Scope, manager: HttpConnectionManager): RouteSource {
  const by = manager.routeSpecifier;
  switch (by.case) {
    case "rds":
      if (by.value.routeConfigName === "") scope.field("rds").field("route_config_name").reject("empty");
      return { kind: "rds", name: by.value.routeConfigName, fetchTimeoutMs: fetchTimeoutMs(by.value.configSource) };
    case "routeConfig":
      return { kind: "inline", routes: acceptInline(scope.field("route_config"), by.value) };
    default:
      scope.reject(by.case === undefined ? "no routes" : `${by.case} is not supported by Heddle's proxy`);
      return { kind: "rds", name: "", fetchTimeoutMs: 0 };
  }
}

function acceptInline(scope: Scope, config: RouteConfiguration): RouteConfigurationTable {
  return complete(acceptRouteConfiguration(scope, config)).routes;
}

function serverHeader(manager: HttpConnectionManager): ServerHeader {
  const value = manager.serverName || "envoy";
  switch (manager.serverHeaderTransformation) {
    case HttpConnectionManager_ServerHeaderTransformation.APPEND_IF_ABSENT:
      return { kind: "if-absent", value };
    case HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH:
      return { kind: "pass" };
    default:
      return { kind: "overwrite", value };
  }
}

const FORWARDING: ReadonlyMap<HttpConnectionManager_ForwardClientCertDetails, ClientCertificateForwarding> = new Map([
  [HttpConnectionManager_ForwardClientCertDetails.SANITIZE, "sanitize"],
  [HttpConnectionManager_ForwardClientCertDetails.FORWARD_ONLY, "forward-only"],
  [HttpConnectionManager_ForwardClientCertDetails.APPEND_FORWARD, "append-forward"],
  [HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET, "sanitize-set"],
  [HttpConnectionManager_ForwardClientCertDetails.ALWAYS_FORWARD_ONLY, "always-forward-only"],
]);

function acceptCodec(scope: Scope, type: HttpConnectionManager_CodecType): HttpTable["codec"] {
  switch (type) {
    case HttpConnectionManager_CodecType.AUTO:
      return "auto";
    case HttpConnectionManager_CodecType.HTTP1:
      return "http1";
    case HttpConnectionManager_CodecType.HTTP2:
      return "http2";
    default:
      scope.reject("HTTP/3 is not supported by Heddle's proxy");
      return "auto";
  }
}

const UNDERSCORES: ReadonlyMap<number, HttpTable["underscores"]> = new Map([
  [HttpProtocolOptions_HeadersWithUnderscoresAction.ALLOW, "allow"],
  [HttpProtocolOptions_HeadersWithUnderscoresAction.REJECT_REQUEST, "reject"],
  [HttpProtocolOptions_HeadersWithUnderscoresAction.DROP_HEADER, "drop"],
]);

function acceptCommonOptions(scope: Scope, options: HttpProtocolOptions | undefined) {
  if (options)
    scope.only(options, [
      "idleTimeout",
      "maxConnectionDuration",
      "maxHeadersCount",
      "maxStreamDuration",
      "headersWithUnderscoresAction",
      "maxRequestsPerConnection",
    ]);
  const underscores = UNDERSCORES.get(options?.headersWithUnderscoresAction ?? 0);
  if (!underscores) scope.field("headers_with_underscores_action").reject("unknown value");
  return {
    idleTimeoutMs: milliseconds(options?.idleTimeout, DEFAULTS.idleTimeoutMs),
    maxHeaders: options?.maxHeadersCount ?? DEFAULTS.maxHeaders,
    maxConnectionMs: milliseconds(options?.maxConnectionDuration, 0),
    maxStreamMs: milliseconds(options?.maxStreamDuration, 0),
    maxRequestsPerConnection: options?.maxRequestsPerConnection ?? 0,
    underscores: underscores ?? "allow",
  };
}

function acceptHttp2Options(scope: Scope, options: Http2ProtocolOptions | undefined) {
  if (options)
    scope.only(options, [
      "maxConcurrentStreams",
      "initialStreamWindowSize",
      "initialConnectionWindowSize",
      "allowConnect",
      "connectionKeepalive",
    ]);
  return {
    maxConcurrentStreams: options?.maxConcurrentStreams ?? DEFAULTS.maxConcurrentStreams,
    streamWindowBytes: options?.initialStreamWindowSize ?? DEFAULTS.streamWindowBytes,
    connectionWindowBytes: options?.initialConnectionWindowSize ?? DEFAULTS.connectionWindowBytes,
    ...acceptKeepalive(scope.field("connection_keepalive"), options?.connectionKeepalive),
  };
}

function acceptDetails(
  scope: Scope,
  { setCurrentClientCertDetails: details }: HttpConnectionManager,
): HttpTable["certificateDetails"] {
  if (details) scope.only(details, ["subject", "cert", "dns", "uri"]);
  return {
    certificate: details?.cert ?? false,
    subject: details?.subject ?? false,
    uri: details?.uri ?? false,
    dns: details?.dns ?? false,
  };
}

function acceptInternalAddresses(scope: Scope, { internalAddressConfig: config }: HttpConnectionManager): Cidr[] {
  if (!config) return [];
  scope.only(config, ["cidrRanges"]);
  return config.cidrRanges.flatMap((range, i) => acceptCidr(scope.field("cidr_ranges").index(i), range) ?? []);
}

function acceptStripping(scope: Scope, manager: HttpConnectionManager): HttpTable["stripsPort"] {
  const any = manager.stripPortMode.case === "stripAnyHostPort" && manager.stripPortMode.value;
  if (any && manager.stripMatchingHostPort)
    scope.field("strip_any_host_port").reject("beside strip_matching_host_port");
  if (any) return "any";
  return manager.stripMatchingHostPort ? "matching" : "none";
}

const ESCAPED_SLASHES: ReadonlyMap<EscapedSlashesAction, HttpTable["escapedSlashes"]> = new Map([
  [EscapedSlashesAction.REJECT_REQUEST, "reject"],
  [EscapedSlashesAction.UNESCAPE_AND_REDIRECT, "redirect"],
  [EscapedSlashesAction.UNESCAPE_AND_FORWARD, "forward"],
]);

export function acceptHttp(scope: Scope, manager: HttpConnectionManager): HttpTable {
  scope.only(manager, [
    "codecType",
    "statPrefix",
    "routeSpecifier",
    "httpFilters",
    "commonHttpProtocolOptions",
    "httpProtocolOptions",
    "http2ProtocolOptions",
    "serverName",
    "tracing",
    "requestIdExtension",
    "serverHeaderTransformation",
    "maxRequestHeadersKb",
    "streamIdleTimeout",
    "requestTimeout",
    "requestHeadersTimeout",
    "drainTimeout",
    "accessLog",
    "useRemoteAddress",
    "internalAddressConfig",
    "xffNumTrustedHops",
    "originalIpDetectionExtensions",
    "skipXffAppend",
    "appendXForwardedPort",
    "alwaysSetRequestIdInResponse",
    "stripMatchingHostPort",
    "stripPortMode",
    "stripTrailingHostDot",
    "generateRequestId",
    "preserveExternalRequestId",
    "forwardClientCertDetails",
    "setCurrentClientCertDetails",
    "proxy100Continue",
    "upgradeConfigs",
    "normalizePath",
    "mergeSlashes",
    "pathWithEscapedSlashesAction",
  ]);
  return {
    statPrefix: manager.statPrefix,
    codec: acceptCodec(scope.field("codec_type"), manager.codecType),
    routes: acceptRoutes(scope, manager),
    filters: acceptFilters(scope.field("http_filters"), manager),
    accessLogs: acceptAccessLogs(scope.field("access_log"), manager.accessLog),
    serverHeader: serverHeader(manager),
    ...acceptClientRules(scope, manager),
    skipsForwardedFor: manager.skipXffAppend,
    internalAddresses: acceptInternalAddresses(scope.field("internal_address_config"), manager),
    tracing: acceptTracing(scope.field("tracing"), manager.tracing),
    requestId: acceptRequestId(scope.field("request_id_extension"), manager.requestIdExtension),
    generateRequestId: manager.generateRequestId ?? true,
    answersRequestId: manager.alwaysSetRequestIdInResponse,
    suppressesEnvoyHeaders: suppressesEnvoyHeaders(manager),
    appendsForwardedPort: manager.appendXForwardedPort,
    stripsPort: acceptStripping(scope, manager),
    stripsDot: manager.stripTrailingHostDot,
    preserveExternalRequestId: manager.preserveExternalRequestId,
    clientCertificate: FORWARDING.get(manager.forwardClientCertDetails) ?? "sanitize",
    certificateDetails: acceptDetails(scope.field("set_current_client_cert_details"), manager),
    normalizePath: manager.normalizePath ?? false,
    mergeSlashes: manager.mergeSlashes,
    escapedSlashes: ESCAPED_SLASHES.get(manager.pathWithEscapedSlashesAction) ?? "keep",
    proxiesContinue: manager.proxy100Continue,
    preservesCase: acceptHttp1(scope.field("http_protocol_options"), manager.httpProtocolOptions),
    upgrades: new Set(
      manager.upgradeConfigs
        .filter(({ enabled }) => enabled !== false)
        .map(({ upgradeType }) => upgradeType.toLowerCase()),
    ),
    streamIdleTimeoutMs: milliseconds(manager.streamIdleTimeout, DEFAULTS.streamIdleTimeoutMs),
    requestTimeoutMs: milliseconds(manager.requestTimeout, 0),
    headTimeoutMs: milliseconds(manager.requestHeadersTimeout, DEFAULTS.headTimeoutMs),
    drainTimeoutMs: milliseconds(manager.drainTimeout, DEFAULTS.drainTimeoutMs),
    maxHeadBytes: (manager.maxRequestHeadersKb ?? DEFAULTS.maxHeadKilobytes) * 1024,
    ...acceptCommonOptions(scope.field("common_http_protocol_options"), manager.commonHttpProtocolOptions),
    ...acceptHttp2Options(scope.field("http2_protocol_options"), manager.http2ProtocolOptions),
  };
}
