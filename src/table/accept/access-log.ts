// Access logs to files and standard streams. Logs that go to a gRPC service feed Envoy's statistics; Heddle's proxy keeps its own.

import type { AccessLog } from "../../xds/gen/envoy/config/accesslog/v3/accesslog_pb.ts";
import type { SubstitutionFormatString } from "../../xds/gen/envoy/config/core/v3/substitution_format_string_pb.ts";
import { FileAccessLogSchema } from "../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.ts";
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from "../../xds/gen/envoy/extensions/access_loggers/stream/v3/stream_pb.ts";
import { type Format, parseFormat } from "../format.ts";
import type { AccessLog as AccessLogTable } from "../http.ts";
import { isA, type Scope } from "./scope.ts";

/** Envoy's default (docs: access log, default format string). */
const ENVOY_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

function acceptText(scope: Scope, text: string): Format {
  const parsed = parseFormat(text, process.env);
  if ("format" in parsed) return parsed.format;
  scope.reject(parsed.error);
  return [];
}

function acceptFormat(scope: Scope, format: SubstitutionFormatString | undefined): Format {
  if (!format) return acceptText(scope, ENVOY_FORMAT);
  scope.only(format, ["format"]);
  const by = format.format;
  if (by.case === "textFormat") return acceptText(scope.field("text_format"), by.value);
  if (by.case === "textFormatSource" && by.value.specifier.case === "inlineString")
    return acceptText(scope.field("text_format_source"), by.value.specifier.value);
  scope.reject(`${by.case ?? "an empty format"} is not supported by Heddle's proxy`);
  return [];
}

function acceptAccessLog(scope: Scope, log: AccessLog): AccessLogTable | undefined {
  scope.only(log, ["name", "configType"]);
  const any = log.configType.value;
  const at = scope.field("typed_config");
  if (any && isA(any, StdoutAccessLogSchema)) {
    const stream = at.unpack(any, StdoutAccessLogSchema);
    return { path: "/dev/stdout", format: acceptFormat(at.field("log_format"), stream?.accessLogFormat.value) };
  }
  if (any && isA(any, StderrAccessLogSchema)) {
    const stream = at.unpack(any, StderrAccessLogSchema);
    return { path: "/dev/stderr", format: acceptFormat(at.field("log_format"), stream?.accessLogFormat.value) };
  }
  const file = at.unpack(any, FileAccessLogSchema);
  if (!file) return undefined;
  at.only(file, ["path", "accessLogFormat"]);
  const by = file.accessLogFormat;
  switch (by.case) {
    case undefined:
      return { path: file.path, format: acceptFormat(at, undefined) };
    case "format":
      return { path: file.path, format: acceptText(at.field("format"), by.value) };
    case "logFormat":
      return { path: file.path, format: acceptFormat(at.field("log_format"), by.value) };
    default:
      at.reject(`${by.case} is not supported by Heddle's proxy`);
      return undefined;
  }
}

export function acceptAccessLogs(scope: Scope, logs: readonly AccessLog[]): AccessLogTable[] {
  return logs.flatMap((log, i) => acceptAccessLog(scope.index(i), log) ?? []);
}
