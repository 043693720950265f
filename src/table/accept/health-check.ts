// envoy.config.core.v3.HealthCheck

import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  type HeaderValueOption,
  RequestMethod,
  RequestMethodSchema,
} from "../../xds/gen/envoy/config/core/v3/base_pb.ts";
import type {
  HealthCheck,
  HealthCheck_GrpcHealthCheck,
  HealthCheck_HttpHealthCheck,
  HealthCheck_Payload,
  HealthCheck_TcpHealthCheck,
} from "../../xds/gen/envoy/config/core/v3/health_check_pb.ts";
import { CodecClientType } from "../../xds/gen/envoy/type/v3/http_pb.ts";
import type { Int64Range } from "../../xds/gen/envoy/type/v3/range_pb.ts";
import type * as table from "../health-check.ts";
import { acceptOperation } from "./header-mutation.ts";
import { acceptString } from "./match.ts";
import { readStrings } from "./metadata.ts";
import { milliseconds, type Scope } from "./scope.ts";

/** Envoy's defaults (health_check.proto). */
const NO_TRAFFIC_INTERVAL_MS = 60_000;
const RESPONSE_BUFFER_BYTES = 1_024;
const OK: readonly table.StatusRange[] = [{ from: 200, to: 201 }];

/** All but `alt_port`, which Envoy does not read either, and events to other places than a file. */
const SUPPORTED = [
  "timeout",
  "interval",
  "initialJitter",
  "intervalJitter",
  "intervalJitterPercent",
  "unhealthyThreshold",
  "healthyThreshold",
  "reuseConnection",
  "healthChecker",
  "noTrafficInterval",
  "noTrafficHealthyInterval",
  "unhealthyInterval",
  "unhealthyEdgeInterval",
  "healthyEdgeInterval",
  "eventLogPath",
  "alwaysLogHealthCheckFailures",
  "alwaysLogHealthCheckSuccess",
  "tlsOptions",
  "transportSocketMatchCriteria",
] as const;

function acceptPayload(scope: Scope, payload: HealthCheck_Payload | undefined): Uint8Array | undefined {
  const by = payload?.payload;
  if (by?.case === "binary") return by.value;
  if (by?.case !== "text") return undefined;
  if (by.value.length === 0 || by.value.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(by.value))
    scope.field("text").reject("not hexadecimal");
  return Buffer.from(by.value, "hex");
}

function acceptPayloads(scope: Scope, payloads: readonly HealthCheck_Payload[]): Uint8Array[] {
  return payloads.flatMap((payload, i) => acceptPayload(scope.index(i), payload) ?? []);
}

/** There is no request whose variables a value could take. */
function acceptHeaders(scope: Scope, options: readonly HeaderValueOption[]): table.CheckHeader[] {
  return options.flatMap((option, i) => {
    const at = scope.index(i);
    const operation = acceptOperation(at, option);
    if (!operation) return [];
    const { name, value, action } = operation;
    const texts = value.flatMap((part) => (part.kind === "text" ? part.text : []));
    if (texts.length < value.length) at.field("header").field("value").reject("variables have no value in a check");
    return { name, value: texts.join(""), overwrite: action !== "append" };
  });
}

function acceptRanges(scope: Scope, ranges: readonly Int64Range[]): table.StatusRange[] {
  return ranges.map(({ start, end }, i) => {
    if (start >= end || start < 100n || end > 600n)
      scope.index(i).reject("must be from 100 to 599, its end above its start");
    return { from: Number(start), to: Number(end) };
  });
}

function acceptHttp(scope: Scope, http: HealthCheck_HttpHealthCheck): table.HttpProbe {
  const { codecClientType, method } = http;
  if (!http.path.startsWith("/")) scope.field("path").reject("must begin with /");
  if (codecClientType !== CodecClientType.HTTP1 && codecClientType !== CodecClientType.HTTP2)
    scope.field("codec_client_type").reject("only HTTP1 and HTTP2 are supported by Heddle's proxy");
  if (method === RequestMethod.CONNECT) scope.field("method").reject("CONNECT is no check");
  const retriable = acceptRanges(scope.field("retriable_statuses"), http.retriableStatuses);
  const expected = acceptRanges(scope.field("expected_statuses"), http.expectedStatuses);
  const name = RequestMethodSchema.values.find(({ number }) => number === method)?.name ?? "";
  return {
    kind: "http",
    method: method === RequestMethod.METHOD_UNSPECIFIED ? "GET" : name,
    path: http.path,
    host: http.host,
    protocol: codecClientType === CodecClientType.HTTP2 ? "http2" : "http1",
    headers: acceptHeaders(scope.field("request_headers_to_add"), http.requestHeadersToAdd),
    removedHeaders: http.requestHeadersToRemove.map((header) => header.toLowerCase()),
    expected: expected.length > 0 ? expected : OK,
    retriable,
    serviceName: http.serviceNameMatcher && acceptString(scope.field("service_name_matcher"), http.serviceNameMatcher),
    send: acceptPayload(scope.field("send"), http.send),
    receive: acceptPayloads(scope.field("receive"), http.receive),
    bufferBytes: Number(http.responseBufferSize ?? RESPONSE_BUFFER_BYTES),
  };
}

