// HttpConnectionManager.Tracing and Route.Tracing.

import type {
  Decorator,
  Tracing as RouteTracingMessage,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { Tracing_Http } from "../../xds/gen/envoy/config/trace/v3/http_tracer_pb.ts";
import {
  type OpenTelemetryConfig,
  OpenTelemetryConfigSchema,
} from "../../xds/gen/envoy/config/trace/v3/opentelemetry_pb.ts";
import {
  type ZipkinConfig,
  ZipkinConfig_CollectorEndpointVersion,
  ZipkinConfig_TraceContextOption,
  ZipkinConfigSchema,
} from "../../xds/gen/envoy/config/trace/v3/zipkin_pb.ts";
import type {
  HttpConnectionManager_Tracing,
  RequestIDExtension,
} from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { UuidRequestIdConfigSchema } from "../../xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb.ts";
import type { MetadataKind } from "../../xds/gen/envoy/type/metadata/v3/metadata_pb.ts";
import type {
  CustomTag_Metadata,
  CustomTag as CustomTagMessage,
} from "../../xds/gen/envoy/type/tracing/v3/custom_tag_pb.ts";
import {
  type FractionalPercent,
  FractionalPercent_DenominatorType,
  type Percent,
} from "../../xds/gen/envoy/type/v3/percent_pb.ts";
import { parseFormat } from "../format/format.ts";
import type {
  CustomTag,
  OtlpTracer,
  RequestIdRules,
  RouteTracing,
  Share,
  Tracer,
  TraceSampling,
  Tracing,
  ZipkinTracer,
} from "../tracing.ts";
import { acceptGrpcService } from "./grpc-service.ts";
import { acceptHttpService, type HttpTarget } from "./http-service.ts";
import { detected } from "./resource-detector.ts";
import { isA, type Scope } from "./scope.ts";

/** Envoy's (http_connection_manager.proto). */
const DEFAULT_PATH_LENGTH = 256;
/** Envoy's words for a service without a name. */
const UNKNOWN_SERVICE = "unknown_service:envoy";
const ALL: Share = { numerator: 100, denominator: 100 };

// ── sampling ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Clients' is compared in whole percents, the others in hundredths of them (Envoy: HttpConnectionManagerConfig). */
function share(percent: Percent | undefined, denominator: 100 | 10_000): Share {
  return percent ? { numerator: Math.floor((percent.value * denominator) / 100), denominator } : ALL;
}

const DENOMINATORS: ReadonlyMap<FractionalPercent_DenominatorType, number> = new Map([
  [FractionalPercent_DenominatorType.HUNDRED, 100],
  [FractionalPercent_DenominatorType.TEN_THOUSAND, 10_000],
  [FractionalPercent_DenominatorType.MILLION, 1_000_000],
]);

function fraction(percent: FractionalPercent | undefined): Share {
  if (!percent) return ALL;
  return { numerator: percent.numerator, denominator: DENOMINATORS.get(percent.denominator) ?? 100 };
}

// ── tags ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function metadataOf(kind: MetadataKind | undefined): (CustomTag & { kind: "metadata" })["of"] {
  switch (kind?.kind.case) {
    case "route":
      return "route";
    case "cluster":
      return "cluster";
    case "host":
      return "upstream-host";
    default:
      return "dynamic";
  }
}

function metadataTag(name: string, { kind, metadataKey, defaultValue }: CustomTag_Metadata): CustomTag {
  const path = (metadataKey?.path ?? []).flatMap(({ segment }) => segment.value ?? []);
  return {
    kind: "metadata",
    name,
    of: metadataOf(kind),
    namespace: metadataKey?.key ?? "",
    path,
    byDefault: defaultValue,
  };
}

function acceptTag(scope: Scope, { tag: name, type }: CustomTagMessage): readonly CustomTag[] {
  switch (type.case) {
    case "literal":
      return [{ kind: "literal", name, value: type.value.value }];
    case "environment": {
      const value = process.env[type.value.name] ?? type.value.defaultValue;
      return value === "" ? [] : [{ kind: "literal", name, value }];
    }
    case "requestHeader":
      return [{ kind: "header", name, header: type.value.name.toLowerCase(), byDefault: type.value.defaultValue }];
    case "metadata":
      return [metadataTag(name, type.value)];
    case "value": {
      const parsed = parseFormat(type.value, process.env);
      if ("format" in parsed) return [{ kind: "format", name, format: parsed.format }];
      scope.field("value").reject(parsed.error);
      return [];
    }
    default:
      scope.reject("no value");
      return [];
  }
}

export function acceptTags(scope: Scope, tags: readonly CustomTagMessage[]): readonly CustomTag[] {
  return tags.flatMap((tag, i) => {
    if (tag.tag === "") scope.index(i).field("tag").reject("empty");
    return acceptTag(scope.index(i), tag);
  });
}

// ── tracers ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Envoy's `tracing.zipkin.request_timeout`. */
const ZIPKIN_TIMEOUT_MS = 5_000;

/** `collector_service` stands over the fields before it. */
function zipkinTarget(scope: Scope, config: ZipkinConfig): HttpTarget {
  const { collectorService, collectorCluster: cluster, collectorEndpoint: path, collectorHostname } = config;
  if (collectorService) return acceptHttpService(scope.field("collector_service"), collectorService);
  if (cluster === "") scope.field("collector_cluster").reject("empty");
  if (path === "") scope.field("collector_endpoint").reject("empty");
  return { cluster, path, authority: collectorHostname || cluster, timeoutMs: ZIPKIN_TIMEOUT_MS, headers: [] };
}

