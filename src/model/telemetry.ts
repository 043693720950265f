// What proxies tell of the traffic: which requests they log and where, and which traces they begin.

import type { AccessLog, LogFields } from "./access-log.ts";
import type { OriginatedTls, TcpKeepalive } from "./client-policy.ts";
import type { Origin } from "./origin.ts";
import type { ServiceNaming } from "./service-naming.ts";
import type { WorkloadScope } from "./workload-scope.ts";

/** A service that proxies stream their access logs to. */
/** How a receiver is reached that is no service of the mesh to its proxies: their own resolver finds its host. */
export interface OwnReach {
  /** Its cluster's name. */
  readonly cluster: string;
  readonly http2: boolean;
  /** Undefined: plaintext. */
  readonly tls: OriginatedTls | undefined;
  readonly keepalive: TcpKeepalive | undefined;
}

export interface LogService {
  readonly kind: "log-service";
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Undefined: as the service of that host. */
  readonly reach?: OwnReach | undefined;
  readonly logName: string;
  readonly protocol: /** Envoy's access log service, of requests or of byte streams. */
    | { readonly kind: "http" | "tcp"; readonly filterState: readonly string[]; readonly headers: LoggedHeaders }
    /** OTLP logs. `text` and `labels`: Envoy's command operators; undefined: Istio's default line, and none. */
    | { readonly kind: "otlp"; readonly text: string | undefined; readonly labels: LogFields };
}

export interface LoggedHeaders {
  readonly request: readonly string[];
  readonly response: readonly string[];
  readonly trailers: readonly string[];
}

/** A field that goes with every report of spans. */
export interface ReportField {
  readonly name: string;
  readonly value: string;
}

/** Who says more of those that spans come from: the proxy's environment (OTEL_RESOURCE_ATTRIBUTES), Dynatrace's files beside it. */
export type ResourceDetector = "environment" | "dynatrace";

/** Says how many traces begin, in place of a percentage: Dynatrace's API, at a service of its own or at the receiver's. */
export interface DynatraceSampler {
  readonly tenant: string;
  readonly clusterId: number;
  /** As long as nobody answers; undefined: Envoy's 1,000 a minute. */
  readonly rootSpansPerMinute: number | undefined;
  readonly host: string;
  readonly port: number;
  readonly uri: string;
  readonly timeoutMs: number;
  readonly headers: readonly ReportField[];
}

/** Somebody who is told, as the mesh's settings name him. */
export type TelemetryProvider =
  | { readonly kind: "access-log"; readonly name: string; readonly log: AccessLog; readonly omitsEmpty: boolean }
  | LogService
  | {
      readonly kind: "zipkin";
      readonly name: string;
      readonly host: string;
      readonly port: number;
      /** As of a LogService. */
      readonly reach?: OwnReach | undefined;
      readonly path: string;
      readonly wideIds: boolean;
      /** W3C's context is read where B3's is not there, and goes on beside it. */
      readonly passesW3c: boolean;
      readonly timeoutMs: number;
      readonly headers: readonly ReportField[];
      readonly maxTagLength: number | undefined;
    }
  | {
      readonly kind: "opentelemetry";
      readonly name: string;
      readonly host: string;
      readonly port: number;
      /** Undefined: by gRPC. */
      readonly httpPath: string | undefined;
      readonly timeoutMs: number;
      readonly headers: readonly ReportField[];
      readonly detectors: readonly ResourceDetector[];
      readonly sampler?: DynatraceSampler | undefined;
      readonly maxTagLength: number | undefined;
    }
  | {
      readonly kind: "datadog";
      readonly name: string;
      readonly host: string;
      readonly port: number;
      readonly maxTagLength: number | undefined;
    }
  | {
      readonly kind: "skywalking";
      readonly name: string;
      readonly host: string;
      readonly port: number;
      /** "": none. */
      readonly accessToken: string;
    }
  /** Metrics for Prometheus are there anyhow. */
  | { readonly kind: "prometheus"; readonly name: string }
  /** Known by name; no proxy tells it anything. `what`: the kind as written. */
  | { readonly kind: "silent"; readonly name: string; readonly what: string };

/** Which side of a request's two proxies; undefined: both. */
export type TelemetrySide = "client" | "server";

