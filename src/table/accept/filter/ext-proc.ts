// envoy.extensions.filters.http.ext_proc.v3: ExternalProcessor and ExtProcPerRoute.

import type { HeaderMutationRules } from "../../../xds/gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb.ts";
import type { HeaderValue } from "../../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type { GrpcService } from "../../../xds/gen/envoy/config/core/v3/grpc_service_pb.ts";
import {
  type ExternalProcessor,
  ExternalProcessor_RouteCacheAction,
  type ExtProcPerRoute,
  type MetadataOptions,
} from "../../../xds/gen/envoy/extensions/filters/http/ext_proc/v3/ext_proc_pb.ts";
import {
  type ProcessingMode,
  ProcessingMode_BodySendMode,
  ProcessingMode_HeaderSendMode,
} from "../../../xds/gen/envoy/extensions/filters/http/ext_proc/v3/processing_mode_pb.ts";
import type { ListStringMatcher } from "../../../xds/gen/envoy/type/matcher/v3/string_pb.ts";
import type * as table from "../../filter/ext-proc.ts";
import type { RouteFilterTable } from "../../filter/filter.ts";
import type { StringMatch } from "../../string-match.ts";
import { acceptRegex, acceptString } from "../match.ts";
import { milliseconds, type Scope } from "../scope.ts";

/** Envoy's (ext_proc.proto). */
const DEFAULT_MESSAGE_TIMEOUT_MS = 200;

const BODY_MODES: ReadonlyMap<ProcessingMode_BodySendMode, table.BodyMode> = new Map([
  [ProcessingMode_BodySendMode.NONE, "none"],
  [ProcessingMode_BodySendMode.STREAMED, "streamed"],
  [ProcessingMode_BodySendMode.BUFFERED, "buffered"],
  [ProcessingMode_BodySendMode.BUFFERED_PARTIAL, "buffered-partial"],
  [ProcessingMode_BodySendMode.FULL_DUPLEX_STREAMED, "full-duplex"],
]);

/** Undefined for a mode that the proxy does not have. */
export function bodyMode(mode: ProcessingMode_BodySendMode): table.BodyMode | undefined {
  return BODY_MODES.get(mode);
}

/** Headers are sent unless told otherwise, trailers are not. */
export function sends(mode: ProcessingMode_HeaderSendMode, otherwise: boolean): boolean {
  return mode === ProcessingMode_HeaderSendMode.DEFAULT ? otherwise : mode === ProcessingMode_HeaderSendMode.SEND;
}

function acceptBodyMode(scope: Scope, mode: ProcessingMode_BodySendMode): table.BodyMode {
  const known = bodyMode(mode);
  if (!known) scope.reject("no mode that Heddle's proxy knows");
  return known ?? "none";
}

/** Else the server would not know where the body ends (Envoy refuses it as well). */
function checkTrailers(scope: Scope, body: table.BodyMode, trailers: boolean): void {
  if (body === "full-duplex" && !trailers) scope.reject("must be SEND beside a body mode of FULL_DUPLEX_STREAMED");
}

function acceptMode(scope: Scope, mode: ProcessingMode | undefined): table.ProcessingMode {
  const accepted = acceptParts(scope, mode);
  checkTrailers(scope.field("request_trailer_mode"), accepted.requestBody, accepted.requestTrailers);
  checkTrailers(scope.field("response_trailer_mode"), accepted.responseBody, accepted.responseTrailers);
  return accepted;
}

function acceptParts(scope: Scope, mode: ProcessingMode | undefined): table.ProcessingMode {
  return {
    requestHeaders: sends(mode?.requestHeaderMode ?? 0, true),
    responseHeaders: sends(mode?.responseHeaderMode ?? 0, true),
    requestBody: acceptBodyMode(scope.field("request_body_mode"), mode?.requestBodyMode ?? 0),
    responseBody: acceptBodyMode(scope.field("response_body_mode"), mode?.responseBodyMode ?? 0),
    requestTrailers: sends(mode?.requestTrailerMode ?? 0, false),
    responseTrailers: sends(mode?.responseTrailerMode ?? 0, false),
  };
}

function acceptRules(scope: Scope, rules: HeaderMutationRules | undefined): table.MutationRules {
  return {
    routing: rules?.allowAllRouting ?? false,
    envoy: rules?.allowEnvoy ?? false,
    system: !(rules?.disallowSystem ?? false),
    all: !(rules?.disallowAll ?? false),
    allow: rules?.allowExpression && acceptRegex(scope.field("allow_expression"), rules.allowExpression),
    disallow: rules?.disallowExpression && acceptRegex(scope.field("disallow_expression"), rules.disallowExpression),
    isError: rules?.disallowIsError ?? false,
  };
}

