// Access logs that go to a service: Envoy's own, and OTLP's.

import type {
  CommonGrpcAccessLogConfig,
  HttpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfig,
} from "../../xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.ts";
import type { OpenTelemetryAccessLogConfig } from "../../xds/gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.ts";
import type { AnyValue, KeyValueList } from "../../xds/gen/opentelemetry/proto/common/v1/common_pb.ts";
import { parseFormat } from "../format/format.ts";
import type { EntryParts, LogService, OtlpField, OtlpNode, StreamedLog } from "../streamed-log.ts";
import { acceptGrpcService, type GrpcTarget, NO_TARGET } from "./grpc-service.ts";
import { milliseconds, type Scope } from "./scope.ts";
import { acceptTags } from "./tracing.ts";

/** Envoy's (als.proto). */
const BUFFER_BYTES = 16_384;
const FLUSH_MS = 1_000;

function acceptTarget(scope: Scope, { grpcService }: CommonGrpcAccessLogConfig): GrpcTarget {
  const at = scope.field("grpc_service");
  if (grpcService) return acceptGrpcService(at, grpcService);
  at.reject("missing");
  return NO_TARGET;
}

function serviceOf(target: GrpcTarget, config: CommonGrpcAccessLogConfig): LogService {
  const { cluster, authority, headers } = target;
  return {
    cluster,
    authority,
    headers,
    logName: config.logName,
    bufferBytes: config.bufferSizeBytes ?? BUFFER_BYTES,
    flushMs: milliseconds(config.bufferFlushInterval, FLUSH_MS),
  };
}

// `transport_api_version` says V3, as all that there is.
const COMMON = ["logName", "grpcService", "transportApiVersion", "bufferFlushInterval", "bufferSizeBytes"] as const;

function acceptStream(
  scope: Scope,
  kind: "http" | "tcp",
  config: CommonGrpcAccessLogConfig | undefined,
  headers: Omit<EntryParts, "filterState" | "tags">,
): StreamedLog | undefined {
  const at = scope.field("common_config");
  if (!config) {
    at.reject("missing");
    return undefined;
  }
  at.only(config, [...COMMON, "filterStateObjectsToLog", "customTags"]);
  const target = acceptTarget(at, config);
  if (target.timeoutMs > 0)
    at.field("grpc_service").field("timeout").reject("a stream that lasts has none on Heddle's proxy");
  const tags = acceptTags(at.field("custom_tags"), config.customTags);
  return {
    kind,
    service: serviceOf(target, config),
    parts: { ...headers, tags, filterState: config.filterStateObjectsToLog },
  };
}

const lowerCase = (names: readonly string[]) => names.map((name) => name.toLowerCase());

export function acceptHttpStream(scope: Scope, config: HttpGrpcAccessLogConfig): StreamedLog | undefined {
  return acceptStream(scope, "http", config.commonConfig, {
    requestHeaders: lowerCase(config.additionalRequestHeadersToLog),
    responseHeaders: lowerCase(config.additionalResponseHeadersToLog),
    responseTrailers: lowerCase(config.additionalResponseTrailersToLog),
  });
}

export function acceptTcpStream(scope: Scope, { commonConfig }: TcpGrpcAccessLogConfig): StreamedLog | undefined {
  return acceptStream(scope, "tcp", commonConfig, { requestHeaders: [], responseHeaders: [], responseTrailers: [] });
}

// ── OTLP ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function acceptNode(scope: Scope, value: AnyValue | undefined): OtlpNode {
  const by = value?.value;
  switch (by?.case) {
    case "stringValue": {
      const parsed = parseFormat(by.value, process.env);
      if ("format" in parsed) return { kind: "text", format: parsed.format };
      scope.field("string_value").reject(parsed.error);
      break;
    }
    case "arrayValue":
      return {
        kind: "list",
        items: by.value.values.map((item, i) => acceptNode(scope.field("array_value").index(i), item)),
      };
    case "kvlistValue":
      return { kind: "fields", fields: acceptFields(scope.field("kvlist_value"), by.value) };
    default:
      // Envoy: "Only string values, nested structs and arrays are supported in OpenTelemetry access log format."
      scope.reject("only texts, lists and fields are supported");
  }
  return { kind: "text", format: [] };
}

function acceptFields(scope: Scope, list: KeyValueList | undefined): readonly OtlpField[] {
  return (list?.values ?? []).map(({ key, value }, i) => ({
    key,
    node: acceptNode(scope.field("values").index(i).field("value"), value),
  }));
}

/** Operators are none there: what a proxy is does not change. */
function acceptResource(scope: Scope, list: KeyValueList | undefined): readonly string[] {
  return (list?.values ?? []).flatMap(({ key, value }, i) => {
    if (value?.value.case === "stringValue") return [key, value.value.value];
    scope.field("values").index(i).field("value").reject("only texts are supported by Heddle's proxy");
    return [];
  });
}

export function acceptOtlpLog(scope: Scope, config: OpenTelemetryAccessLogConfig): StreamedLog | undefined {
  scope.only(config, [
    "commonConfig",
    "disableBuiltinLabels",
    "resourceAttributes",
    "body",
    "attributes",
    "statPrefix",
  ]);
  const { commonConfig: common } = config;
  const at = scope.field("common_config");
  if (!common) {
    at.reject("missing");
    return undefined;
  }
  at.only(common, COMMON);
  const target = acceptTarget(at, common);
  return {
    kind: "otlp",
    service: serviceOf(target, common),
    timeoutMs: target.timeoutMs,
    body: config.body && acceptNode(scope.field("body"), config.body),
    attributes: acceptFields(scope.field("attributes"), config.attributes),
    resource: acceptResource(scope.field("resource_attributes"), config.resourceAttributes),
    saysWho: !config.disableBuiltinLabels,
    statPrefix: config.statPrefix,
  };
}
