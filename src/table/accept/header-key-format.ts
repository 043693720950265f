// How HTTP/1.1 writes the names of fields: in lower case, or as whoever sent the message did.

import type { Http1ProtocolOptions } from "../../xds/gen/envoy/config/core/v3/protocol_pb.ts";
import { PreserveCaseFormatterConfigSchema } from "../../xds/gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.ts";
import type { Scope } from "./scope.ts";

/** Heddle's codec passes trailers on, and writes targets in origin form, whatever is asked. True: names keep their letters. */
export function acceptHttp1(scope: Scope, options: Http1ProtocolOptions | undefined): boolean {
  if (!options) return false;
  scope.only(options, ["allowAbsoluteUrl", "enableTrailers", "headerKeyFormat"]);
  const format = options.headerKeyFormat?.headerFormat;
  if (!format?.case) return false;
  const at = scope.field("header_key_format");
  if (format.case === "properCaseWords") {
    at.field("proper_case_words").reject("not supported by Heddle's proxy");
    return false;
  }
  const config = at
    .field("stateful_formatter")
    .field("typed_config")
    .unpack(format.value.typedConfig, PreserveCaseFormatterConfigSchema);
  if (config) at.field("stateful_formatter").field("typed_config").only(config, []);
  return true;
}
