// What ProxyConfig says of the start of proxies, wherever it stands.

import { parseDuration } from "../../base/duration.ts";
import { parseFlag } from "../../base/flag.ts";
import type { ProxyStart, StatisticsChoice } from "../../model/proxy-start.ts";
import { joinPath } from "../path.ts";
import type { Reporter } from "../reporter.ts";
import { runtimeOfEnvoyAlone } from "./mesh-diagnostics.ts";
import { readMetricsService, readStatsd } from "./metrics-service.ts";
import type { ProxyConfigSpec } from "./proxy-config-schema.ts";
import { badAgentVariable } from "./settings-diagnostics.ts";
import { readPemAnchors } from "./trust-anchors.ts";

type StartField =
  | "caCertificatesPem"
  | "concurrency"
  | "connectionSettings"
  | "drainDuration"
  | "envoyMetricsService"
  | "fileFlushInterval"
  | "fileFlushMinSizeKb"
  | "proxyAdminPort"
  | "proxyMetadata"
  | "proxyStatsMatcher"
  | "runtimeValues"
  | "statsCompression"
  | "statsdUdpAddress"
  | "statusPort"
  | "terminationDrainDuration";
type StartSpec = { readonly [Field in StartField]?: ProxyConfigSpec[Field] | undefined };

/** `spec` stands at `path` of the reporter's object. */
export function startOf(spec: StartSpec, path: string, reporter: Reporter): ProxyStart {
  const { concurrency, proxyMetadata = {}, drainDuration, terminationDrainDuration, runtimeValues } = spec;
  return {
    concurrency,
    environment: proxyMetadata,
    listenerDrainMs: drainDuration,
    terminationDrainMs: terminationDrainDuration,
    maxConnections: spec.connectionSettings?.globalDownstreamConnectionLimit,
    adminPort: spec.proxyAdminPort,
    statusPort: spec.statusPort,
    logFlushMs: spec.fileFlushInterval,
    logFlushKb: spec.fileFlushMinSizeKb,
    statistics: spec.proxyStatsMatcher && statisticsOf(spec.proxyStatsMatcher),
    trustAnchors:
      spec.caCertificatesPem && readPemAnchors(spec.caCertificatesPem, joinPath(path, "caCertificatesPem"), reporter),
    runtime: runtimeValues,
    compressesStatistics: spec.statsCompression,
    statsd: spec.statsdUdpAddress
      ? readStatsd(spec.statsdUdpAddress, joinPath(path, "statsdUdpAddress"), reporter)
      : undefined,
    metricsService:
      spec.envoyMetricsService &&
      readMetricsService(spec.envoyMetricsService, joinPath(path, "envoyMetricsService"), reporter),
  };
}

/** One that includes nothing is none. */
function statisticsOf({
  inclusionPrefixes: prefixes = [],
  inclusionSuffixes: suffixes = [],
  inclusionRegexps: regexes = [],
}: NonNullable<StartSpec["proxyStatsMatcher"]>): StatisticsChoice | undefined {
  return prefixes.length + suffixes.length + regexes.length === 0 ? undefined : { prefixes, suffixes, regexes };
}

/** What Heddle's proxy looks up (src/proxy/tracing/configure.ts). */
const KNOWN = /^tracing\.(?:zipkin|opentelemetry)\.(?:min_flush_spans|flush_interval_ms)$/;

export function checkRuntime(values: StartSpec["runtimeValues"], path: string, reporter: Reporter): void {
  for (const key of Object.keys(values ?? {}))
    if (!KNOWN.test(key)) reporter.report(joinPath(path, key), runtimeOfEnvoyAlone(key));
}

const FLAG = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS";
const LEAST = "MINIMUM_DRAIN_DURATION";

/** Variables that the agent reads itself (src/agent/termination.ts). */
export function checkVariables(variables: Readonly<Record<string, string>>, path: string, reporter: Reporter): void {
  const { [FLAG]: flag, [LEAST]: least } = variables;
  if (flag !== undefined && parseFlag(flag) === undefined)
    reporter.report(joinPath(path, FLAG), badAgentVariable(FLAG, flag, "a flag", '"true" or "false"'));
  if (least !== undefined && parseDuration(least) === undefined)
    reporter.report(joinPath(path, LEAST), badAgentVariable(LEAST, least, "a duration", '"10s"'));
}