function acceptInitialMetadata(scope: Scope, values: readonly HeaderValue[]): readonly string[] {
  return values.flatMap(({ key, value }, i) => {
    if (value.includes("%")) scope.index(i).field("value").reject("operators are not supported by Heddle's proxy");
    return [key.toLowerCase(), value];
  });
}

function acceptService(scope: Scope, service: GrpcService | undefined): table.ProcessorService {
  if (service) scope.only(service, ["targetSpecifier", "timeout", "initialMetadata"]);
  const by = service?.targetSpecifier;
  if (by?.case !== "envoyGrpc") {
    scope.reject("only envoy_grpc is supported by Heddle's proxy");
    return { cluster: "", authority: "", metadata: [], timeoutMs: 0 };
  }
  scope.field("envoy_grpc").only(by.value, ["clusterName", "authority", "skipEnvoyHeaders"]);
  if (by.value.clusterName === "") scope.field("envoy_grpc").field("cluster_name").reject("empty");
  return {
    cluster: by.value.clusterName,
    authority: by.value.authority,
    metadata: acceptInitialMetadata(scope.field("initial_metadata"), service?.initialMetadata ?? []),
    timeoutMs: milliseconds(service?.timeout, 0),
  };
}

function acceptNamespaces(scope: Scope, options: MetadataOptions | undefined): table.MetadataNamespaces {
  if ((options?.forwardingNamespaces?.typed.length ?? 0) > 0)
    scope.field("forwarding_namespaces").field("typed").reject("not supported by Heddle's proxy");
  return {
    sent: options?.forwardingNamespaces?.untyped ?? [],
    taken: new Set(options?.receivingNamespaces?.untyped),
  };
}

function acceptPatterns(scope: Scope, list: ListStringMatcher | undefined): readonly StringMatch[] | undefined {
  return list?.patterns.map((pattern, i) => acceptString(scope.field("patterns").index(i), pattern));
}

const ROUTE_CACHE: ReadonlyMap<ExternalProcessor_RouteCacheAction, table.ExtProcFilter["routeCache"]> = new Map([
  [ExternalProcessor_RouteCacheAction.CLEAR, "clear"],
  [ExternalProcessor_RouteCacheAction.RETAIN, "retain"],
]);

export function acceptExtProc(scope: Scope, filter: ExternalProcessor): table.ExtProcFilter {
  scope.only(filter, [
    "grpcService",
    "failureModeAllow",
    "processingMode",
    "messageTimeout",
    "statPrefix",
    "mutationRules",
    "maxMessageTimeout",
    "forwardRules",
    "allowModeOverride",
    "disableImmediateResponse",
    "metadataOptions",
    "disableClearRouteCache",
    "routeCacheAction",
  ]);
  const { forwardRules } = filter;
  const forward = scope.field("forward_rules");
  return {
    kind: "ext-proc",
    service: acceptService(scope.field("grpc_service"), filter.grpcService),
    mode: acceptMode(scope.field("processing_mode"), filter.processingMode),
    failureModeAllow: filter.failureModeAllow,
    messageTimeoutMs: milliseconds(filter.messageTimeout, DEFAULT_MESSAGE_TIMEOUT_MS),
    maxMessageTimeoutMs: milliseconds(filter.maxMessageTimeout, 0),
    rules: acceptRules(scope.field("mutation_rules"), filter.mutationRules),
    allowedHeaders: acceptPatterns(forward.field("allowed_headers"), forwardRules?.allowedHeaders),
    disallowedHeaders: acceptPatterns(forward.field("disallowed_headers"), forwardRules?.disallowedHeaders) ?? [],
    allowModeOverride: filter.allowModeOverride,
    ignoreImmediateResponse: filter.disableImmediateResponse,
    routeCache: filter.disableClearRouteCache ? "retain" : (ROUTE_CACHE.get(filter.routeCacheAction) ?? "default"),
    metadata: acceptNamespaces(scope.field("metadata_options"), filter.metadataOptions),
  };
}

export function acceptExtProcRoute(scope: Scope, { override: by }: ExtProcPerRoute): RouteFilterTable {
  if (by.case !== "overrides") {
    if (by.case === undefined || !by.value) scope.reject("neither disabled nor overrides");
    return { kind: "disabled" };
  }
  const at = scope.field("overrides");
  const { processingMode, grpcService, metadataOptions } = by.value;
  at.only(by.value, ["processingMode", "grpcService", "metadataOptions", "grpcInitialMetadata"]);
  return {
    kind: "ext-proc-route",
    mode: processingMode && acceptMode(at.field("processing_mode"), processingMode),
    service: grpcService && acceptService(at.field("grpc_service"), grpcService),
    metadata: metadataOptions && acceptNamespaces(at.field("metadata_options"), metadataOptions),
    initialMetadata: acceptInitialMetadata(at.field("grpc_initial_metadata"), by.value.grpcInitialMetadata),
  };
}
