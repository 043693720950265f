// Who says more of those that spans come from than the name of their service (envoy.extensions.tracers.opentelemetry.resource_detectors.v3).

import { readFileSync } from "node:fs";
import type { TypedExtensionConfig } from "../../xds/gen/envoy/config/core/v3/extension_pb.ts";
import { DynatraceResourceDetectorConfigSchema } from "../../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector_pb.ts";
import { EnvironmentResourceDetectorConfigSchema } from "../../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.ts";
import { StaticConfigResourceDetectorConfigSchema } from "../../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/static_config_resource_detector_pb.ts";
import { isA, type Scope } from "./scope.ts";

/** A file whose text is the path of the properties: Dynatrace's agent answers for it where it watches the process. */
const DYNATRACE_POINTER = "dt_metadata_e617c525669e072eebe3d0f08212e8f2.properties";
const DYNATRACE_FILES = [
  "/var/lib/dynatrace/enrichment/dt_metadata.properties",
  "/var/lib/dynatrace/enrichment/dt_host_metadata.properties",
];

/** Names and values in turns. */
export function detected(scope: Scope, { typedConfig: any }: TypedExtensionConfig): readonly string[] {
  if (any && isA(any, EnvironmentResourceDetectorConfigSchema))
    return pairs((process.env.OTEL_RESOURCE_ATTRIBUTES ?? "").split(","));
  if (any && isA(any, DynatraceResourceDetectorConfigSchema)) {
    const pointed = textOf(DYNATRACE_POINTER).trim();
    return [...(pointed === "" ? [] : [pointed]), ...DYNATRACE_FILES].flatMap(propertiesOf);
  }
  const config = scope.field("typed_config").unpack(any, StaticConfigResourceDetectorConfigSchema);
  return Object.entries(config?.attributes ?? {}).flat();
}

/** `a=b` each (OpenTelemetry: OTEL_RESOURCE_ATTRIBUTES; Dynatrace's enrichment files). */
function pairs(texts: readonly string[]): readonly string[] {
  return texts.flatMap((pair) => {
    const at = pair.indexOf("=");
    return at === -1 ? [] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
}

export function propertiesOf(path: string): readonly string[] {
  return pairs(
    textOf(path)
      .split("\n")
      .filter((line) => !line.startsWith("#")),
  );
}

/** Files that are not there say nothing. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
