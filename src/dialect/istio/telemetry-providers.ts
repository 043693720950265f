// MeshConfig's `extensionProviders` that are told of the traffic.

import type { DynatraceSampler, ReportField, TelemetryProvider } from "../../model/telemetry.ts";
import { joinPath } from "../path.ts";
import type { ExtensionProviderSpec, ReportFieldSpec } from "./extension-provider-schema.ts";
import { labelsOf } from "./log-labels.ts";
import { readLogService } from "./log-service.ts";
import { checkFields, checkOperators } from "./log-settings.ts";
import { type ProviderReading, readProviderHost } from "./provider-host.ts";
import { noSamplerService, noSuchVariable, percentInMetadata, toldByEnvoyAlone } from "./telemetry-diagnostics.ts";

/** The OTLP exporter's, by HTTP; by gRPC Envoy's own is none at all. */
const OTLP_TIMEOUT_MS = 10_000;
/** Istio's, and Envoy's. */
const ZIPKIN_TIMEOUT_MS = 5_000;
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
    case "zipkin":
      return spec.zipkin && zipkin(name, spec.zipkin, at, reading);
    case "opentelemetry":
      return spec.opentelemetry && opentelemetry(name, spec.opentelemetry, at, reading);
    case "datadog":
      return (
        spec.datadog && { kind, name, ...receiver(spec.datadog, at, reading), maxTagLength: spec.datadog.maxTagLength }
      );
    case "skywalking":
      return (
        spec.skywalking && {
          kind,
          name,
          ...receiver(spec.skywalking, at, reading),
          accessToken: spec.skywalking.accessToken ?? "",
        }
      );
    default:
      return { kind: "silent", name, what: kind };
  }
}

/** Of what says where it is alone. */
export const ZIPKIN_DEFAULTS = {
  kind: "zipkin",
  path: ZIPKIN_PATH,
  wideIds: true,
  passesW3c: false,
  timeoutMs: ZIPKIN_TIMEOUT_MS,
  headers: [],
  maxTagLength: undefined,
} as const;

type ZipkinSpec = NonNullable<ExtensionProviderSpec["zipkin"]>;
type OtlpSpec = NonNullable<ExtensionProviderSpec["opentelemetry"]>;

function zipkin(name: string, spec: ZipkinSpec, at: string, reading: ProviderReading): TelemetryProvider {
  const { service, port, path = ZIPKIN_PATH, timeout = ZIPKIN_TIMEOUT_MS, maxTagLength } = spec;
  return {
    kind: "zipkin",
    name,
    host: readProviderHost(service, joinPath(at, "service"), reading),
    port,
    path,
    wideIds: !spec.enable64bitTraceId,
    passesW3c: spec.traceContextOption === "USE_B3_WITH_W3C_PROPAGATION",
    timeoutMs: timeout,
    headers: reportFields(spec.headers, joinPath(at, "headers"), reading),
    maxTagLength,
  };
}

function opentelemetry(name: string, spec: OtlpSpec, at: string, reading: ProviderReading): TelemetryProvider {
  const { service, port, http, grpc, resourceDetectors: detectors = {}, maxTagLength } = spec;
  const [by, fields, field] = http
    ? (["http", http.headers, "headers"] as const)
    : (["grpc", grpc?.initialMetadata, "initialMetadata"] as const);
  const place = joinPath(joinPath(at, by), field);
  const headers = reportFields(fields, place, reading);
  const host = readProviderHost(service, joinPath(at, "service"), reading);
  return {
    kind: "opentelemetry",
    name,
    host,
    port,
    httpPath: http?.path,
    timeoutMs: (http ?? grpc)?.timeout ?? OTLP_TIMEOUT_MS,
    headers: by === "grpc" ? sentByGrpc(headers, place, reading) : headers,
    sampler: samplerOf(spec, { host, port, headers }, at, reading),
    detectors: (["environment", "dynatrace"] as const).filter((detector) => detectors[detector] !== undefined),
    maxTagLength,
  };
}

/** Of whom Envoys alone tell of spans. */
function receiver(
  { service, port }: { readonly service: string; readonly port: number },
  at: string,
  reading: ProviderReading,
): { readonly host: string; readonly port: number } {
  reading.reporter.report(at, toldByEnvoyAlone(at.slice(at.lastIndexOf(".") + 1)));
  return { host: readProviderHost(service, joinPath(at, "service"), reading), port };
}

/** Dynatrace's, below the address of its other services. */
const SAMPLER_PATH = "/api/v2/samplingConfiguration";

/** Without a service of its own it is where spans go by HTTP, with their headers (Istio: configureDynatraceSampler). */
function samplerOf(
  { dynatraceSampler: sampler, http }: OtlpSpec,
  receiver: Pick<DynatraceSampler, "host" | "port" | "headers">,
  at: string,
  reading: ProviderReading,
): DynatraceSampler | undefined {
  if (!sampler) return undefined;
  const place = joinPath(at, "dynatraceSampler");
  const { tenant, clusterId, rootSpansPerMinute, httpService: own } = sampler;
  if (!own && !http) {
    reading.reporter.report(place, noSamplerService());
    return undefined;
  }
  reading.reporter.report(place, toldByEnvoyAlone("dynatraceSampler"));
  const common = { tenant, clusterId, rootSpansPerMinute };
  if (!own) {
    const { host } = receiver;
    return {
      ...common,
      ...receiver,
      uri: `http://${host}${SAMPLER_PATH}`,
      timeoutMs: http?.timeout ?? OTLP_TIMEOUT_MS,
    };
  }
  const of = joinPath(place, "httpService");
  const { path, timeout, headers } = own.http;
  const host = readProviderHost(own.service, joinPath(of, "service"), reading);
  return {
    ...common,
    host,
    port: own.port,
    uri: path.startsWith("/") ? `http://${host}${path}` : path,
    timeoutMs: timeout ?? OTLP_TIMEOUT_MS,
    headers: reportFields(headers, joinPath(joinPath(of, "http"), "headers"), reading),
  };
}

/** Variables are the control plane's, as Istio's are istiod's: a token need not stand in the configuration. */
function reportFields(
  specs: readonly ReportFieldSpec[] = [],
  path: string,
  { reporter }: ProviderReading,
): readonly ReportField[] {
  return specs.flatMap(({ name, value = "", envName }, i) => {
    if (envName === undefined) return [{ name, value }];
    const found = process.env[envName];
    if (!found) reporter.report(joinPath(joinPath(path, i), "envName"), noSuchVariable(envName, name));
    return found ? [{ name, value: found }] : [];
  });
}

/** Envoy takes a percent sign for the begin of an operator, which it has no escape for there, and sends nothing. */
function sentByGrpc(fields: readonly ReportField[], path: string, { reporter }: ProviderReading) {
  return fields.filter(({ name, value }) => {
    if (!value.includes("%")) return true;
    reporter.report(path, percentInMetadata(name));
    return false;
  });
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
