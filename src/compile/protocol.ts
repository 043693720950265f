// What a cluster speaks. Envoy has one protocol for all endpoints of a cluster, and two facts from it shape the rule: `auto_config` refuses
// a plaintext endpoint, and one plaintext HTTP/1.1 endpoint in an HTTP/2 cluster fails its share of the requests.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectionPool, Http2Keepalive } from "../model/client-policy.ts";
import { isHttp, isHttp2, type Protocol } from "../model/protocol.ts";
import { packAny } from "../xds/any.ts";
import type { MatchPredicateSchema } from "../xds/gen/envoy/config/common/matcher/v3/matcher_pb.ts";
import type {
  HttpProtocolOptionsSchema as CommonOptionsSchema,
  Http1ProtocolOptionsSchema,
  KeepaliveSettingsSchema,
  UpstreamHttpProtocolOptionsSchema,
} from "../xds/gen/envoy/config/core/v3/protocol_pb.ts";
import { PreserveCaseFormatterConfigSchema } from "../xds/gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb.ts";
import { HttpProtocolOptionsSchema } from "../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts";

/** `downstream`: each request in the protocol that its client speaks. Undefined: bytes only. */
export type UpstreamProtocol = "http1" | "http2" | "downstream" | undefined;

/**
 * The protocol of an outbound cluster. `allLeg`: every endpoint is reached on the leg, whose servers take either.
 * - http2, grpc: HTTP/2.
 * - http: HTTP/2 when all endpoints speak the leg, else HTTP/1.1.
 * - undeclared: HTTP/2 when all do, else what the client speaks.
 * - any of them, where a policy keeps the client's protocol: what the client speaks.
 * HTTP/2 has no capitals in names (RFC 9113 8.2.1): where their case is preserved, requests of HTTP/1.1 are not multiplexed.
 * Limits that count connections or pending HTTP/1.1 requests would mean something else on a multiplexed leg: they keep HTTP/1.1
 * traffic on HTTP/1.1 connections.
 */
export function upstreamProtocol(
  protocol: Protocol,
  allLeg: boolean,
  pool: ConnectionPool | undefined,
  preservesCase = false,
): UpstreamProtocol {
  if (pool?.keepsProtocol && mayBeHttp(protocol)) return "downstream";
  if (isHttp2(protocol)) return "http2";
  const multiplex = allLeg && !preservesCase && !countsConnections(pool);
  if (isHttp(protocol)) return multiplex || pool?.upgradeToHttp2 === true ? "http2" : "http1";
  if (protocol === "undeclared") return multiplex ? "http2" : "downstream";
  return undefined;
}

function countsConnections(pool: ConnectionPool | undefined): boolean {
  return (
    pool?.maxConnections !== undefined ||
    pool?.maxPendingRequests !== undefined ||
    pool?.maxRequestsPerConnection !== undefined ||
    pool?.upgradeToHttp2 === false
  );
}

/** Requests, or bytes that may turn out to be requests. */
export function mayBeHttp(protocol: Protocol): boolean {
  return isHttp(protocol) || protocol === "undeclared";
}

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/**
 * HTTP/1.1 of listeners and clusters. Trailers are part of the message: Envoy drops them unless told to keep them. Whoever reads a message
 * decides whether the letters of its fields' names are kept.
 */
export function http1Options(preservesCase: boolean): MessageInitShape<typeof Http1ProtocolOptionsSchema> {
  if (!preservesCase) return { enableTrailers: true };
  const typedConfig = packAny(PreserveCaseFormatterConfigSchema, create(PreserveCaseFormatterConfigSchema));
  const value = { name: "preserve_case", typedConfig };
  return { enableTrailers: true, headerKeyFormat: { headerFormat: { case: "statefulFormatter", value } } };
}

