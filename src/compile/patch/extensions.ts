// Configurations of extensions that patches bring by themselves (EXTENSION_CONFIG). A filter that would discover one gets it in place: it is
// there when the filter is, and no Envoy waits for it.

import type { TypedExtensionConfig } from "../../xds/gen/envoy/config/core/v3/extension_pb.ts";
import { TypedExtensionConfigSchema } from "../../xds/gen/envoy/config/core/v3/extension_pb.ts";
import type { HttpConnectionManager } from "../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts";
import { type Changed, inserted, type Patch, patchesOf } from "./patch.ts";

/** Of one name the last counts. */
export function inlineExtension(
  { httpFilters }: HttpConnectionManager,
  patches: readonly Patch[],
  changed: Changed,
): boolean {
  let edited = false;
  for (const filter of httpFilters) {
    if (filter.configType.case !== "configDiscovery") continue;
    const found = patchesOf(patches, "extension-config").findLast(
      ({ message }) => (message as TypedExtensionConfig | undefined)?.name === filter.name,
    );
    const config = found && inserted(TypedExtensionConfigSchema, found)?.typedConfig;
    if (!found || !config) continue;
    filter.configType = { case: "typedConfig", value: config };
    changed.by(found);
    edited = true;
  }
  return edited;
}
