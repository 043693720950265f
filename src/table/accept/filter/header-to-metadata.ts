// envoy.extensions.filters.http.header_to_metadata.v3.Config

import type { Config } from "../../../xds/gen/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.ts";
import type { HeaderToMetadataFilter } from "../../filter/header-to-metadata.ts";
import type { Scope } from "../scope.ts";

export function acceptHeaderToMetadata(scope: Scope, config: Config): HeaderToMetadataFilter {
  scope.only(config, ["requestRules"]);
  const rules = config.requestRules.map((rule, i) => {
    const at = scope.field("request_rules").index(i);
    at.only(rule, ["header", "onHeaderPresent", "remove"]);
    if (rule.onHeaderPresent)
      at.field("on_header_present").only(rule.onHeaderPresent, ["metadataNamespace", "key", "type"]);
    return {
      header: rule.header.toLowerCase(),
      namespace: rule.onHeaderPresent?.metadataNamespace ?? "",
      key: rule.onHeaderPresent?.key ?? "",
      remove: rule.remove,
    };
  });
  return { kind: "header-to-metadata", rules };
}
