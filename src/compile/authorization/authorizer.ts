// Asking an external authorizer, which Envoy does and Heddle's proxy does not yet.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Authorizer, HeaderPattern } from "../../model/authorizer.ts";
import { packAny } from "../../xds/any.ts";
import { ApiVersion } from "../../xds/gen/envoy/config/core/v3/config_source_pb.ts";
import type { GrpcServiceSchema } from "../../xds/gen/envoy/config/core/v3/grpc_service_pb.ts";
import {
  ExtAuthzSchema,
  type HttpServiceSchema,
} from "../../xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts";
import { ExtAuthzSchema as NetworkExtAuthzSchema } from "../../xds/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.ts";
import type { MetadataMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/metadata_pb.ts";
import type { ListStringMatcherSchema } from "../../xds/gen/envoy/type/matcher/v3/string_pb.ts";
import type { StatusCode } from "../../xds/gen/envoy/type/v3/http_status_pb.ts";
import { clusterName } from "../../xds/names.ts";

export const EXT_AUTHZ_FILTER = "envoy.filters.http.ext_authz";
export const NETWORK_EXT_AUTHZ_FILTER = "envoy.filters.network.ext_authz";

/** Of the rules that choose who is asked about: shadow rules, which say what they matched and refuse nobody. */
export const CHOOSING_PREFIX = "istio_ext_authz_";

/** In front of the names of the policies that choose, so that what another filter matched is not taken for it. */
export function choosingName({ name }: Authorizer): string {
  return `istio-ext-authz-${name}-`;
}

/** Asked about those alone whom the rules before chose. */
function chosen(authorizer: Authorizer, filter: string): MessageInitShape<typeof MetadataMatcherSchema> {
  return {
    filter,
    path: [{ segment: { case: "key", value: `${CHOOSING_PREFIX}shadow_effective_policy_id` } }],
    value: {
      matchPattern: {
        case: "stringMatch",
        value: { matchPattern: { case: "prefix", value: choosingName(authorizer) } },
      },
    },
  };
}

function cluster({ host, port }: Authorizer): string {
  return clusterName({ direction: "outbound", port, subset: "", host });
}

function grpcService(authorizer: Authorizer): MessageInitShape<typeof GrpcServiceSchema> {
  return {
    targetSpecifier: {
      case: "envoyGrpc",
      value: { clusterName: cluster(authorizer), authority: authorizer.host },
    },
    timeout: durationFromMs(authorizer.timeoutMs),
  };
}

function nameMatch(pattern: HeaderPattern) {
  if (pattern.startsWith("*")) return { case: "suffix", value: pattern.slice(1) } as const;
  if (pattern.endsWith("*")) return { case: "prefix", value: pattern.slice(0, -1) } as const;
  return { case: "exact", value: pattern } as const;
}

function names(patterns: readonly HeaderPattern[]): MessageInitShape<typeof ListStringMatcherSchema> | undefined {
  if (patterns.length === 0) return undefined;
  const one = (pattern: HeaderPattern) => {
    // Envoy takes no empty prefix, and an expression says itself which letters it takes.
    if (pattern === "*") return { matchPattern: { case: "safeRegex", value: { regex: ".+" } } } as const;
    return { matchPattern: nameMatch(pattern), ignoreCase: true };
  };
  return { patterns: patterns.map(one) };
}

function httpService(
  authorizer: Authorizer & { readonly protocol: "http" },
): MessageInitShape<typeof HttpServiceSchema> {
  const { host, port, timeoutMs, pathPrefix, addedHeaders, toUpstreamOnAllow, toClientOnAllow, toClientOnDeny } =
    authorizer;
  return {
    serverUri: {
      uri: `http://${host}:${port}`,
      httpUpstreamType: { case: "cluster", value: cluster(authorizer) },
      timeout: durationFromMs(timeoutMs),
    },
    pathPrefix,
    authorizationRequest: {
      headersToAdd: Object.entries(addedHeaders).map(([key, value]) => ({ key, value })),
    },
    authorizationResponse: {
      allowedUpstreamHeaders: names(toUpstreamOnAllow),
      allowedClientHeaders: names(toClientOnDeny),
      allowedClientHeadersOnSuccess: names(toClientOnAllow),
    },
  };
}

export function asking(authorizer: Authorizer, rbacFilter: string): Any {
  const { failOpen, statusOnError, body, clearRouteCache } = authorizer;
  const config = create(ExtAuthzSchema, {
    transportApiVersion: ApiVersion.V3,
    services:
      authorizer.protocol === "grpc"
        ? { case: "grpcService", value: grpcService(authorizer) }
        : { case: "httpService", value: httpService(authorizer) },
    ...(authorizer.protocol === "http" ? { allowedHeaders: names(authorizer.requestHeaders) } : {}),
    failureModeAllow: failOpen,
    ...(statusOnError === undefined ? {} : { statusOnError: { code: statusOnError as StatusCode } }),
    ...(body
      ? {
          withRequestBody: {
            maxRequestBytes: body.maxBytes,
            allowPartialMessage: body.allowPartial,
            packAsBytes: body.asBytes,
          },
        }
      : {}),
    clearRouteCache,
    filterEnabledMetadata: chosen(authorizer, rbacFilter),
  });
  return packAny(ExtAuthzSchema, config);
}

/** Connections: an authorizer that speaks HTTP is told of requests alone. */
export function askingOfConnections(authorizer: Authorizer & { readonly protocol: "grpc" }, rbacFilter: string): Any {
  const config = create(NetworkExtAuthzSchema, {
    statPrefix: "tcp.",
    transportApiVersion: ApiVersion.V3,
    grpcService: grpcService(authorizer),
    failureModeAllow: authorizer.failOpen,
    filterEnabledMetadata: chosen(authorizer, rbacFilter),
  });
  return packAny(NetworkExtAuthzSchema, config);
}
