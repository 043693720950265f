// envoy.extensions.filters.http.header_to_metadata.v3.Config

import {
  type Config,
  Config_ValueType,
} from "../../../xds/gen/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.ts";
import type { HeaderToMetadataFilter } from "../../filter/header-to-metadata.ts";
import type { Scope } from "../scope.ts";

/** Where values go without a namespace of their own. */
const NAMESPACE = "envoy.filters.http.header_to_metadata";

function acceptType(scope: Scope, type: Config_ValueType | undefined): "string" | "number" {
  if (type === Config_ValueType.PROTOBUF_VALUE) scope.reject("PROTOBUF_VALUE is not supported by Heddle's proxy");
  return type === Config_ValueType.NUMBER ? "number" : "string";
}

export function acceptHeaderToMetadata(scope: Scope, config: Config): HeaderToMetadataFilter {
  scope.only(config, ["requestRules"]);
  const rules = config.requestRules.map((rule, i) => {
    const at = scope.field("request_rules").index(i);
    at.only(rule, ["header", "onHeaderPresent", "remove"]);
    if (rule.onHeaderPresent)
      at.field("on_header_present").only(rule.onHeaderPresent, ["metadataNamespace", "key", "type"]);
    return {
      header: rule.header.toLowerCase(),
      namespace: rule.onHeaderPresent?.metadataNamespace || NAMESPACE,
      key: rule.onHeaderPresent?.key ?? "",
      type: acceptType(at.field("on_header_present").field("type"), rule.onHeaderPresent?.type),
      remove: rule.remove,
    };
  });
  return { kind: "header-to-metadata", rules };
}
