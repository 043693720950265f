// Access logs of listeners: the line that people read, and for Envoy the stream that the agent counts requests from.

import { create } from "@bufbuild/protobuf";
import { parseCel } from "../base/cel.ts";
import { notEvaluated } from "../base/cel-attributes.ts";
import type { AccessLog as LogSettings } from "../model/access-log.ts";
import type { MeshSettings } from "../model/settings.ts";
import { packAny } from "../xds/any.ts";
import {
  type AccessLog,
  type AccessLogFilter,
  AccessLogFilterSchema,
  AccessLogSchema,
} from "../xds/gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import { AccessLogType } from "../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { FileAccessLogSchema } from "../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.ts";
import { ExpressionFilterSchema } from "../xds/gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.ts";
import { type AccessLogReporter, httpReport, streamReport } from "./access-log-service.ts";
import { lazy } from "./lazy.ts";
import { streamedLog } from "./streamed-log.ts";
import type { ProxyLog } from "./telemetry.ts";

/** Istio's default line (telemetry_logging.go), which people grep and tools parse. */
const ISTIO_LINE =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n';

/** Istio's keys (EnvoyJSONLogFormatIstio). */
const ISTIO_JSON = {
  authority: "%REQ(:AUTHORITY)%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  connection_termination_details: "%CONNECTION_TERMINATION_DETAILS%",
  downstream_local_address: "%DOWNSTREAM_LOCAL_ADDRESS%",
  downstream_remote_address: "%DOWNSTREAM_REMOTE_ADDRESS%",
  duration: "%DURATION%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  request_id: "%REQ(X-REQUEST-ID)%",
  requested_server_name: "%REQUESTED_SERVER_NAME%",
  response_code: "%RESPONSE_CODE%",
  response_code_details: "%RESPONSE_CODE_DETAILS%",
  response_flags: "%RESPONSE_FLAGS%",
  route_name: "%ROUTE_NAME%",
  start_time: "%START_TIME%",
  upstream_cluster: "%UPSTREAM_CLUSTER_RAW%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_local_address: "%UPSTREAM_LOCAL_ADDRESS%",
  upstream_service_time: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  upstream_transport_failure_reason: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
  user_agent: "%REQ(USER-AGENT)%",
  x_forwarded_for: "%REQ(X-FORWARDED-FOR)%",
};

/** Heddle's proxy says in a sentence, where it answered by itself, why; Envoy does not know the operator. */
const HEDDLE_JSON = { ...ISTIO_JSON, explanation: "%HEDDLE_EXPLANATION%" };

/** Live streams report to the agent again and again; a person's log has one line for each, at its end. */
const onlyOnce = lazy(() =>
  create(AccessLogFilterSchema, {
    filterSpecifier: { case: "logTypeFilter", value: { types: [AccessLogType.TcpPeriodic], exclude: true } },
  }),
);

/** Envoy's extension, which Heddle's proxy reads as well. */
function expressionFilter(expression: string): AccessLogFilter {
  const config = create(ExpressionFilterSchema, { expression });
  return create(AccessLogFilterSchema, {
    filterSpecifier: {
      case: "extensionFilter",
      value: {
        name: "envoy.access_loggers.extension_filters.cel",
        configType: { case: "typedConfig", value: packAny(ExpressionFilterSchema, config) },
      },
    },
  });
}

function bothOf(filters: readonly AccessLogFilter[]): AccessLogFilter | undefined {
  if (filters.length < 2) return filters[0];
  return create(AccessLogFilterSchema, { filterSpecifier: { case: "andFilter", value: { filters: [...filters] } } });
}

interface FileOptions {
  readonly filter: AccessLogFilter | undefined;
  readonly explains: boolean;
  readonly omitsEmpty?: boolean;
}

function fileLog(log: LogSettings, { filter, explains, omitsEmpty = false }: FileOptions): AccessLog[] {
  if (log.kind === "off") return [];
  const format =
    log.kind === "json"
      ? ({ case: "jsonFormat", value: log.format ?? (explains ? HEDDLE_JSON : ISTIO_JSON) } as const)
      : ({
          case: "textFormatSource",
          value: { specifier: { case: "inlineString", value: log.format ?? ISTIO_LINE } },
        } as const);
  const config = create(FileAccessLogSchema, {
    path: log.path,
    accessLogFormat: { case: "logFormat", value: { format, ...(omitsEmpty ? { omitEmptyValues: true } : {}) } },
  });
  return [
    create(AccessLogSchema, {
      name: "envoy.access_loggers.file",
      configType: { case: "typedConfig", value: packAny(FileAccessLogSchema, config) },
      ...(filter ? { filter } : {}),
    }),
  ];
}

function filtered(log: AccessLog, filter: AccessLogFilter | undefined): AccessLog {
  return filter ? { ...log, filter } : log;
}

/** An error of an expression logs nothing (ExpressionFilter), so what cannot be evaluated does not either. */
function isEvaluated(expression: string): boolean {
  const parsed = parseCel(expression);
  return "expression" in parsed && notEvaluated(parsed.expression) === undefined;
}

interface LogOptions {
  readonly traffic: "http" | "stream";
  readonly repeats: boolean;
  /** Of Heddle's proxy. */
  readonly own: boolean;
}

function toldLog({ provider, filter, cluster }: ProxyLog, { traffic, repeats, own }: LogOptions): AccessLog[] {
  if (own && filter !== undefined && !isEvaluated(filter)) return [];
  const filters = [...(repeats ? [onlyOnce()] : []), ...(filter === undefined ? [] : [expressionFilter(filter)])];
  if (provider.kind === "log-service") {
    if (cluster === undefined) return [];
    return streamedLog(provider, cluster, traffic, ISTIO_LINE).map((log) => filtered(log, bothOf(filters)));
  }
  if (provider.kind !== "access-log") return [];
  return fileLog(provider.log, { filter: bothOf(filters), explains: own, omitsEmpty: provider.omitsEmpty });
}

/** `reporter`: undefined when the proxy counts for itself. `told`: what Telemetry says; undefined: the mesh's own log. */
export function accessLogs(
  settings: MeshSettings,
  traffic: "http" | "stream",
  reporter: AccessLogReporter | undefined,
  told?: readonly ProxyLog[],
): AccessLog[] {
  const report = reporter && (traffic === "http" ? httpReport(reporter) : streamReport(reporter));
  const repeats = traffic === "stream" && report !== undefined;
  const own = reporter === undefined;
  const files = told
    ? told.flatMap((log) => toldLog(log, { traffic, repeats, own }))
    : fileLog(settings.accessLog, { filter: repeats ? onlyOnce() : undefined, explains: own });
  return [...files, ...(report ? [report] : [])];
}
