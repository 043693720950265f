// Access logs of listeners: the line that people read, and for Envoy the stream that the agent counts requests from.

import { create } from "@bufbuild/protobuf";
import type { MeshSettings } from "../model/settings.ts";
import { packAny } from "../xds/any.ts";
import {
  type AccessLog,
  AccessLogFilterSchema,
  AccessLogSchema,
} from "../xds/gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import { AccessLogType } from "../xds/gen/envoy/data/accesslog/v3/accesslog_pb.ts";
import { FileAccessLogSchema } from "../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.ts";
import { type AccessLogReporter, httpReport, streamReport } from "./access-log-service.ts";
import { lazy } from "./lazy.ts";

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

function fileLog(settings: MeshSettings, repeats: boolean, explains: boolean): AccessLog[] {
  const { accessLog } = settings;
  if (accessLog.kind === "off") return [];
  const format =
    accessLog.kind === "json"
      ? ({ case: "jsonFormat", value: accessLog.format ?? (explains ? HEDDLE_JSON : ISTIO_JSON) } as const)
      : ({
          case: "textFormatSource",
          value: { specifier: { case: "inlineString", value: accessLog.format ?? ISTIO_LINE } },
        } as const);
  const config = create(FileAccessLogSchema, {
    path: accessLog.path,
    accessLogFormat: { case: "logFormat", value: { format } },
  });
  return [
    create(AccessLogSchema, {
      name: "envoy.access_loggers.file",
      configType: { case: "typedConfig", value: packAny(FileAccessLogSchema, config) },
      ...(repeats ? { filter: onlyOnce() } : {}),
    }),
  ];
}

/** `reporter`: undefined when the proxy counts for itself. */
export function accessLogs(
  settings: MeshSettings,
  traffic: "http" | "stream",
  reporter: AccessLogReporter | undefined,
): AccessLog[] {
  const report = reporter && (traffic === "http" ? httpReport(reporter) : streamReport(reporter));
  const repeats = traffic === "stream" && report !== undefined;
  return [...fileLog(settings, repeats, reporter === undefined), ...(report ? [report] : [])];
}
