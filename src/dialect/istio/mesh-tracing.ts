// MeshConfig's `enableTracing` and its ProxyConfig's settings of traces → what holds where no Telemetry says it.

import type { TelemetryProvider, TracingDefaults } from "../../model/telemetry.ts";
import { joinPath } from "../path.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";
import { type ProviderReading, readProviderHost } from "./provider-host.ts";
import { badReceiverAddress } from "./telemetry-diagnostics.ts";
import { ZIPKIN_DEFAULTS } from "./telemetry-providers.ts";
import { readTags } from "./trace-tags.ts";

const MAX_PORT = 65_535;

type Reading = Pick<ProviderReading, "clusterDomain" | "reporter">;

/** As a block it stands over what was said before (Istio merges no further). */
export function readTracing(
  { enableTracing = true, defaultConfig = {} }: MeshConfigSpec,
  path: string,
  before: TracingDefaults,
  reading: Reading,
): TracingDefaults {
  const { tracing, zipkinAddress } = defaultConfig;
  const configPath = joinPath(path, "defaultConfig");
  const tracingPath = joinPath(configPath, "tracing");
  const said = tracing
    ? {
        // 0 is nothing said, as in Istio (proxyConfigSamplingValue).
        samplingPercent: tracing.sampling || undefined,
        tags: readTags(tracing.customTags ?? {}, joinPath(tracingPath, "customTags"), reading.reporter),
        istioTags: tracing.enableIstioTags,
        maxTagLength: tracing.maxPathTagLength || undefined,
      }
    : before;
  const address = tracing?.zipkin?.address ?? zipkinAddress;
  const place = tracing?.zipkin
    ? joinPath(joinPath(tracingPath, "zipkin"), "address")
    : joinPath(configPath, "zipkinAddress");
  const receiver = address === undefined ? before.receiver : zipkinAt(address, place, reading);
  return { ...said, receiver: enableTracing ? receiver : undefined };
}

/** The proxy's own DNS would complete the name: of two labels the second is a namespace. */
function completed(host: string, clusterDomain: string): string {
  if (host.endsWith(".svc")) return `${host}.${clusterDomain}`;
  return host.split(".").length === 2 ? `${host}.svc.${clusterDomain}` : host;
}

function zipkinAt(address: string, path: string, reading: Reading): TelemetryProvider | undefined {
  const colon = address.lastIndexOf(":");
  const digits = address.slice(colon + 1);
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  if (colon < 1 || port < 1 || port > MAX_PORT) {
    reading.reporter.report(path, badReceiverAddress(address));
    return undefined;
  }
  const host = readProviderHost(completed(address.slice(0, colon), reading.clusterDomain), path, reading);
  return { ...ZIPKIN_DEFAULTS, name: address, host, port };
}