export interface HttpTuning {
  readonly preservesCase?: boolean | undefined;
  /** What outlier detection takes for an error; undefined: 5xx. */
  readonly errorStatuses?: readonly number[] | undefined;
  readonly pool?: ConnectionPool | undefined;
  /** What TLS to a server outside the mesh takes of the request's host. */
  readonly namedByRequest?: { readonly serverName: boolean; readonly certificate: boolean } | undefined;
}

/** `typed_extension_protocol_options` of a cluster. */
export function protocolOptions(protocol: UpstreamProtocol, tuning: HttpTuning = {}): { [name: string]: Any } {
  if (protocol === undefined) return {};
  const { pool, namedByRequest: named, errorStatuses, preservesCase = false } = tuning;
  const automatic: MessageInitShape<typeof UpstreamHttpProtocolOptionsSchema> = {
    autoSni: named?.serverName ?? false,
    autoSanValidation: named?.certificate ?? false,
  };
  const common = commonOptions(pool);
  const options = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: protocolConfig(protocol, pool, preservesCase),
    ...(named ? { upstreamHttpProtocolOptions: automatic } : {}),
    ...(Object.keys(common).length === 0 ? {} : { commonHttpProtocolOptions: common }),
    ...(errorStatuses ? { outlierDetection: { errorMatcher: anyStatusOf(errorStatuses) } } : {}),
  });
  return { [HTTP_OPTIONS]: packAny(HttpProtocolOptionsSchema, options) };
}

/** One status is no set: Envoy wants two rules at least in one. */
function anyStatusOf(statuses: readonly number[]): MessageInitShape<typeof MatchPredicateSchema> {
  const rules = statuses.map((status): MessageInitShape<typeof MatchPredicateSchema> => {
    const stringMatch = { matchPattern: { case: "exact", value: String(status) } } as const;
    const headers = [{ name: ":status", headerMatchSpecifier: { case: "stringMatch", value: stringMatch } } as const];
    return { rule: { case: "httpResponseHeadersMatch", value: { headers } } };
  });
  return rules.length === 1 ? rules[0]! : { rule: { case: "orMatch", value: { rules } } };
}

function commonOptions(pool: ConnectionPool | undefined): MessageInitShape<typeof CommonOptionsSchema> {
  const { httpIdleTimeoutMs: idle, maxConnectionDurationMs: duration, maxRequestsPerConnection } = pool ?? {};
  return {
    ...(idle === undefined ? {} : { idleTimeout: durationFromMs(idle) }),
    ...(duration === undefined ? {} : { maxConnectionDuration: durationFromMs(duration) }),
    ...(maxRequestsPerConnection === undefined ? {} : { maxRequestsPerConnection }),
  };
}

function keepalive({ intervalMs, timeoutMs }: Http2Keepalive): MessageInitShape<typeof KeepaliveSettingsSchema> {
  return {
    timeout: durationFromMs(timeoutMs),
    ...(intervalMs === undefined ? {} : { interval: durationFromMs(intervalMs) }),
  };
}

function protocolConfig(
  protocol: NonNullable<UpstreamProtocol>,
  pool: ConnectionPool | undefined,
  preservesCase: boolean,
) {
  const http1 = http1Options(preservesCase);
  const { maxConcurrentStreams, http2Keepalive } = pool ?? {};
  // RFC 8441: an upgrade (WebSocket) on an HTTP/2 leg is an extended CONNECT.
  const http2 = {
    allowConnect: true,
    ...(maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams }),
    ...(http2Keepalive ? { connectionKeepalive: keepalive(http2Keepalive) } : {}),
  };
  switch (protocol) {
    case "http1":
      return {
        case: "explicitHttpConfig",
        value: { protocolConfig: { case: "httpProtocolOptions", value: http1 } },
      } as const;
    case "http2":
      return {
        case: "explicitHttpConfig",
        value: { protocolConfig: { case: "http2ProtocolOptions", value: http2 } },
      } as const;
    case "downstream":
      return {
        case: "useDownstreamProtocolConfig",
        value: { httpProtocolOptions: http1, http2ProtocolOptions: http2 },
      } as const;
  }
}
