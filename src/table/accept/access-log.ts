// Access logs: to files, standard streams and services.

import type { JsonObject } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { AccessLog } from "../../xds/gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import type { SubstitutionFormatString } from "../../xds/gen/envoy/config/core/v3/substitution_format_string_pb.ts";
import { FileAccessLogSchema } from "../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.ts";
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from "../../xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.ts";
import { OpenTelemetryAccessLogConfigSchema } from "../../xds/gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.ts";
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from "../../xds/gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts";
import { parseFormat } from "../format/format.ts";
import { type LineFormat, parseJsonFormat } from "../format/line-format.ts";
import type { AccessLog as AccessLogTable, LogPlace } from "../http.ts";
import { acceptLogFilter } from "./log-filter.ts";
import { isA, type Scope } from "./scope.ts";
import { acceptHttpStream, acceptOtlpLog, acceptTcpStream } from "./streamed-log.ts";

/** Envoy's default (docs: access log, default format string). */
const ENVOY_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

const EMPTY: LineFormat = { kind: "text", format: [], omitEmpty: false };

function acceptText(scope: Scope, text: string, omitEmpty: boolean): LineFormat {
  const parsed = parseFormat(text, process.env);
  if ("format" in parsed) return { kind: "text", format: parsed.format, omitEmpty };
  scope.reject(parsed.error);
  return EMPTY;
}

function acceptJson(scope: Scope, structure: JsonObject, omitEmpty: boolean): LineFormat {
  const parsed = parseJsonFormat(structure, process.env);
  if ("format" in parsed) return { kind: "json", root: parsed.format, omitEmpty };
  scope.reject(parsed.error);
  return EMPTY;
}

/** `content_type` is of bodies, and `json_format_options` sorts what is sorted anyhow: neither changes a log. */
export function acceptLineFormat(scope: Scope, format: SubstitutionFormatString | undefined): LineFormat {
  if (!format) return acceptText(scope, ENVOY_FORMAT, false);
  scope.only(format, ["format", "omitEmptyValues", "contentType", "jsonFormatOptions"]);
  const by = format.format;
  const { omitEmptyValues } = format;
  switch (by.case) {
    case "textFormat":
      return acceptText(scope.field("text_format"), by.value, omitEmptyValues);
    case "jsonFormat":
      return acceptJson(scope.field("json_format"), by.value, omitEmptyValues);
    case "textFormatSource":
      if (by.value.specifier.case === "inlineString")
        return acceptText(scope.field("text_format_source"), by.value.specifier.value, omitEmptyValues);
      scope.field("text_format_source").reject("only inline_string is supported by Heddle's proxy");
      return EMPTY;
    default:
      scope.reject("an empty format is not supported by Heddle's proxy");
      return EMPTY;
  }
}

function acceptSink(scope: Scope, log: AccessLog): LogPlace | undefined {
  const any = log.configType.value;
  if (any && isA(any, StdoutAccessLogSchema)) {
    const stream = scope.unpack(any, StdoutAccessLogSchema);
    return {
      kind: "file",
      path: "/dev/stdout",
      format: acceptLineFormat(scope.field("log_format"), stream?.accessLogFormat.value),
    };
  }
  if (any && isA(any, StderrAccessLogSchema)) {
    const stream = scope.unpack(any, StderrAccessLogSchema);
    return {
      kind: "file",
      path: "/dev/stderr",
      format: acceptLineFormat(scope.field("log_format"), stream?.accessLogFormat.value),
    };
  }
  if (any && isA(any, HttpGrpcAccessLogConfigSchema)) {
    const stream = scope.unpack(any, HttpGrpcAccessLogConfigSchema);
    return stream && acceptHttpStream(scope, stream);
  }
  if (any && isA(any, TcpGrpcAccessLogConfigSchema)) {
    const stream = scope.unpack(any, TcpGrpcAccessLogConfigSchema);
    return stream && acceptTcpStream(scope, stream);
  }
  if (any && isA(any, OpenTelemetryAccessLogConfigSchema)) {
    const stream = scope.unpack(any, OpenTelemetryAccessLogConfigSchema);
    return stream && acceptOtlpLog(scope, stream);
  }
  return acceptFile(scope, any);
}

function acceptFile(scope: Scope, any: Any | undefined): LogPlace | undefined {
  const file = scope.unpack(any, FileAccessLogSchema);
  if (!file) return undefined;
  scope.only(file, ["path", "accessLogFormat"]);
  const { path, accessLogFormat: by } = file;
  switch (by.case) {
    case undefined:
      return { kind: "file", path, format: acceptLineFormat(scope, undefined) };
    case "format":
      // The deprecated field "" is Envoy's default too.
      return { kind: "file", path, format: acceptText(scope.field("format"), by.value || ENVOY_FORMAT, false) };
    case "jsonFormat":
      return { kind: "file", path, format: acceptJson(scope.field("json_format"), by.value, false) };
    case "typedJsonFormat":
      return { kind: "file", path, format: acceptJson(scope.field("typed_json_format"), by.value, false) };
    case "logFormat":
      return { kind: "file", path, format: acceptLineFormat(scope.field("log_format"), by.value) };
  }
}

function acceptAccessLog(scope: Scope, log: AccessLog): AccessLogTable | undefined {
  scope.only(log, ["name", "configType", "filter"]);
  const to = acceptSink(scope.field("typed_config"), log);
  const filter = log.filter && acceptLogFilter(scope.field("filter"), log.filter);
  return to && { to, filter };
}

export function acceptAccessLogs(scope: Scope, logs: readonly AccessLog[]): AccessLogTable[] {
  return logs.flatMap((log, i) => acceptAccessLog(scope.index(i), log) ?? []);
}
