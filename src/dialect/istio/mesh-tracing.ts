// MeshConfig's `enableTracing` and its ProxyConfig's settings of traces → what holds where no Telemetry says it.

import type { ServiceNaming } from "../../model/service-naming.ts";
import type { OwnReach, TelemetryProvider, TracingDefaults } from "../../model/telemetry.ts";
import { joinPath } from "../path.ts";
import type { MeshConfigSpec } from "./mesh-config-schema.ts";
import { readOwnReach, receiverAt } from "./own-reach.ts";
import type { ProviderReading } from "./provider-host.ts";
import { ZIPKIN_DEFAULTS } from "./telemetry-providers.ts";
import { readTags } from "./trace-tags.ts";

type NamingSpec = NonNullable<NonNullable<MeshConfigSpec["defaultConfig"]>["tracingServiceName"]>;
type Reading = Pick<ProviderReading, "clusterDomain" | "reporter">;

const NAMINGS: Readonly<Record<NamingSpec, ServiceNaming>> = {
  APP_LABEL_AND_NAMESPACE: "app-and-namespace",
  CANONICAL_NAME_ONLY: "canonical",
  CANONICAL_NAME_AND_NAMESPACE: "canonical-and-namespace",
};

/** As a block it stands over what was said before (Istio merges no further). */
export function readTracing(
  { enableTracing = true, defaultConfig = {} }: MeshConfigSpec,
  path: string,
  before: TracingDefaults,
  reading: Reading,
): TracingDefaults {
  const { tracing, zipkinAddress, tracingServiceName } = defaultConfig;
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
  const naming = tracingServiceName === undefined ? before.naming : NAMINGS[tracingServiceName];
  const address = tracing?.zipkin?.address ?? zipkinAddress;
  const place = tracing?.zipkin
    ? joinPath(joinPath(tracingPath, "zipkin"), "address")
    : joinPath(configPath, "zipkinAddress");
  const reach = readOwnReach({ tlsSettings: tracing?.tlsSettings }, tracingPath, ZIPKIN_CLUSTER, reading.reporter);
  const receiver = address === undefined ? before.receiver : zipkinAt(address, place, reach, reading);
  return { ...said, naming, receiver: enableTracing ? receiver : undefined };
}

/** Istio's. */
const ZIPKIN_CLUSTER = { cluster: "zipkin", http2: false } as const;

function zipkinAt(
  address: string,
  path: string,
  reach: OwnReach | undefined,
  reading: Reading,
): TelemetryProvider | undefined {
  const receiver = receiverAt(address, path, reach, reading);
  return receiver && { ...ZIPKIN_DEFAULTS, name: address, ...receiver, ...(reach ? { reach } : {}) };
}
