// MeshConfig's `extensionProviders` that access logs are streamed to: envoyHttpAls, envoyTcpAls, envoyOtelAls.

import type { LogService } from "../../model/telemetry.ts";
import { joinPath } from "../path.ts";
import type { ExtensionProviderSpec, OtlpLogSpec, RequestLogSpec, StreamLogSpec } from "./extension-provider-schema.ts";
import { labelsOf } from "./log-labels.ts";
import { checkFields, checkOperators } from "./log-settings.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";
import { readOwnReach, receiverAt } from "./own-reach.ts";
import { type ProviderReading, readProviderHost } from "./provider-host.ts";
import { noLogServiceAddress } from "./telemetry-diagnostics.ts";

/** Istio's (telemetry_logging.go). */
const LOG_NAMES = {
  envoyHttpAls: "http_envoy_accesslog",
  envoyTcpAls: "tcp_envoy_accesslog",
  envoyOtelAls: "otel_envoy_accesslog",
} as const;

/** Istio's. */
const LOG_CLUSTER = { cluster: "envoy_accesslog_service", http2: true } as const;

type Kind = keyof typeof LOG_NAMES;

/** What Istio's own filters keep of the other side. */
const FILTER_STATE = [
  "wasm.upstream_peer",
  "wasm.upstream_peer_id",
  "wasm.downstream_peer",
  "wasm.downstream_peer_id",
  "upstream_peer",
  "downstream_peer",
];

export function readLogService(
  spec: ExtensionProviderSpec,
  kind: Kind,
  at: string,
  written: unknown,
  reading: ProviderReading,
): LogService | undefined {
  const own = spec[kind];
  if (!own) return undefined;
  const host = readProviderHost(own.service, joinPath(at, "service"), reading);
  const logName = own.logName || LOG_NAMES[kind];
  const protocol =
    kind === "envoyOtelAls" ? otlp(own, at, written, reading) : envoy(kind === "envoyHttpAls" ? "http" : "tcp", own);
  return { kind: "log-service", name: spec.name, host, port: own.port, logName, protocol };
}

/** Where no Telemetry says who is told: requests and byte streams, as an extension provider of either kind would have them. */
export function readLogServices(
  { enableEnvoyAccessLogService: enabled, defaultConfig = {} }: MeshConfigSpec,
  path: string,
  before: readonly LogService[],
  reading: Pick<ProviderReading, "clusterDomain" | "reporter">,
): readonly LogService[] {
  const address = defaultConfig.envoyAccessLogService?.address;
  const servicePath = joinPath(joinPath(path, "defaultConfig"), "envoyAccessLogService");
  const at = joinPath(servicePath, "address");
  const reach = readOwnReach(defaultConfig.envoyAccessLogService ?? {}, servicePath, LOG_CLUSTER, reading.reporter);
  const receiver = address === undefined ? undefined : receiverAt(address, at, reach, reading);
  if (!enabled) return enabled === undefined ? before : [];
  if (address === undefined) {
    reading.reporter.report(joinPath(path, "enableEnvoyAccessLogService"), noLogServiceAddress());
    return before;
  }
  if (!receiver) return before;
  return (["envoyHttpAls", "envoyTcpAls"] as const).map((kind) => ({
    kind: "log-service",
    name: address,
    ...receiver,
    ...(reach ? { reach } : {}),
    logName: LOG_NAMES[kind],
    protocol: envoy(kind === "envoyHttpAls" ? "http" : "tcp", {}),
  }));
}

function envoy(kind: "http" | "tcp", spec: Partial<StreamLogSpec | RequestLogSpec>): LogService["protocol"] {
  const { filterStateObjectsToLog: filterState = FILTER_STATE } = spec;
  const of = (field: keyof RequestLogSpec): readonly string[] => {
    const names: unknown = (spec as RequestLogSpec)[field];
    return Array.isArray(names) ? (names as readonly string[]) : [];
  };
  return {
    kind,
    filterState,
    headers: {
      request: of("additionalRequestHeadersToLog"),
      response: of("additionalResponseHeadersToLog"),
      trailers: of("additionalResponseTrailersToLog"),
    },
  };
}

function otlp(
  { logFormat }: OtlpLogSpec,
  at: string,
  written: unknown,
  { reporter }: ProviderReading,
): LogService["protocol"] {
  const text = logFormat?.text || undefined;
  const path = joinPath(at, "logFormat");
  if (text !== undefined) checkOperators(text, joinPath(path, "text"), reporter);
  const labels = logFormat?.labels ? labelsOf(written, "envoyOtelAls") : {};
  checkFields(labels, joinPath(path, "labels"), reporter);
  return { kind: "otlp", text, labels };
}
