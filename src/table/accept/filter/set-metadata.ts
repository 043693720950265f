// envoy.extensions.filters.http.set_metadata.v3.Config

import type { Config } from "../../../xds/gen/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb.ts";
import type { SetMetadataFilter } from "../../filter/set-metadata.ts";
import type { Scope } from "../scope.ts";

export function acceptSetMetadata(scope: Scope, config: Config): SetMetadataFilter {
  scope.only(config, ["metadataNamespace", "value", "metadata"]);
  // The deprecated pair is an entry that overwrites.
  const deprecated = config.value
    ? [{ namespace: config.metadataNamespace, values: config.value, overwrites: true }]
    : [];
  const entries = config.metadata.flatMap((entry, i) => {
    const at = scope.field("metadata").index(i);
    at.only(entry, ["metadataNamespace", "allowOverwrite", "value"]);
    if (entry.metadataNamespace === "") at.field("metadata_namespace").reject("empty");
    if (!entry.value) return [];
    return { namespace: entry.metadataNamespace, values: entry.value, overwrites: entry.allowOverwrite };
  });
  return { kind: "set-metadata", entries: [...deprecated, ...entries] };
}
