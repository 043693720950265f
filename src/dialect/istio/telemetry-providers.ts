// MeshConfig's `extensionProviders` that are told of the traffic.

import type { TelemetryProvider } from "../../model/telemetry.ts";
import { joinPath } from "../path.ts";
import type { ExtensionProviderSpec } from "./extension-provider-schema.ts";
import { labelsOf } from "./log-labels.ts";
import { readLogService } from "./log-service.ts";
import { checkFields, checkOperators } from "./log-settings.ts";
import { type ProviderReading, readProviderHost } from "./provider-host.ts";

/** The OTLP exporter's. */
const HTTP_TIMEOUT_MS = 10_000;
/** Zipkin's own API. */
const ZIPKIN_PATH = "/api/v2/spans";

/** `kind`: what it says it is. Authorizers are none of these. */
export function readTelemetryProvider(
  spec: ExtensionProviderSpec,
  kind: string,
  path: string,
  written: unknown,
  reading: ProviderReading,
): TelemetryProvider | undefined {
  const { name } = spec;
  const at = joinPath(path, kind);
  switch (kind) {
    case "envoyExtAuthzHttp":
    case "envoyExtAuthzGrpc":
      return undefined;
    case "prometheus":
      return { kind: "prometheus", name };
    case "envoyFileAccessLog":
      return spec.envoyFileAccessLog && fileLog(spec, at, written, reading);
    case "envoyHttpAls":
    case "envoyTcpAls":
    case "envoyOtelAls":
      return readLogService(spec, kind, at, written, reading);
    case "zipkin": {
      if (!spec.zipkin) return undefined;
      const { service, port, enable64bitTraceId = false, maxTagLength, path: own = ZIPKIN_PATH } = spec.zipkin;
      const host = readProviderHost(service, joinPath(at, "service"), reading);
      return { kind: "zipkin", name, host, port, path: own, wideIds: !enable64bitTraceId, maxTagLength };
    }
    case "opentelemetry": {
      if (!spec.opentelemetry) return undefined;
      const { service, port, http, maxTagLength } = spec.opentelemetry;
      const host = readProviderHost(service, joinPath(at, "service"), reading);
      const exporter = http && { path: http.path, timeoutMs: http.timeout ?? HTTP_TIMEOUT_MS };
      return { kind: "opentelemetry", name, host, port, http: exporter, maxTagLength };
    }
    default:
      return { kind: "silent", name, what: kind };
  }
}

function fileLog(
  { name, envoyFileAccessLog: spec }: ExtensionProviderSpec,
  at: string,
  written: unknown,
  { reporter }: ProviderReading,
): TelemetryProvider {
  const { path = "", logFormat, omitEmptyValues: omitsEmpty = false } = spec ?? {};
  const place = path === "" ? "/dev/stdout" : path;
  const formatPath = joinPath(at, "logFormat");
  if (logFormat?.labels) {
    const format = labelsOf(written, "envoyFileAccessLog");
    checkFields(format, joinPath(formatPath, "labels"), reporter);
    return { kind: "access-log", name, log: { kind: "json", path: place, format }, omitsEmpty };
  }
  const { text = "" } = logFormat ?? {};
  checkOperators(text, joinPath(formatPath, "text"), reporter);
  const format = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  const log = { kind: "text", path: place, ...(format === "" ? {} : { format }) } as const;
  return { kind: "access-log", name, log, omitsEmpty };
}
