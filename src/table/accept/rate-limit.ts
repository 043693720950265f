// Actions of rate limits.

import {
  type RateLimit,
  type RateLimit_Action,
  RateLimit_Action_MetaData_Source,
} from "../../xds/gen/envoy/config/route/v3/route_components_pb.ts";
import type { MetadataKey } from "../../xds/gen/envoy/type/metadata/v3/metadata_pb.ts";
import { parseFormat } from "../format/format.ts";
import type { Format } from "../format/part.ts";
import type * as table from "../rate-limit.ts";
import { acceptHeaderMatch, acceptQueryMatch } from "./match.ts";
import { acceptSegments } from "./metadata-match.ts";
import { protoName, type Scope } from "./scope.ts";
import { mapped } from "./shared.ts";

/**
 * Envoy expands operators there behind enable_formatter_for_ratelimit_action_descriptor_value, which is off; without them no descriptor
 * could say who the caller is.
 */
function acceptValue(scope: Scope, value: string): Format {
  const parsed = parseFormat(value, process.env);
  if ("format" in parsed) return parsed.format;
  scope.field("descriptor_value").reject(parsed.error);
  return [];
}

function acceptKey(scope: Scope, key: MetadataKey | undefined) {
  const at = scope.field("metadata_key");
  if (!key || key.key === "") at.reject("missing");
  return { namespace: key?.key ?? "", path: acceptSegments(at.field("path"), key?.path ?? []) };
}

function acceptAction(scope: Scope, { actionSpecifier: by }: RateLimit_Action): table.RateLimitAction | undefined {
  const at = by.case === undefined ? scope : scope.field(protoName(by.case));
  switch (by.case) {
    case "sourceCluster":
      return { kind: "source-cluster" };
    case "destinationCluster":
      return { kind: "destination-cluster" };
    case "remoteAddress":
      return { kind: "remote-address" };
    case "maskedRemoteAddress": {
      const { v4PrefixMaskLen = 32, v6PrefixMaskLen = 128 } = by.value;
      if (v4PrefixMaskLen > 32) at.field("v4_prefix_mask_len").reject("must be at most 32");
      if (v6PrefixMaskLen > 128) at.field("v6_prefix_mask_len").reject("must be at most 128");
      return { kind: "masked-remote-address", v4Bits: v4PrefixMaskLen, v6Bits: v6PrefixMaskLen };
    }
    case "requestHeaders": {
      const { headerName, descriptorKey, skipIfAbsent } = by.value;
      return { kind: "header", name: headerName.toLowerCase(), key: descriptorKey, skipIfAbsent };
    }
    case "queryParameters": {
      const { queryParameterName: name, descriptorKey: key, skipIfAbsent } = by.value;
      return { kind: "query-parameter", name, key, skipIfAbsent };
    }
    case "genericKey": {
      const { descriptorKey, descriptorValue, defaultValue } = by.value;
      const value = acceptValue(at, descriptorValue);
      return { kind: "generic", key: descriptorKey || "generic_key", value, otherwise: defaultValue };
    }
    case "headerValueMatch": {
      const { descriptorKey, descriptorValue, expectMatch = true } = by.value;
      const headers = by.value.headers.map((match, i) => acceptHeaderMatch(at.field("headers").index(i), match));
      const value = acceptValue(at, descriptorValue);
      return { kind: "header-match", key: descriptorKey || "header_match", value, expect: expectMatch, headers };
    }
    case "queryParameterValueMatch": {
      const { descriptorKey, descriptorValue, expectMatch = true, queryParameters } = by.value;
      const list = at.field("query_parameters");
      const parameters = queryParameters.map((match, i) => acceptQueryMatch(list.index(i), match));
      const value = acceptValue(at, descriptorValue);
      return { kind: "query-match", key: descriptorKey || "query_match", value, expect: expectMatch, parameters };
    }
    case "dynamicMetadata":
    case "metadata": {
      const { descriptorKey: key, defaultValue: otherwise } = by.value;
      const isRoute = by.case === "metadata" && by.value.source === RateLimit_Action_MetaData_Source.ROUTE_ENTRY;
      const skipIfAbsent = by.case === "metadata" && by.value.skipIfAbsent;
      const of = isRoute ? "route" : "dynamic";
      return { kind: "metadata", key, of, otherwise, skipIfAbsent, ...acceptKey(at, by.value.metadataKey) };
    }
    case "extension":
      at.reject(`${JSON.stringify(by.value.name)} is not supported by Heddle's proxy`);
      return undefined;
    case undefined:
      scope.reject("no action that Heddle's proxy knows");
      return undefined;
  }
}

export function acceptRateLimits(scope: Scope, limits: readonly RateLimit[]): readonly table.RateLimit[] {
  return mapped(limits, (limit, i) => {
    const at = scope.index(i);
    at.only(limit, ["stage", "actions"]);
    if (limit.actions.length === 0) at.field("actions").reject("empty");
    const actions = limit.actions.flatMap((action, j) => acceptAction(at.field("actions").index(j), action) ?? []);
    return { stage: limit.stage ?? 0, actions };
  });
}