function acceptGrpc(scope: Scope, grpc: HealthCheck_GrpcHealthCheck): table.GrpcProbe {
  return {
    kind: "grpc",
    service: grpc.serviceName,
    authority: grpc.authority,
    metadata: acceptHeaders(scope.field("initial_metadata"), grpc.initialMetadata),
  };
}

function acceptTcp(scope: Scope, tcp: HealthCheck_TcpHealthCheck): table.TcpProbe {
  scope.only(tcp, ["send", "receive"]);
  return {
    kind: "tcp",
    send: acceptPayload(scope.field("send"), tcp.send),
    receive: acceptPayloads(scope.field("receive"), tcp.receive),
  };
}

function acceptProbe(scope: Scope, { healthChecker }: HealthCheck): table.Probe | undefined {
  switch (healthChecker.case) {
    case "httpHealthCheck":
      return acceptHttp(scope.field("http_health_check"), healthChecker.value);
    case "grpcHealthCheck":
      return acceptGrpc(scope.field("grpc_health_check"), healthChecker.value);
    case "tcpHealthCheck":
      return acceptTcp(scope.field("tcp_health_check"), healthChecker.value);
    case "customHealthCheck":
      scope.field("custom_health_check").reject("not supported by Heddle's proxy");
      return undefined;
    case undefined:
      scope.reject("neither http_health_check, grpc_health_check nor tcp_health_check");
      return undefined;
  }
}

function positive(scope: Scope, duration: Duration | undefined, otherwise: number): number {
  const ms = milliseconds(duration, otherwise);
  if (ms <= 0) scope.reject("must be above 0");
  return ms;
}

function acceptIntervals(scope: Scope, check: HealthCheck): table.CheckIntervals {
  const of = (field: string, duration: Duration | undefined, otherwise: number) =>
    positive(scope.field(field), duration, otherwise);
  const healthyMs = of("interval", check.interval, 0);
  const unhealthyMs = of("unhealthy_interval", check.unhealthyInterval, healthyMs);
  const noTrafficMs = of("no_traffic_interval", check.noTrafficInterval, NO_TRAFFIC_INTERVAL_MS);
  return {
    healthyMs,
    unhealthyMs,
    healthyEdgeMs: of("healthy_edge_interval", check.healthyEdgeInterval, healthyMs),
    unhealthyEdgeMs: of("unhealthy_edge_interval", check.unhealthyEdgeInterval, unhealthyMs),
    noTrafficMs,
    noTrafficHealthyMs: of("no_traffic_healthy_interval", check.noTrafficHealthyInterval, noTrafficMs),
    jitterMs: milliseconds(check.intervalJitter, 0),
    jitterPercent: check.intervalJitterPercent,
    initialJitterMs: milliseconds(check.initialJitter, 0),
  };
}

function acceptThreshold(scope: Scope, threshold: number | undefined): number {
  if (threshold === undefined) scope.reject("missing");
  return threshold ?? 1;
}

/** Envoy takes one check a cluster, too. */
export function acceptHealthChecks(scope: Scope, checks: readonly HealthCheck[]): table.HealthCheck | undefined {
  const [check, second] = checks;
  if (!check) return undefined;
  if (second) scope.index(1).reject("only one check is supported");
  const at = scope.index(0);
  at.only(check, SUPPORTED);
  const probe = acceptProbe(at, check);
  if (!probe) return undefined;
  return {
    probe,
    timeoutMs: positive(at.field("timeout"), check.timeout, 0),
    intervals: acceptIntervals(at, check),
    unhealthyThreshold: acceptThreshold(at.field("unhealthy_threshold"), check.unhealthyThreshold),
    healthyThreshold: acceptThreshold(at.field("healthy_threshold"), check.healthyThreshold),
    reusesConnection: check.reuseConnection ?? true,
    alpn: check.tlsOptions?.alpnProtocols ?? [],
    socketCriteria: check.transportSocketMatchCriteria && readStrings(check.transportSocketMatchCriteria),
    eventLogPath: check.eventLogPath,
    logsAllFailures: check.alwaysLogHealthCheckFailures,
    logsAllSuccesses: check.alwaysLogHealthCheckSuccess,
  };
}
