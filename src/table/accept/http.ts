// HttpConnectionManager and its filters.

import type { Any } from "@bufbuild/protobuf/wkt";
import type { Http2ProtocolOptions, HttpProtocolOptions } from "../../xds/gen/envoy/config/core/v3/protocol_pb.ts";
import { FilterConfigSchema as DynamicForwardProxySchema } from "../../xds/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.ts";
import { ConfigSchema as HeaderToMetadataSchema } from "../../xds/gen/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.ts";
import { OnDemandSchema } from "../../xds/gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.ts";
import { RBACSchema } from "../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { RouterSchema } from "../../xds/gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import {
  type HttpConnectionManager,
  HttpConnectionManager_CodecType,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_ServerHeaderTransformation,
  type HttpConnectionManager_Tracing,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import type { ClientCertificateForwarding, HttpFilter, HttpTable, RouteSource, ServerHeader } from "../http.ts";
import { acceptAccessLogs } from "./access-log.ts";
import { acceptRbac } from "./rbac.ts";
import { acceptRouteConfiguration } from "./route.ts";
import { isA, milliseconds, type Scope } from "./scope.ts";

/** Envoy's defaults (http_connection_manager.proto, protocol.proto). */
const DEFAULTS = {
  streamIdleTimeoutMs: 300_000,
  idleTimeoutMs: 3_600_000,
  drainTimeoutMs: 5_000,
  headTimeoutMs: 0,
  maxHeadKilobytes: 60,
  maxHeaders: 100,
  maxConcurrentStreams: 1_024,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 16 * 1024 * 1024,
} as const;

function acceptRouter(scope: Scope, any: Any): void {
  const router = scope.unpack(any, RouterSchema);
  if (router) scope.only(router, ["dynamicStats", "suppressEnvoyHeaders"]);
}

function acceptFilter(scope: Scope, any: Any): HttpFilter | undefined {
  if (isA(any, OnDemandSchema)) return { kind: "on-demand" };
  if (isA(any, DynamicForwardProxySchema)) return { kind: "dynamic-forward-proxy" };
  if (isA(any, RBACSchema)) {
    const rbac = scope.unpack(any, RBACSchema);
    if (!rbac) return undefined;
    scope.only(rbac, ["rules", "shadowRules", "shadowRulesStatPrefix", "rulesStatPrefix"]);
    return {
      kind: "rbac",
      rules: rbac.rules && acceptRbac(scope.field("rules"), rbac.rules),
      shadow: rbac.shadowRules && acceptRbac(scope.field("shadow_rules"), rbac.shadowRules),
    };
  }
  if (isA(any, HeaderToMetadataSchema)) {
    const config = scope.unpack(any, HeaderToMetadataSchema);
    if (!config) return undefined;
    scope.only(config, ["requestRules"]);
    const rules = config.requestRules.map((rule, i) => {
      const at = scope.field("request_rules").index(i);
      at.only(rule, ["header", "onHeaderPresent", "remove"]);
      if (rule.onHeaderPresent)
        at.field("on_header_present").only(rule.onHeaderPresent, ["metadataNamespace", "key", "type"]);
      return {
        header: rule.header.toLowerCase(),
        namespace: rule.onHeaderPresent?.metadataNamespace ?? "",
        key: rule.onHeaderPresent?.key ?? "",
        remove: rule.remove,
      };
    });
    return { kind: "header-to-metadata", rules };
  }
  scope.reject(`filter ${JSON.stringify(any.typeUrl)} is not supported by Heddle's proxy`);
  return undefined;
}

function acceptFilters(scope: Scope, manager: HttpConnectionManager): HttpFilter[] {
  const last = manager.httpFilters.length - 1;
  if (last < 0) scope.reject("empty: the router must be the last filter");
  return manager.httpFilters.flatMap((filter, i) => {
    const at = scope.index(i);
    at.only(filter, ["name", "configType"]);
    const any = filter.configType.case === "typedConfig" ? filter.configType.value : undefined;
    if (!any) {
      at.reject("only typed_config is supported by Heddle's proxy");
      return [];
    }
    if (i === last) {
      acceptRouter(at.field("typed_config"), any);
      return [];
    }
    return acceptFilter(at.field("typed_config"), any) ?? [];
  });
}

function acceptRoutes(scope: Scope, manager: HttpConnectionManager): RouteSource {
  const by = manager.routeSpecifier;
  switch (by.case) {
    case "rds":
      if (by.value.routeConfigName === "") scope.field("rds").field("route_config_name").reject("empty");
      return { kind: "rds", name: by.value.routeConfigName };
    case "routeConfig":
      return { kind: "inline", routes: acceptRouteConfiguration(scope.field("route_config"), by.value) };
    default:
      scope.reject(by.case === undefined ? "no routes" : `${by.case} is not supported by Heddle's proxy`);
      return { kind: "rds", name: "" };
  }
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

function acceptCommonOptions(
  scope: Scope,
  options: HttpProtocolOptions | undefined,
): { idleTimeoutMs: number; maxHeaders: number } {
  if (options) scope.only(options, ["idleTimeout", "maxHeadersCount", "headersWithUnderscoresAction"]);
  return {
    idleTimeoutMs: milliseconds(options?.idleTimeout, DEFAULTS.idleTimeoutMs),
    maxHeaders: options?.maxHeadersCount ?? DEFAULTS.maxHeaders,
  };
}

function acceptHttp2Options(scope: Scope, options: Http2ProtocolOptions | undefined) {
  if (options)
    scope.only(options, [
      "maxConcurrentStreams",
      "initialStreamWindowSize",
      "initialConnectionWindowSize",
      "allowConnect",
    ]);
  return {
    maxConcurrentStreams: options?.maxConcurrentStreams ?? DEFAULTS.maxConcurrentStreams,
    streamWindowBytes: options?.initialStreamWindowSize ?? DEFAULTS.streamWindowBytes,
    connectionWindowBytes: options?.initialConnectionWindowSize ?? DEFAULTS.connectionWindowBytes,
  };
}

/** DNS names are taken from nobody: the mesh's certificates have a URI alone, and Envoy then writes none either. */
function acceptDetails(
  scope: Scope,
  { setCurrentClientCertDetails: details }: HttpConnectionManager,
): HttpTable["certificateDetails"] {
  if (details) scope.only(details, ["subject", "dns", "uri"]);
  return { subject: details?.subject ?? false, uri: details?.uri ?? false };
}

/** Trace headers are made and passed on; spans are reported by nobody yet, so a provider would be a promise not kept. */
function acceptTracing(scope: Scope, tracing: HttpConnectionManager_Tracing | undefined): HttpTable["tracing"] {
  if (!tracing) return undefined;
  scope.only(tracing, ["randomSampling", "clientSampling", "overallSampling"]);
  return { samplingPercent: tracing.randomSampling?.value ?? 100 };
}

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
    "serverHeaderTransformation",
    "maxRequestHeadersKb",
    "streamIdleTimeout",
    "requestTimeout",
    "requestHeadersTimeout",
    "drainTimeout",
    "accessLog",
    "useRemoteAddress",
    "generateRequestId",
    "preserveExternalRequestId",
    "forwardClientCertDetails",
    "setCurrentClientCertDetails",
    "upgradeConfigs",
    "normalizePath",
    "mergeSlashes",
    "pathWithEscapedSlashesAction",
  ]);
  if (manager.httpProtocolOptions)
    scope.field("http_protocol_options").only(manager.httpProtocolOptions, ["allowAbsoluteUrl", "enableTrailers"]);
  if (manager.pathWithEscapedSlashesAction > 1)
    scope.field("path_with_escaped_slashes_action").reject("only KEEP_UNCHANGED is supported by Heddle's proxy");
  return {
    statPrefix: manager.statPrefix,
    codec: acceptCodec(scope.field("codec_type"), manager.codecType),
    routes: acceptRoutes(scope, manager),
    filters: acceptFilters(scope.field("http_filters"), manager),
    accessLogs: acceptAccessLogs(scope.field("access_log"), manager.accessLog),
    serverHeader: serverHeader(manager),
    useRemoteAddress: manager.useRemoteAddress ?? false,
    tracing: acceptTracing(scope.field("tracing"), manager.tracing),
    generateRequestId: manager.generateRequestId ?? true,
    preserveExternalRequestId: manager.preserveExternalRequestId,
    clientCertificate: FORWARDING.get(manager.forwardClientCertDetails) ?? "sanitize",
    certificateDetails: acceptDetails(scope.field("set_current_client_cert_details"), manager),
    normalizePath: manager.normalizePath ?? false,
    mergeSlashes: manager.mergeSlashes,
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
