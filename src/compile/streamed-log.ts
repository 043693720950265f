// Access logs that proxies stream to a service of the mesh.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { LogFields, LogValue } from "../model/access-log.ts";
import type { LogService } from "../model/telemetry.ts";
import { packAny } from "../xds/any.ts";
import { type AccessLog, AccessLogSchema } from "../xds/gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import { ApiVersion } from "../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import {
  type CommonGrpcAccessLogConfig,
  CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from "../xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.ts";
import { OpenTelemetryAccessLogConfigSchema } from "../xds/gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.ts";
import type { KeyValueListSchema, KeyValueSchema } from "../xds/gen/opentelemetry/proto/common/v1/common_pb.ts";

/** `line`: the body of OTLP's records where nobody wrote another. None for traffic that the service is not told of. */
export function streamedLog(
  service: LogService,
  cluster: string,
  traffic: "http" | "stream",
  line: string,
): readonly AccessLog[] {
  const { protocol } = service;
  switch (protocol.kind) {
    case "http":
      return traffic === "http" ? [httpLog(service, protocol, cluster)] : [];
    case "tcp":
      return traffic === "stream" ? [tcpLog(service, protocol.filterState, cluster)] : [];
    case "otlp":
      return [otlpLog(service, protocol, cluster, line)];
  }
}

function common({ host, logName }: LogService, cluster: string, state: readonly string[]): CommonGrpcAccessLogConfig {
  return create(CommonGrpcAccessLogConfigSchema, {
    logName,
    transportApiVersion: ApiVersion.V3,
    filterStateObjectsToLog: [...state],
    grpcService: { targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster, authority: host } } },
  });
}

function logOf(name: string, typedConfig: ReturnType<typeof packAny>): AccessLog {
  return create(AccessLogSchema, { name, configType: { case: "typedConfig", value: typedConfig } });
}

function httpLog(
  service: LogService,
  { filterState, headers }: LogService["protocol"] & { readonly kind: "http" | "tcp" },
  cluster: string,
): AccessLog {
  const config = create(HttpGrpcAccessLogConfigSchema, {
    commonConfig: common(service, cluster, filterState),
    additionalRequestHeadersToLog: [...headers.request],
    additionalResponseHeadersToLog: [...headers.response],
    additionalResponseTrailersToLog: [...headers.trailers],
  });
  return logOf("envoy.access_loggers.http_grpc", packAny(HttpGrpcAccessLogConfigSchema, config));
}

function tcpLog(service: LogService, filterState: readonly string[], cluster: string): AccessLog {
  const config = create(TcpGrpcAccessLogConfigSchema, { commonConfig: common(service, cluster, filterState) });
  return logOf("envoy.access_loggers.tcp_grpc", packAny(TcpGrpcAccessLogConfigSchema, config));
}

function otlpLog(
  service: LogService,
  { text = "", labels }: LogService["protocol"] & { readonly kind: "otlp" },
  cluster: string,
  line: string,
): AccessLog {
  const config = create(OpenTelemetryAccessLogConfigSchema, {
    commonConfig: common(service, cluster, []),
    body: { value: { case: "stringValue", value: text || line } },
    attributes: attributesOf(labels),
  });
  return logOf("envoy.access_loggers.open_telemetry", packAny(OpenTelemetryAccessLogConfigSchema, config));
}

function attributesOf(labels: LogFields): MessageInitShape<typeof KeyValueListSchema> {
  const names = Object.keys(labels).sort();
  return {
    values: names.map((key): MessageInitShape<typeof KeyValueSchema> => ({ key, value: labelValue(labels[key]!) })),
  };
}

/** Envoy takes texts, and lists of fields. */
function labelValue(value: LogValue): NonNullable<MessageInitShape<typeof KeyValueSchema>["value"]> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return { value: { case: "kvlistValue", value: attributesOf(value) } };
  return { value: { case: "stringValue", value: typeof value === "string" ? value : JSON.stringify(value) } };
}