export interface LogRule {
  readonly side: TelemetrySide | undefined;
  /** Names; empty: those that hold so far. */
  readonly providers: readonly string[];
  readonly disabled: boolean;
  /** An expression of CEL. */
  readonly filter: string | undefined;
}

export type TraceTag =
  | { readonly kind: "literal"; readonly value: string }
  | { readonly kind: "environment" | "header"; readonly name: string; readonly byDefault: string | undefined }
  /** Envoy's command operators. */
  | { readonly kind: "format"; readonly format: string };

/** What is undefined stays as the level above has it. */
export interface TraceRule {
  readonly side: TelemetrySide | undefined;
  readonly provider: string | undefined;
  readonly samplingPercent: number | undefined;
  readonly disabled: boolean | undefined;
  readonly tags: Readonly<Record<string, TraceTag>> | undefined;
  readonly byRequestId: boolean | undefined;
  /** Spans say whose proxy tells them: canonical service and revision, namespace, cluster, mesh. */
  readonly istioTags: boolean | undefined;
  /** Requests do not say what trace they are of to those whom they go to. */
  readonly keepsContext: boolean | undefined;
}

/** Istio's standard metrics, without `istio_` before them. */
export const STANDARD_METRICS = [
  "requests_total",
  "request_duration_milliseconds",
  "request_bytes",
  "response_bytes",
  "tcp_connections_opened_total",
  "tcp_connections_closed_total",
  "tcp_sent_bytes_total",
  "tcp_received_bytes_total",
  "request_messages_total",
  "response_messages_total",
] as const;

export type StandardMetric = (typeof STANDARD_METRICS)[number];

/** `expression`: of CEL. */
export type LabelRule = { readonly kind: "removed" } | { readonly kind: "set"; readonly expression: string };

export interface MetricOverride {
  readonly side: TelemetrySide | undefined;
  /** Empty: all of them. */
  readonly metrics: readonly StandardMetric[];
  /** Undefined: as the override before it has it. */
  readonly disabled: boolean | undefined;
  readonly labels: Readonly<Record<string, LabelRule>>;
}

export interface MetricsRule {
  /** Names; empty: those that hold so far. */
  readonly providers: readonly string[];
  readonly overrides: readonly MetricOverride[];
  /** How often byte streams are counted while they last. */
  readonly reportMs: number | undefined;
}

export interface Telemetry {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly scope: WorkloadScope;
  readonly logging: readonly LogRule[];
  readonly tracing: readonly TraceRule[];
  readonly metrics: readonly MetricsRule[];
}

/** What holds for traces where no Telemetry says it. */
export interface TracingDefaults {
  /** Undefined: Istio's. */
  readonly samplingPercent: number | undefined;
  readonly tags: Readonly<Record<string, TraceTag>>;
  readonly istioTags: boolean | undefined;
  /** Undefined: the provider's. */
  readonly maxTagLength: number | undefined;
  /** Who is told where neither an object nor DefaultProviders says it; undefined: nobody. */
  readonly receiver: TelemetryProvider | undefined;
  readonly naming: ServiceNaming;
}

/** Names of those who are told where nobody says whom. */
export interface DefaultProviders {
  readonly logging: readonly string[];
  readonly tracing: readonly string[];
}

/** Istio's built-in ones (pkg/config/mesh/mesh.go). The settings' own come before them. */
export function telemetryProvider(
  settings: { readonly providers: readonly TelemetryProvider[]; readonly accessLog: AccessLog },
  name: string,
): TelemetryProvider | undefined {
  const { providers, accessLog } = settings;
  const own = providers.find((provider) => provider.name.toLowerCase() === name.toLowerCase());
  if (own) return own;
  if (name === "envoy") return { kind: "access-log", name, log: builtInLog(accessLog), omitsEmpty: false };
  if (name === "prometheus") return { kind: "prometheus", name };
  return name === "stackdriver" ? { kind: "silent", name, what: "stackdriver" } : undefined;
}

/** The mesh's form, on the standard stream (telemetry_logging.go, telemetryAccessLog). */
function builtInLog(mesh: AccessLog): AccessLog {
  return mesh.kind === "off" ? { kind: "text", path: "/dev/stdout" } : { ...mesh, path: "/dev/stdout" };
}