function acceptZipkin(scope: Scope, config: ZipkinConfig): ZipkinTracer {
  scope.only(config, [
    "collectorCluster",
    "collectorEndpoint",
    "collectorEndpointVersion",
    "collectorHostname",
    "collectorService",
    "traceId128bit",
    "sharedSpanContext",
    "traceContextOption",
  ]);
  if (config.collectorEndpointVersion !== ZipkinConfig_CollectorEndpointVersion.HTTP_JSON)
    scope.field("collector_endpoint_version").reject("only HTTP_JSON is supported by Heddle's proxy");
  return {
    kind: "zipkin",
    ...zipkinTarget(scope, config),
    passesW3c: config.traceContextOption === ZipkinConfig_TraceContextOption.USE_B3_WITH_W3C_PROPAGATION,
    wideIds: config.traceId128bit,
    sharesIds: config.sharedSpanContext ?? true,
  };
}

function resourceOf(scope: Scope, { serviceName, resourceDetectors }: OpenTelemetryConfig): readonly string[] {
  const attributes = new Map<string, string>([["service.name", serviceName || UNKNOWN_SERVICE]]);
  for (const [i, detector] of resourceDetectors.entries()) {
    const found = detected(scope.field("resource_detectors").index(i), detector);
    for (let at = 0; at + 1 < found.length; at += 2) attributes.set(found[at]!, found[at + 1]!);
  }
  return [...attributes].flat();
}

function acceptOtlp(scope: Scope, config: OpenTelemetryConfig): OtlpTracer {
  scope.only(config, ["grpcService", "httpService", "serviceName", "resourceDetectors"]);
  const { grpcService, httpService } = config;
  const resource = resourceOf(scope, config);
  const none = { kind: "opentelemetry", resource, cluster: "", authority: "", timeoutMs: 0, headers: [] } as const;
  if (grpcService && httpService) scope.field("http_service").reject("beside grpc_service");
  if (grpcService) {
    return { ...none, ...acceptGrpcService(scope.field("grpc_service"), grpcService), httpPath: undefined };
  }
  if (!httpService) {
    scope.reject("neither grpc_service nor http_service");
    return { ...none, httpPath: "/" };
  }
  const { path: httpPath, ...target } = acceptHttpService(scope.field("http_service"), httpService);
  return { ...none, ...target, httpPath };
}

function acceptTracer(scope: Scope, provider: Tracing_Http | undefined): Tracer | undefined {
  if (!provider) return undefined;
  const at = scope.field("typed_config");
  const any = provider.configType.value;
  if (any && isA(any, ZipkinConfigSchema)) {
    const config = at.unpack(any, ZipkinConfigSchema);
    return config && acceptZipkin(at, config);
  }
  const config = at.unpack(any, OpenTelemetryConfigSchema);
  return config && acceptOtlp(at, config);
}

// ── the whole ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function acceptTracing(scope: Scope, tracing: HttpConnectionManager_Tracing | undefined): Tracing | undefined {
  if (!tracing) return undefined;
  scope.only(tracing, [
    "randomSampling",
    "clientSampling",
    "overallSampling",
    "maxPathTagLength",
    "customTags",
    "provider",
    "spawnUpstreamSpan",
    "noContextPropagation",
  ]);
  return {
    sampling: {
      client: share(tracing.clientSampling, 100),
      random: share(tracing.randomSampling, 10_000),
      overall: share(tracing.overallSampling, 10_000),
    },
    tracer: acceptTracer(scope.field("provider"), tracing.provider),
    tags: acceptTags(scope.field("custom_tags"), tracing.customTags),
    maxPathLength: tracing.maxPathTagLength ?? DEFAULT_PATH_LENGTH,
    spansOfAttempts: tracing.spawnUpstreamSpan ?? false,
    propagates: !tracing.noContextPropagation,
  };
}

function routeSampling(tracing: RouteTracingMessage | undefined): TraceSampling | undefined {
  if (!tracing) return undefined;
  const { clientSampling: client, randomSampling: random, overallSampling: overall } = tracing;
  return { client: fraction(client), random: fraction(random), overall: fraction(overall) };
}

/** Undefined: the route says nothing of it. */
export function acceptRouteTracing(
  scope: Scope,
  tracing: RouteTracingMessage | undefined,
  decorator: Decorator | undefined,
): RouteTracing | undefined {
  if (!tracing && !decorator) return undefined;
  if (tracing)
    scope.field("tracing").only(tracing, ["clientSampling", "randomSampling", "overallSampling", "customTags"]);
  return {
    sampling: routeSampling(tracing),
    tags: acceptTags(scope.field("tracing").field("custom_tags"), tracing?.customTags ?? []),
    operation: decorator?.operation ?? "",
    propagates: decorator?.propagate ?? true,
  };
}

export function acceptRequestId(scope: Scope, extension: RequestIDExtension | undefined): RequestIdRules {
  if (!extension) return { packsReason: true, decidesTracing: true };
  const config = scope.field("typed_config").unpack(extension.typedConfig, UuidRequestIdConfigSchema);
  return {
    packsReason: config?.packTraceReason ?? true,
    decidesTracing: config?.useRequestIdForTraceSampling ?? true,
  };
}
